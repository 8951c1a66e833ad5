import type { Prng } from "../base/prng.js";
import { type Range, RangeSet } from "../base/range-set.js";
import type { Sha256Hex } from "../base/sha256.js";
import { type SyntheticImage, strangeDigest } from "./synthetic-image.js";

/**
 * A file without its bytes: it knows which ranges were written, how much of them would survive a power cut, and which of
 * the known images it may still be.
 */
export class VirtualFile {
  #candidates: readonly SyntheticImage[];
  #written = new RangeSet();
  #durable: readonly Range[] = [];

  constructor(images: readonly SyntheticImage[]) {
    this.#candidates = images;
  }

  /** A file that durably holds all of `image`. */
  static holding(image: SyntheticImage): VirtualFile {
    const file = new VirtualFile([image]);
    file.#written.add(0, image.sizeBytes);
    file.sync();
    return file;
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#candidates = this.#candidates.filter((image) => image.matches(offset, bytes));
    this.#written.add(offset, offset + bytes.length);
  }

  /** Truncates. */
  cutAt(sizeBytes: number): void {
    this.#written.cutAt(sizeBytes);
  }

  /** fsync: everything written so far is durable. */
  sync(): void {
    this.#durable = [...this.#written.ranges];
  }

  /** A power cut: of what was not synced, only what lies before an arbitrary point had reached the disk. */
  crash(prng: Prng): void {
    const unsynced = this.#written;
    unsynced.cutAt(prng.below(this.sizeBytes + 1));
    this.#written = new RangeSet([...this.#durable, ...unsynced.ranges]);
    this.sync();
  }

  get sizeBytes(): number {
    return this.#written.ranges.at(-1)?.end ?? 0;
  }

  /** Bytes from the start without a gap. */
  get prefixBytes(): number {
    return this.#written.firstGap(0);
  }

  /** Whether what is written so far could be the start of `image`. */
  mayBe(image: SyntheticImage): boolean {
    return this.#candidates.includes(image);
  }

  /** The image that this file holds in full, byte for byte. */
  image(): SyntheticImage | undefined {
    return this.#candidates.find(({ sizeBytes }) => this.sizeBytes === sizeBytes && this.prefixBytes === sizeBytes);
  }

  digest(): { readonly sha256: Sha256Hex; readonly md5: string } {
    const image = this.image();
    return image === undefined ? strangeDigest : { sha256: image.sha256, md5: image.md5 };
  }

  /** Bytes of the image that this file holds in full; anything else reads as zeros. */
  read(offset: number, length: number): Uint8Array {
    return this.image()?.range(offset, length) ?? new Uint8Array(length);
  }
}
