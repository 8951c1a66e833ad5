/** The file that a download fills, and how much of it a crash may cost. */
import { createHash } from "node:crypto";
import type { Sha256Hex } from "../../base/sha256.js";
import type { DiskFile } from "./disk.js";
import type { DownloadPart } from "./download-part.js";
import { digestsOf, type FileDigests } from "./file-digests.js";

const writeBatchBytesMax = 1 << 20;
/** How much of a download may be lost to a crash: its 256th, and never less than this. */
const checkpointBytesMin = 1 << 16;
const checkpointShare = 256;

export interface DownloadFacts {
  readonly id: number;
  readonly version: string;
  readonly sizeBytes: number;
  /** The digest by which a later download knows this part as its own; null for a part that is not kept. */
  readonly resumeKey: string | null;
}

interface Chunk {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export class ImageDownload {
  readonly facts: DownloadFacts;
  readonly #part: DownloadPart;
  readonly #file: DiskFile;
  /** Written from the start without a gap: where a resumed download continues. */
  #writtenBytes: number;
  #safeBytes: number;
  #pending: Chunk[] = [];
  #checkpoint: Promise<void> | undefined;
  #verified: FileDigests | undefined;

  /** @param safeBytes of the file are there already and lasting */
  constructor(facts: DownloadFacts, part: DownloadPart, file: DiskFile, safeBytes: number) {
    this.facts = facts;
    this.#part = part;
    this.#file = file;
    this.#writtenBytes = safeBytes;
    this.#safeBytes = safeBytes;
  }

  /** What the file was found to hold when it was read back last. */
  get verified(): FileDigests | undefined {
    return this.#verified;
  }

  /** Takes bytes that `takeBatch` gives back. */
  enqueue(chunk: Chunk): void {
    this.#pending.push(chunk);
  }

  /** The longest run of pending chunks that follow one another, up to a batch; empty when none is pending. */
  takeBatch(): readonly Chunk[] {
    const pending = this.#pending;
    let count = 0;
    let end = pending[0]?.offset as number;
    const limit = end + writeBatchBytesMax;
    for (; count < pending.length && pending[count]?.offset === end && (count === 0 || end < limit); count++) {
      end += pending[count]?.bytes.length as number;
    }
    this.#pending = pending.slice(count);
    return pending.slice(0, count);
  }

  /** @param onCheckpointFailed the disk failed in the background */
  async write(offset: number, parts: readonly Uint8Array[], onCheckpointFailed: (error: unknown) => void): Promise<void> {
    await this.#file.write(parts, offset);
    const end = parts.reduce((sum, { length }) => sum + length, offset);
    if (offset <= this.#writtenBytes && end > this.#writtenBytes) this.#writtenBytes = end;
    this.#checkpointIfDue(onCheckpointFailed);
  }

  /** Makes the bytes so far lasting, so that a later download can continue after them. */
  async keep(): Promise<void> {
    await this.#checkpoint;
    await this.#makeSafe();
  }

  async readBack(): Promise<FileDigests> {
    await this.#checkpoint;
    await this.#file.sync();
    this.#verified = await digestsOf(this.#file);
    return this.#verified;
  }

  /** Reads a range back that was written. @returns its SHA-256 */
  async digestOf(offset: number, sizeBytes: number): Promise<Sha256Hex> {
    const hash = createHash("sha256");
    const buffer = new Uint8Array(Math.min(sizeBytes, writeBatchBytesMax));
    for (let at = 0; at < sizeBytes; ) {
      const length = await this.#file.read(buffer.subarray(0, Math.min(buffer.length, sizeBytes - at)), offset + at);
      if (length === 0) break;
      hash.update(buffer.subarray(0, length));
      at += length;
    }
    return hash.digest("hex");
  }

  async close(): Promise<void> {
    await this.#checkpoint;
    await this.#file.close();
  }

  /** In the background: a crash costs a bounded share, and the transfer does not wait for the disk. */
  #checkpointIfDue(onFailed: (error: unknown) => void): void {
    const due = Math.max(checkpointBytesMin, this.facts.sizeBytes / checkpointShare);
    if (this.#checkpoint !== undefined || this.#writtenBytes - this.#safeBytes < due) return;
    this.#checkpoint = this.#makeSafe()
      .catch(onFailed)
      .finally(() => {
        this.#checkpoint = undefined;
      });
  }

  async #makeSafe(): Promise<void> {
    const { version, sizeBytes, resumeKey } = this.facts;
    const safeBytes = this.#writtenBytes;
    if (resumeKey === null) return;
    await this.#file.sync();
    await this.#part.saveFacts({ version, sizeBytes, sha256: resumeKey, safeBytes });
    this.#safeBytes = safeBytes;
  }
}
