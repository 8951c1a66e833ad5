/** The optional add-ons that `native/build.js` compiles at install. */
import { createRequire } from "node:module";

/** Undefined where it was not compiled, or where FLEXUP_NATIVE=0 says to do without: then the plain path does the work. */
export function loadAddon<T>(name: "tftp-sender" | "tftp-receiver" | "socket-options"): T | undefined {
  if (process.env["FLEXUP_NATIVE"] === "0") return undefined;
  try {
    return createRequire(import.meta.url)(`../../native/${name}.node`) as T;
  } catch {
    return undefined;
  }
}
