import type { Sha256Hex } from "../../base/sha256.js";
import { chunkRange, type ImageChunks } from "../upgrade/image-chunks.js";
import type { ApEffect, RunOrder } from "./contract.js";
import type { ImageSlots } from "./image-slots.js";

interface Shelf {
  readonly chunks: ImageChunks;
  readonly imageSha256: Sha256Hex;
  readonly imageBytes: number;
  /** By index. */
  readonly offered: Set<number>;
}

/** What an AP of a `stream` run serves: each chunk as soon as it is verified, under the name of its digest. */
export class ChunkServe {
  readonly #slots: ImageSlots;
  #shelf: Shelf | undefined;

  constructor(slots: ImageSlots) {
    this.#slots = slots;
  }

  /** An order came: its chunks are due, or there are none. What is offered of the same image stays. */
  expect({ role, stream, sha256, sizeBytes, sessionsMax }: RunOrder, out: ApEffect[]): void {
    if (stream === undefined || sha256 === null || role === "fallback") {
      this.withdraw(out);
      return;
    }
    if (this.#shelf !== undefined && isSame(this.#shelf.chunks, stream)) return;
    this.withdraw(out);
    this.#shelf = { chunks: stream, imageSha256: sha256, imageBytes: sizeBytes, offered: new Set() };
    out.push({ type: "expect-chunks", fileNames: stream.sha256s, sessionsMax });
  }

  /** The chunk is in the download, read back and sound. */
  verified(chunk: number, out: ApEffect[]): void {
    this.#offer(chunk, out);
  }

  /** A slot holds the whole, verified image. */
  complete({ sha256 }: RunOrder, out: ApEffect[]): void {
    if (sha256 === null || this.#slots.holding(sha256) === undefined) return;
    const count = this.#shelf?.chunks.sha256s.length ?? 0;
    for (let chunk = 0; chunk < count; chunk++) this.#offer(chunk, out);
  }

  withdraw(out: ApEffect[]): void {
    if (this.#shelf !== undefined) out.push({ type: "withdraw-chunks" });
    this.#shelf = undefined;
  }

  #offer(chunk: number, out: ApEffect[]): void {
    if (this.#shelf === undefined || this.#shelf.offered.has(chunk)) return;
    const { chunks, imageSha256, imageBytes, offered } = this.#shelf;
    offered.add(chunk);
    out.push({ type: "offer-chunk", fileName: chunks.sha256s[chunk] as string, imageSha256, ...chunkRange(chunks, imageBytes, chunk) });
  }
}

const isSame = (one: ImageChunks, other: ImageChunks): boolean =>
  one.chunkBytes === other.chunkBytes &&
  one.sha256s.length === other.sha256s.length &&
  one.sha256s.every((sha256, index) => sha256 === other.sha256s[index]);
