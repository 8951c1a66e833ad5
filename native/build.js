/**
 * Compiles the optional native add-ons on the machine that will run them, with the C compiler that is there. npm runs it when
 * the package is installed. Nothing is downloaded, and nothing fails: without a compiler, without npm's install scripts or
 * anywhere but on Linux, flexup uses its plain paths.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const folder = join(here, "..", "dist", "native");

/** Each becomes `dist/native/NAME.node`. */
const addons = {
  "tftp-sender": ["tftp-sender.c"],
  "tftp-receiver": ["tftp-receiver.c", "tftp-receiver-thread.c"],
  "socket-options": ["socket-options.c"],
};

for (const [name, sources] of Object.entries(addons)) {
  const obstacle = await build(name, sources).catch((error) => error.message);
  if (obstacle !== undefined) console.log(`native ${name} not built (${obstacle}); the plain path will be used`);
}

/** @returns what stood in the way, undefined when it is built */
async function build(name, sources) {
  mkdirSync(folder, { recursive: true });
  if (process.platform !== "linux") return `${process.platform} is not Linux`;
  const headers = await import("node-api-headers").catch(() => undefined);
  if (headers === undefined) return "the package node-api-headers is not installed";
  const target = join(folder, `${name}.node`);
  const unfinished = `${target}.${process.pid}`;
  const compiler = process.env.CC ?? "cc";
  const includes = `-I${headers.default.include_dir}`;
  const flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-fPIC", "-fvisibility=hidden", "-shared", "-pthread", "-DNAPI_VERSION=8"];
  const files = sources.map((source) => join(here, source));
  const { error, status, stderr } = spawnSync(compiler, [...flags, includes, ...files, "-o", unfinished], { encoding: "utf8" });
  if (error !== undefined) return `no C compiler: ${error.message}`;
  if (status !== 0) return `${compiler}: ${stderr.trim().split("\n").slice(0, 5).join(" | ")}`;
  renameSync(unfinished, target);
  return undefined;
}
