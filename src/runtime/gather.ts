/** A datagram's payload is small, and a digest update and a write cost the same for one as for a hundred. */
const PIECE_BYTES = 256 * 1024;

/** Bytes that follow each other, copied together into a few large pieces. */
export class Gather {
  #pieces: Uint8Array[] = [];
  #current = Buffer.alloc(0);
  /** What of `current` is filled and not yet taken. */
  #from = 0;
  #to = 0;

  get empty(): boolean {
    return this.#pieces.length === 0 && this.#from === this.#to;
  }

  add(bytes: Uint8Array): void {
    if (bytes.length > this.#current.length - this.#to) {
      this.#close();
      this.#current = Buffer.allocUnsafeSlow(Math.max(PIECE_BYTES, bytes.length));
      this.#from = 0;
      this.#to = 0;
    }
    this.#current.set(bytes, this.#to);
    this.#to += bytes.length;
  }

  /** All that was added since the last call, in order. The pieces are the caller's; nothing is written into them any more. */
  take(): readonly Uint8Array[] {
    this.#close();
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }

  #close(): void {
    if (this.#to > this.#from) this.#pieces.push(this.#current.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}
