/**
 * A running fingerprint of everything that happened in a world: equal hashes mean equal runs.
 * Two FNV-1a lanes with different offsets: enough against chance, useless against malice.
 */
export class TraceHash {
  #high = 0x811c9dc5;
  #low = 0x7ee3623b;

  /** @param value any finite number; fractions below 1/4096 are dropped, since an Instant carries no more. */
  number(value: number): void {
    const scaled = value * 4096;
    this.#word(scaled | 0);
    this.#word(Math.floor(scaled / 0x100000000) | 0);
  }

  text(value: string): void {
    for (let index = 0; index < value.length; index++) this.#word(value.charCodeAt(index));
    this.#word(value.length);
  }

  /** Length, head and tail hold headers and block numbers; hashing whole images would cost more than the run itself. */
  bytes(value: Uint8Array): void {
    const { length } = value;
    for (let index = 0; index < Math.min(length, 24); index++) this.#word(value[index] as number);
    for (let index = Math.max(24, length - 8); index < length; index++) this.#word(value[index] as number);
    this.#word(length);
  }

  /** Sixteen hex digits. */
  digest(): string {
    return [this.#high, this.#low].map((lane) => (lane >>> 0).toString(16).padStart(8, "0")).join("");
  }

  #word(value: number): void {
    this.#high = Math.imul(this.#high ^ value, 0x01000193);
    this.#low = Math.imul(this.#low ^ (value + 0x9e3779b9), 0x01000193);
    this.#low ^= this.#low >>> 15;
  }
}
