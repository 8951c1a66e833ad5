/** Canonical JSON of printable ASCII, as signed by TUF. Every value has exactly one spelling, so no two parsers can disagree. */
import { canonicalize } from "@tufjs/canonical-json";
import { accept, distrust, type TrustVerdict } from "../../core/trust/verdict.js";

export type JsonObject = { [name: string]: JsonValue };
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;

const depthMax = 16;

/**
 * Parses an object; refuses duplicate keys, other spellings of numbers, escapes, whitespace and non-ASCII text.
 * @param bytesMax checked before anything is read
 * @param what names the file in the refusal
 */
export function parseCanonical(bytes: Uint8Array, bytesMax: number, what: string): TrustVerdict<JsonObject> {
  if (bytes.length > bytesMax) return distrust("bundle-malformed", `${what} has ${bytes.length} bytes, more than ${bytesMax}`);
  if (!bytes.every((octet) => octet >= 0x20 && octet <= 0x7e)) {
    return distrust("bundle-malformed", `${what} holds characters other than printable ASCII`);
  }
  const text = Buffer.from(bytes).toString("latin1");
  if (depthOf(text) > depthMax) return distrust("bundle-malformed", `${what} is nested deeper than ${depthMax} levels`);
  const value = parsed(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return distrust("bundle-malformed", `${what} is not a JSON object`);
  }
  return isCanonical(value, text) ? accept(value) : distrust("bundle-malformed", `${what} is not canonical JSON`);
}

export const canonicalBytes = (value: JsonValue): Buffer => Buffer.from(canonicalize(value), "latin1");

/** Levels of brackets outside strings. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "\\") at++;
    else if (character === '"') inString = !inString;
    else if (!inString && (character === "{" || character === "[")) deepest = Math.max(deepest, ++depth);
    else if (!inString && (character === "}" || character === "]")) depth--;
  }
  return deepest;
}

function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

/** Canonical JSON has no fractions: the encoder throws on one. */
function isCanonical(value: JsonObject, text: string): boolean {
  try {
    return canonicalize(value) === text;
  } catch {
    return false;
  }
}
