/** The native add-ons and how to compile one with the local C compiler. Nothing is downloaded. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

/** Each becomes `NAME.node`. */
export const addons = {
  "tftp-sender": ["tftp-sender.c"],
  "tftp-receiver": ["tftp-receiver.c", "tftp-receiver-thread.c"],
  "socket-options": ["socket-options.c"],
  dtls: ["dtls.c", "dtls-context.c", "dtls-link.c"],
  "udp-listener": ["udp-listener.c"],
};

/** Node's headers hold those of the OpenSSL inside it; where they are not installed, the system's of OpenSSL 3 serve. */
function openSslIncludes() {
  const beside = join(dirname(process.execPath), "..", "include", "node");
  return existsSync(join(beside, "openssl", "ssl.h")) ? [`-idirafter${beside}`] : [];
}

/**
 * @param folder receives `NAME.node`
 * @param options further compiler options
 * @returns why it was not built; undefined on success
 */
export async function compile(name, folder, compiler, options = []) {
  const headers = await import("node-api-headers").catch(() => undefined);
  if (headers === undefined) return "the package node-api-headers is not installed";
  mkdirSync(folder, { recursive: true });
  const target = join(folder, `${name}.node`);
  const unfinished = `${target}.${process.pid}`;
  const flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-fPIC", "-fvisibility=hidden", "-shared", "-pthread", "-DNAPI_VERSION=8"];
  const includes = [`-I${headers.default.include_dir}`, ...openSslIncludes()];
  const files = addons[name].map((source) => join(here, source));
  const { error, status, stderr } = spawnSync(compiler, [...flags, ...options, ...includes, ...files, "-o", unfinished], {
    encoding: "utf8",
  });
  if (error !== undefined) return `no C compiler: ${error.message}`;
  if (status !== 0) {
    rmSync(unfinished, { force: true });
    return `${compiler}: ${stderr.trim().split("\n").slice(0, 5).join(" | ")}`;
  }
  renameSync(unfinished, target);
  return undefined;
}
