import { createHash, randomUUID } from "node:crypto";
import { closeSync, createReadStream, mkdirSync, openSync, readdirSync, readSync, renameSync, rmSync } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { failure, type Result, success } from "../../base/failure.js";
import type { Sha256Hex } from "../../base/sha256.js";
import { chunkBytesFor, type ImageChunks } from "../../core/upgrade/image-chunks.js";
import { syncFolder } from "../lasting-file.js";
import { freeBytes, reserveBytes } from "./store/reserve.js";

/** Measured while the file was stored. Digests are lower-case hex. */
export interface MeasuredImage {
  readonly sizeBytes: number;
  readonly sha256: Sha256Hex;
  readonly md5: string;
}

const temporarySuffix = ".part";
/** Only names of these forms are touched: the folder may be a mounted disk with other files. */
const temporaryName = /^[0-9a-f-]{36}\.part$/;
const imageName = /^[0-9a-f]{64}$/;
const asideName = "unlisted";

/**
 * The image files of a controller, each named by its SHA-256. A file appears under that name only after it is
 * complete, measured and fsynced. Each is opened once, whatever the number of APs that read it.
 */
export class ImageFolder {
  readonly #folder: string;
  readonly #free: (folder: string) => number;
  readonly #open = new Map<string, number>();
  /** Stored images whose `image-add` is still undecided; `remove` skips them. */
  readonly #undecided = new Map<string, number>();

