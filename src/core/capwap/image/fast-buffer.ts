import { invariant } from "../../../base/invariant.js";

/** Size of a chunk; nothing that is looked at reaches from one into the next. */
export const chunkBytes = 65_536;

/**
 * Image bytes that have arrived and are not written yet, at their offsets. Memory is taken in chunks where bytes come to lie and is
 * used again when all before them is written, so that a window may be wide and cost only what a path and a disk make it cost.
 */
export class FastBuffer {
  readonly #start: number;
  readonly #chunks = new Map<number, Uint8Array>();
  readonly #spare: Uint8Array[] = [];
  /** Number of the first chunk that may still be needed. */
  #first = 0;

  /** @param start offset of the first byte that will be put here */
  constructor(start: number) {
    this.#start = start;
  }

  get memoryBytes(): number {
    return (this.#chunks.size + this.#spare.length) * chunkBytes;
  }

  /** Copies bytes to `offset`, at or behind what was released. */
  put(offset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const at = offset - this.#start + done;
      const within = at % chunkBytes;
      const length = Math.min(bytes.length - done, chunkBytes - within);
      this.#chunk(Math.floor(at / chunkBytes)).set(bytes.subarray(done, done + length), within);
      done += length;
    }
  }

  /** Bytes from `offset` on, up to `end` or the end of their chunk: a view that stays as it is until they are released. */
  view(offset: number, end: number): Uint8Array {
    const at = offset - this.#start;
    const within = at % chunkBytes;
    const chunk = this.#chunks.get(Math.floor(at / chunkBytes));
    invariant(chunk !== undefined, `no bytes are at ${offset}`);
    return chunk.subarray(within, Math.min(chunkBytes, within + end - offset));
  }

  /** Nothing before `offset` is looked at any more. */
  release(offset: number): void {
    for (const end = Math.floor((offset - this.#start) / chunkBytes); this.#first < end; this.#first++) {
      const chunk = this.#chunks.get(this.#first);
      if (chunk === undefined) continue;
      this.#chunks.delete(this.#first);
      this.#spare.push(chunk);
    }
  }

  /** Nothing is put here or looked at any more; a view that somebody still has stays as it is. */
  clear(): void {
    this.#chunks.clear();
    this.#spare.length = 0;
  }

  #chunk(number: number): Uint8Array {
    let chunk = this.#chunks.get(number);
    if (chunk === undefined) {
      chunk = this.#spare.pop() ?? new Uint8Array(chunkBytes);
      this.#chunks.set(number, chunk);
    }
    return chunk;
  }
}
