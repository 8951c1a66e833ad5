import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** flexup's own version, from its package. */
export const flexupVersion: string = (
  JSON.parse(readFileSync(join(dirname(fileURLToPath(import.meta.url)), "../../../package.json"), "utf8")) as { version: string }
).version;

/** No trusted date is earlier; raised with each release. */
export const flexupBuiltAtMs = Date.parse("2026-11-28T00:00:00Z");
