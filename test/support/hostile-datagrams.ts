import type { Prng } from "../../src/base/prng.js";

/** Bytes of the longest random datagram. */
const LENGTH_MAX = 600;

/** By turns random bytes of every length, and one of the `valid` packets with bytes changed or its end cut off. */
export function hostileDatagram(prng: Prng, index: number, valid: readonly Uint8Array[]): Uint8Array {
  if (index % 2 === 0) return prng.bytes((index / 2) % (LENGTH_MAX + 1));
  const bytes = (valid[prng.below(valid.length)] as Uint8Array).slice();
  for (let flips = prng.below(4); flips > 0; flips--) bytes[prng.below(bytes.length)] = prng.below(256);
  return bytes.subarray(0, prng.below(4) === 0 ? prng.below(bytes.length + 1) : bytes.length);
}
