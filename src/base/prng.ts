/**
 * A small seeded generator (sfc32, Chris Doty-Humphrey, public domain). Each machine gets its own,
 * split from its node's, so that one machine's draws never shift another's.
 */
export class Prng {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream = 0) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 0x100000000) | 0;
    this.#c = stream | 0;
    for (let round = 0; round < 15; round++) this.u32();
  }

  /** Uniform in 0 … 2³²−1. */
  u32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }

  /** Uniform in [0, 1). */
  fraction(): number {
    return this.u32() / 0x100000000;
  }

  /** Uniform in (low, high]: the source document's "more than" excludes the lower bound. */
  above(low: number, high: number): number {
    return high - this.fraction() * (high - low);
  }

  /** Uniform whole number in 0 … limit−1. */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.u32() & 0xff);
  }

  /** An independent generator named by `stream`; the same name gives the same generator. */
  split(stream: string): Prng {
    let hash = 0x811c9dc5;
    for (let index = 0; index < stream.length; index++) hash = Math.imul(hash ^ stream.charCodeAt(index), 0x01000193);
    return new Prng(this.#a * 0x100000 + (this.#b >>> 12), hash ^ this.#c);
  }
}
