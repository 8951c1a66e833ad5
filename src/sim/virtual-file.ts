import type { Prng } from "../base/prng.js";
import { type Range, RangeSet } from "../base/range-set.js";
import type { Sha256Hex } from "../base/sha256.js";
import { type SyntheticImage, strangeDigest } from "./synthetic-image.js";

/**
 * A file without its bytes: it knows which ranges were written, how much of them would survive a power cut, and in which ranges it
 * differs from each of the known images.
 */
export class VirtualFile {
  /** Ranges that differ from an image, in no order. An image that the file has none of was never compared. */
  readonly #wrong: ReadonlyMap<SyntheticImage, Range[]>;
  #written = new RangeSet();
  #durable: readonly Range[] = [];

  constructor(images: readonly SyntheticImage[]) {
    this.#wrong = new Map(images.map((image) => [image, []]));
  }

  /** A file that durably holds all of `image`. */
  static holding(image: SyntheticImage): VirtualFile {
    const file = new VirtualFile([image]);
    file.#written.add(0, image.sizeBytes);
    file.sync();
    return file;
  }

  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    for (const [image, wrong] of this.#wrong) {
      if (wrong.length > 0) wrong.splice(0, wrong.length, ...wrong.flatMap((range) => without(range, offset, end)));
      if (image.matches(offset, bytes)) continue;
      const last = wrong.at(-1);
      if (last?.end === offset) wrong.splice(-1, 1, { start: last.start, end });
      else wrong.push({ start: offset, end });
    }
    this.#written.add(offset, end);
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
    return this.#differs(image, 0, this.sizeBytes) === false;
  }

  /** Whether this range was written in full, as in `image`. */
  holds(image: SyntheticImage, offset: number, length: number): boolean {
    return this.#written.firstGap(offset) >= offset + length && this.#differs(image, offset, length) === false;
  }

  /** The image that this file holds in full, byte for byte. */
  image(): SyntheticImage | undefined {
    const { sizeBytes } = this;
    if (this.prefixBytes !== sizeBytes) return undefined;
    for (const image of this.#wrong.keys()) if (image.sizeBytes === sizeBytes && this.holds(image, 0, sizeBytes)) return image;
    return undefined;
  }

  digest(): { readonly sha256: Sha256Hex; readonly md5: string } {
    const image = this.image();
    return image === undefined ? strangeDigest : { sha256: image.sha256, md5: image.md5 };
  }

  /** Bytes of an image that this file holds here; anything else reads as zeros. */
  read(offset: number, length: number): Uint8Array {
    for (const image of this.#wrong.keys())
      if (offset + length <= image.sizeBytes && this.holds(image, offset, length)) return image.range(offset, length);
    return new Uint8Array(length);
  }

  /** Undefined for an image that this file knows nothing of. */
  #differs(image: SyntheticImage, offset: number, length: number): boolean | undefined {
    return this.#wrong.get(image)?.some(({ start, end }) => start < offset + length && end > offset);
  }
}

function without({ start, end }: Range, from: number, to: number): Range[] {
  if (to <= start || from >= end) return [{ start, end }];
  return [...(start < from ? [{ start, end: from }] : []), ...(to < end ? [{ start: to, end }] : [])];
}
