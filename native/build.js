/**
 * Compiles the optional native add-ons on the machine that will run them, with the C compiler that is there. npm runs it when
 * the package is installed. Nothing is downloaded, and nothing fails: without a compiler, without npm's install scripts or
 * anywhere but on Linux, flexup uses its plain paths. DTLS alone has none.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const folder = join(here, "..", "dist", "native");

/** Each becomes `dist/native/NAME.node`. */
const addons = {
  "tftp-sender": ["tftp-sender.c"],
  "tftp-receiver": ["tftp-receiver.c", "tftp-receiver-thread.c"],
  "socket-options": ["socket-options.c"],
  dtls: ["dtls.c", "dtls-context.c", "dtls-link.c"],
  "udp-listener": ["udp-listener.c"],
};
/** What flexup does without an add-on; the others have a plain path. */
const without = { dtls: "daemons need --dtls off" };

for (const [name, sources] of Object.entries(addons)) {
  const obstacle = await build(name, sources).catch((error) => error.message);
  if (obstacle !== undefined) console.log(`native ${name} not built (${obstacle}); ${without[name] ?? "the plain path will be used"}`);
}

/** Node's headers hold those of the OpenSSL inside it; where they are not installed, the system's of OpenSSL 3 serve. */
function openSslIncludes() {
  const beside = join(dirname(process.execPath), "..", "include", "node");
  return existsSync(join(beside, "openssl", "ssl.h")) ? [`-idirafter${beside}`] : [];
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
  const all = [...flags, includes, ...openSslIncludes(), ...files, "-o", unfinished];
  const { error, status, stderr } = spawnSync(compiler, all, { encoding: "utf8" });
  if (error !== undefined) return `no C compiler: ${error.message}`;
  if (status !== 0) return `${compiler}: ${stderr.trim().split("\n").slice(0, 5).join(" | ")}`;
  renameSync(unfinished, target);
  return undefined;
}
