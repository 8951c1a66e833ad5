import { hexOf } from "./hex.js";

/** Six octets as lower-case hex with colons, e.g. `00:0a:b8:3b:0b:c2`. Equal addresses are equal strings. */
export type MacAddress = string & { readonly __brand: "MacAddress" };

const hexDigits = /^[0-9a-f]{12}$/;
const groupings = [/^[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}$/, /^[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}$/, hexDigits];

/** Reads `00:0a:b8:3b:0b:c2`, `00-0a-b8-3b-0b-c2`, `000a.b83b.0bc2` and `000ab83b0bc2` in any case. */
export function parseMac(text: string): MacAddress | undefined {
  const lower = text.trim().toLowerCase();
  if (!groupings.some((grouping) => grouping.test(lower))) return undefined;
  return macOfHex(lower.replace(/[^0-9a-f]/g, ""));
}

const macOfHex = (hex: string): MacAddress => (hex.match(/../g) as string[]).join(":") as MacAddress;

/** @param bytes six octets */
export const macFromBytes = (bytes: Uint8Array): MacAddress => macOfHex(hexOf(bytes));

export const macToBytes = (mac: MacAddress): Uint8Array => Uint8Array.from(mac.split(":"), (octet) => Number.parseInt(octet, 16));

/** Numeric order. The canonical text sorts as its 48-bit number does. */
export const compareMac = (a: MacAddress, b: MacAddress): number => (a < b ? -1 : a > b ? 1 : 0);