  /**
   * Creates the folder where needed and deletes the remains of interrupted uploads. Failure: `data-folder-unusable`.
   * @param free bytes that are free on the folder's disk
   */
  static open(folder: string, free: (folder: string) => number = freeBytes): Result<ImageFolder> {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      for (const name of readdirSync(folder)) if (temporaryName.test(name)) rmSync(join(folder, name));
      return success(new ImageFolder(folder, free));
    } catch (error) {
      return failure("data-folder-unusable", `${folder} cannot hold images: ${(error as Error).message}; check that it is writable`);
    }
  }

  private constructor(folder: string, free: (folder: string) => number) {
    this.#folder = folder;
    this.#free = free;
  }

  /**
   * Stores a file. It is kept only if `decide` succeeds; a refused image leaves nothing behind.
   * `reserveBytes` stay free on the disk for the controller itself.
   * Failures besides those of `decide`: `image-empty`, `image-too-large`, `image-not-stored`.
   * @param announcedBytes size of the file where the sender announced it: a file that cannot be stored is refused before it is read
   */
  async add<T>(
    source: AsyncIterable<Uint8Array>,
    bytesMax: number,
    decide: (image: MeasuredImage) => Promise<Result<T>>,
    announcedBytes = 0,
  ): Promise<Result<T>> {
    if (announcedBytes > bytesMax) return tooLarge(bytesMax);
    if (!this.#hasRoom(announcedBytes)) return noRoom;
    const stored = await this.#store(source, bytesMax);
    if (!stored.ok) return stored;
    const { sha256 } = stored.value.image;
    try {
      const decision = await decide(stored.value.image);
      if (!decision.ok && stored.value.isNew && this.#undecided.get(sha256) === 1) this.#delete(sha256);
      return decision;
    } finally {
      this.#leave(sha256);
    }
  }

  /** Fills `into` with the octets of an image from `offset`. @throws when the file is missing or truncated */
  read(sha256: Sha256Hex, offset: number, into: Uint8Array): void {
    const got = readSync(this.#descriptor(sha256), into, 0, into.length, offset);
    if (got !== into.length) throw new Error(`image ${sha256} is shorter than it was: ${got} of ${into.length} octets at ${offset}`);
  }

  path(sha256: Sha256Hex): string {
    return join(this.#folder, sha256);
  }

  /** Reads the whole file. `fault`: what is wrong with it, in words; null where it has its digest. */
  async check(sha256: Sha256Hex): Promise<{ readonly fault: string | null; readonly chunks: ImageChunks | null }> {
    const whole = createHash("sha256");
    const sha256s: Sha256Hex[] = [];
    let chunkBytes: number;
    try {
      const path = this.path(sha256);
      chunkBytes = chunkBytesFor((await stat(path)).size);
      let chunk = createHash("sha256");
      let missingBytes = chunkBytes;
      for await (const read of createReadStream(path, { highWaterMark: 1 << 20 })) {
        const bytes = read as Buffer;
        whole.update(bytes);
        for (let at = 0; at < bytes.length; ) {
          const part = bytes.subarray(at, at + missingBytes);
          chunk.update(part);
          at += part.length;
          missingBytes -= part.length;
          if (missingBytes > 0) continue;
          sha256s.push(chunk.digest("hex"));
          chunk = createHash("sha256");
          missingBytes = chunkBytes;
        }
      }
      if (missingBytes < chunkBytes) sha256s.push(chunk.digest("hex"));
    } catch (error) {
      return { fault: `it cannot be read: ${(error as Error).message}`, chunks: null };
    }
    const found = whole.digest("hex");
    return found === sha256 ? { fault: null, chunks: { chunkBytes, sha256s } } : { fault: `its SHA-256 is ${found}`, chunks: null };
  }

  /** Deletes an image that no release holds any more. */
  remove(sha256: Sha256Hex): void {
    if (!this.#undecided.has(sha256)) this.#delete(sha256);
  }

  /**
   * Moves every image that is not in `known` into the folder `unlisted`. Usually a crash came between storing the file and its catalogue entry,
   * but if the catalogue was lost, these files are all that is left of it.
   * @returns their names
   */
  setAside(known: ReadonlySet<string>): string[] {
    const unlisted = readdirSync(this.#folder).filter((name) => imageName.test(name) && !known.has(name) && !this.#undecided.has(name));
    if (unlisted.length === 0) return [];
    const aside = join(this.#folder, asideName);
    mkdirSync(aside, { recursive: true, mode: 0o700 });
    for (const name of unlisted) renameSync(join(this.#folder, name), join(aside, name));
    syncFolder(aside);
    syncFolder(this.#folder);
    return unlisted;
  }

  close(): void {
    for (const descriptor of this.#open.values()) closeSync(descriptor);
    this.#open.clear();
  }

  async #store(source: AsyncIterable<Uint8Array>, bytesMax: number): Promise<Result<{ image: MeasuredImage; isNew: boolean }>> {
    const temporary = join(this.#folder, `${randomUUID()}${temporarySuffix}`);
    try {
      const measured = await writeMeasured(source, temporary, bytesMax, () => this.#hasRoom(0));
      if (!measured.ok) return measured;
      const { sha256 } = measured.value;
      // No await between the check and the mark, so that two uploads of one image see each other.
      this.#undecided.set(sha256, (this.#undecided.get(sha256) ?? 0) + 1);
      const isNew = !readdirSync(this.#folder).includes(sha256);
      try {
        await rename(temporary, join(this.#folder, sha256));
        this.#close(sha256);
        syncFolder(this.#folder);
      } catch (error) {
        this.#leave(sha256);
        throw error;
      }
      return success({ image: measured.value, isNew });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOSPC") return noRoom;
      return failure("image-not-stored", `The image could not be stored: ${(error as Error).message}`);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  /** Checked each time, since other processes use the disk too. */
  #hasRoom(bytes: number): boolean {
    return this.#free(this.#folder) - bytes >= reserveBytes;
  }

  #leave(sha256: Sha256Hex): void {
    const left = (this.#undecided.get(sha256) ?? 0) - 1;
    if (left > 0) this.#undecided.set(sha256, left);
    else this.#undecided.delete(sha256);
  }

  /** A file that is stored again replaces one that may be damaged: the next read opens the new one. */
  #close(sha256: Sha256Hex): void {
    const descriptor = this.#open.get(sha256);
    if (descriptor !== undefined) closeSync(descriptor);
    this.#open.delete(sha256);
  }

  #delete(sha256: Sha256Hex): void {
    this.#close(sha256);
    rmSync(join(this.#folder, sha256), { force: true });
  }

  #descriptor(sha256: Sha256Hex): number {
    let descriptor = this.#open.get(sha256);
    if (descriptor === undefined) {
      descriptor = openSync(join(this.#folder, sha256), "r");
      this.#open.set(sha256, descriptor);
    }
    return descriptor;
  }
}

const tooLarge = (bytesMax: number): Result<never> =>
  failure("image-too-large", `The image is larger than ${bytesMax} bytes, the most that this controller takes`);

const noRoom: Result<never> = failure(
  "image-not-stored",
  "The image could not be stored: no space is left in the controller's data folder; free some",
);

/** Free space is checked each time so much was written. */
const lookBytes = 2 ** 20;

async function writeMeasured(
  source: AsyncIterable<Uint8Array>,
  path: string,
  bytesMax: number,
  hasRoom: () => boolean,
): Promise<Result<MeasuredImage>> {
  const sha256 = createHash("sha256");
  const md5 = createHash("md5");
  let sizeBytes = 0;
  let lookedAtBytes = 0;
  const file = await open(path, "wx", 0o600);
  try {
    for await (const chunk of source) {
      sizeBytes += chunk.length;
      if (sizeBytes > bytesMax) return tooLarge(bytesMax);
      if (sizeBytes - lookedAtBytes >= lookBytes) {
        lookedAtBytes = sizeBytes;
        if (!hasRoom()) return noRoom;
      }
      sha256.update(chunk);
      md5.update(chunk);
      await file.writeFile(chunk);
    }
    if (sizeBytes === 0) return failure("image-empty", "The image file is empty; give the file that the vendor released");
    await file.sync();
  } finally {
    await file.close();
  }
  return success({ sizeBytes, sha256: sha256.digest("hex"), md5: md5.digest("hex") });
}
