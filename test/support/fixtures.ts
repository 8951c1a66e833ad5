import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Path of a file under `fixtures/`. */
export const fixture = (...parts: string[]): string =>
  join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "fixtures", ...parts);

export const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/[^0-9a-fA-F]/g, ""), "hex"));
export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
