import { hexOf } from "../base/hex.js";
import { invariant } from "../base/invariant.js";
import type { MacAddress } from "../base/mac-address.js";
import { Prng } from "../base/prng.js";
import type { Sha256Hex } from "../base/sha256.js";
import type { ImageChunks } from "../core/upgrade/image-chunks.js";

/** Prime, so that a range at a wrong block, page or 64 KiB boundary never looks right. */
const periodBytes = 65_521;
const rangeBytesMax = 65_536;

/**
 * A firmware image of any size that takes 128 KiB: its content repeats with a prime period, so that any range of it is
 * a view and a misplaced range is detected. Its digests are made-up names: nothing in a world computes one.
 */
export class SyntheticImage {
  readonly name: string;
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: Sha256Hex;
  readonly md5: string;
  readonly #content: Uint8Array;
  readonly #chunkSha256s: Sha256Hex[] = [];
  readonly #chunkPrng: Prng;

  constructor(name: string, sizeBytes: number) {
    const prng = new Prng(sizeBytes).split(name);
    this.name = name;
    this.sizeBytes = sizeBytes;
    this.sha256 = hexOf(prng.bytes(32));
    this.md5 = hexOf(prng.bytes(16));
    this.#chunkPrng = new Prng(sizeBytes).split(`${name} chunks`);
    const period = prng.bytes(periodBytes);
    this.#content = new Uint8Array(periodBytes + rangeBytesMax);
    this.#content.set(period);
    this.#content.set(period, periodBytes);
    this.#content.set(period.subarray(0, rangeBytesMax - periodBytes), 2 * periodBytes);
  }

  /** A view that must not be written to. At most 64 KiB. */
  range(offset: number, length: number): Uint8Array {
    invariant(
      length <= rangeBytesMax && offset >= 0 && offset + length <= this.sizeBytes,
      `${this.name} has no ${length} bytes at ${offset}`,
    );
    const start = offset % periodBytes;
    return this.#content.subarray(start, start + length);
  }

  /** What an AP that holds this image answers to a challenge: made up, like the digests. */
  proof(nonce: Uint8Array, mac: MacAddress): Uint8Array {
    return new Prng(this.sizeBytes).split(`${this.name} ${hexOf(nonce)} ${mac}`).bytes(32);
  }

  /** With digests that are made up, like its own. */
  chunks(chunkBytes: number): ImageChunks {
    return { chunkBytes, sha256s: Array.from({ length: Math.ceil(this.sizeBytes / chunkBytes) }, (_, index) => this.chunkSha256(index)) };
  }

  /** Whatever the size of the chunks. */
  chunkSha256(index: number): Sha256Hex {
    while (this.#chunkSha256s.length <= index) this.#chunkSha256s.push(hexOf(this.#chunkPrng.bytes(32)));
    return this.#chunkSha256s[index] as Sha256Hex;
  }

  /** Whether the digest is that of this image's chunk at `offset`, of this size or the last. */
  hasChunk(sha256: Sha256Hex, offset: number, sizeBytes: number): boolean {
    const index = this.#chunkSha256s.indexOf(sha256);
    return index >= 0 && (index === 0 ? offset === 0 : offset % index === 0) && offset + sizeBytes <= this.sizeBytes;
  }

  matches(offset: number, bytes: Uint8Array): boolean {
    if (bytes.length > rangeBytesMax || offset + bytes.length > this.sizeBytes) return false;
    const start = offset % periodBytes;
    const content = this.#content;
    for (let index = 0; index < bytes.length; index++) if (bytes[index] !== content[start + index]) return false;
    return true;
  }
}

/** The digest of anything but a known image. */
export const strangeDigest = { sha256: "0".repeat(63).concat("1"), md5: "0".repeat(31).concat("1") };
