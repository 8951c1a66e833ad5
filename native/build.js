/**
 * Compiles the optional native sender with the C compiler that is there. Nothing is downloaded, and nothing fails: without
 * a compiler, or anywhere but on Linux, flexup uses its plain path.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "..", "dist", "native", "tftp-sender.node");

const outcome = await build();
if (outcome !== undefined) console.log(`native TFTP sender not built (${outcome}); the plain path will be used`);

async function build() {
  mkdirSync(dirname(target), { recursive: true });
  if (process.platform !== "linux") return `${process.platform} is not Linux`;
  const headers = await import("node-api-headers").catch(() => undefined);
  if (headers === undefined) return "no node-api-headers: development dependencies are not installed";
  const unfinished = `${target}.${process.pid}`;
  const compiler = process.env.CC ?? "cc";
  const includes = `-I${headers.default.include_dir}`;
  const flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-fPIC", "-shared", "-DNAPI_VERSION=8"];
  const { error, status, stderr } = spawnSync(compiler, [...flags, includes, join(here, "tftp-sender.c"), "-o", unfinished], {
    encoding: "utf8",
  });
  if (error !== undefined) return `no C compiler: ${error.message}`;
  if (status !== 0) return `${compiler} said: ${stderr.trim().split("\n").slice(0, 5).join(" | ")}`;
  renameSync(unfinished, target);
  return undefined;
}
