/**
 * Payload between the socket and the disk: blocks one after the other in one buffer that is used over and over, so that it stays in the
 * cache and in its size.
 */
import { invariant } from "../../base/invariant.js";

export class BlockRing {
  /** Whole blocks; octet `n` of the file lies at `n` modulo its length. */
  readonly buffer: Uint8Array;
  readonly blksize: number;
  #received = 0;
  #taken = 0;
  #written = 0;

  /** @param unwrittenBytesMax so many octets are in it at most; there is room for one block more */
  constructor(blksize: number, unwrittenBytesMax: number) {
    this.blksize = blksize;
    this.buffer = Buffer.allocUnsafeSlow((Math.ceil(unwrittenBytesMax / blksize) + 1) * blksize);
  }

  /** Octets since the start of the file. */
  get received(): number {
    return this.#received;
  }

  /** Nothing is there that was not taken. */
  get empty(): boolean {
    return this.#taken === this.#received;
  }

  /** Copies a block in; a shorter one is the last. */
  put(bytes: Uint8Array): void {
    invariant(this.#received % this.blksize === 0 && bytes.length <= this.blksize, "blocks are whole until the last");
    this.buffer.set(bytes, this.#received % this.buffer.length);
    this.advance(this.#received + bytes.length);
  }

  /** The octets up to `received` are in their places. */
  advance(received: number): void {
    invariant(received >= this.#received && received - this.#written <= this.buffer.length, "nothing is overwritten before it is written");
    this.#received = received;
  }

  /** What came since the last call, in order; it stays as it is until `release`. At most `bytesMax` octets. */
  take(bytesMax: number): readonly Uint8Array[] {
    const size = this.buffer.length;
    const count = Math.min(this.#received - this.#taken, bytesMax);
    const start = this.#taken % size;
    this.#taken += count;
    if (start + count <= size) return count === 0 ? [] : [this.buffer.subarray(start, start + count)];
    return [this.buffer.subarray(start), this.buffer.subarray(0, start + count - size)];
  }

  /** The first `written` octets of the file are needed no more. */
  release(written: number): void {
    invariant(written >= this.#written && written <= this.#taken, "only what was taken is released");
    this.#written = written;
  }
}
