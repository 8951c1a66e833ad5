import type { Flavor } from "./flavor.js";
import { bytesOfHex, hexOf } from "./hex.js";

/** A SHA-256 digest as 64 lower-case hex digits; the name of an image throughout. */
export type Sha256Hex = Flavor<string, "Sha256Hex">;

export const isSha256Hex = (text: string): text is Sha256Hex => /^[0-9a-f]{64}$/.test(text);

/** @param digest 32 octets */
export const sha256HexOf = (digest: Uint8Array): Sha256Hex => hexOf(digest);

/** @returns 32 octets */
export const sha256Octets = (sha256: Sha256Hex): Uint8Array => bytesOfHex(sha256);
