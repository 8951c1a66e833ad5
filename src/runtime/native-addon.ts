/** The optional add-ons that `native/build.js` compiles at install. */
import { createRequire } from "node:module";

export type AddonName = "tftp-sender" | "tftp-receiver" | "socket-options" | "udp-listener" | "dtls";

/** @returns undefined where it was not compiled or does not load, or with FLEXUP_NATIVE=0: the plain path then does the work */
export function loadAddon<T>(name: AddonName): T | undefined {
  if (process.env["FLEXUP_NATIVE"] === "0") return undefined;
  try {
    return createRequire(import.meta.url)(`../../native/${name}.node`) as T;
  } catch {
    return undefined;
  }
}
