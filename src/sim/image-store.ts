import { invariant, unreachable } from "../base/invariant.js";
import type { Prng } from "../base/prng.js";
import type { Sha256Hex } from "../base/sha256.js";
import type { Instant } from "../base/time.js";
import type { ApEffect, ApInput, BootRecord, BootState, DownloadId, RunJournal, SlotId, StorageFailure } from "../core/ap/contract.js";
import { emptyBootRecord, slotToBoot } from "../core/ap/image-slots.js";
import type { SyntheticImage } from "./synthetic-image.js";
import { VirtualFile } from "./virtual-file.js";
import type { Actor, World } from "./world.js";

/** The storage effects of an AP; `runtime/ap/image-files.ts` performs them in the daemon. */
export type StorageEffect = Extract<
  ApEffect,
  {
    readonly type:
      | "open-download"
      | "write-chunk"
      | "verify-download"
      | "check-chunk"
      | "commit-slot"
      | "discard-download"
      | "save-boot-record"
      | "measure-flash"
      | "save-journal"
      | "prove-slot";
  }
>;
type EffectOf<Type extends StorageEffect["type"]> = Extract<StorageEffect, { readonly type: Type }>;
type StorageAnswer = Extract<
  ApInput,
  {
    readonly type:
      | "download-opened"
      | "chunk-written"
      | "download-verified"
      | "chunk-checked"
      | "slot-committed"
      | "storage-failed"
      | "boot-record-saved"
      | "flash-measured"
      | "slot-proven";
  }
>;

/** How long each operation takes, milliseconds. */
export interface FlashSpeed {
  readonly openMs: number;
  readonly writeMs: number;
  readonly verifyMs: number;
  readonly syncMs: number;
}

interface Download {
  readonly id: number;
  /** The digest by which a later download recognizes this part; null for a part that is not kept. */
  readonly resumeKey: string | null;
  readonly file: VirtualFile;
}

/** Operations in the order in which the flash performs them. A power cut ends the queue; the next boot begins a new one. */
interface Queue extends Actor<undefined> {
  alive: boolean;
  readonly operations: (() => void)[];
}

/**
 * The flash of one AP: two slots, a temporary file, a boot record and a journal, with the guarantees of the daemon's image
 * store. Records and slots change as a whole or not at all; bytes that were not synced may be lost in a power cut.
 */
export class ImageStore {
  readonly #world: World;
  readonly #name: string;
  readonly #prng: Prng;
  readonly #speed: FlashSpeed;
  readonly #known: readonly SyntheticImage[];
  readonly #slots: Record<SlotId, VirtualFile | undefined> = { a: undefined, b: undefined };
  #record: BootRecord;
  #journal: RunJournal = { run: null, owed: [] };
  #download: Download | undefined;
  /** The temporary file of an interrupted download, and the digest it was meant to have. */
  #partial: { readonly sha256: Sha256Hex; readonly file: VirtualFile } | undefined;
  #queue: Queue;
  #freeAt: Instant = 0;
  /** Room for both slots and the temporary file. */
  capacityBytes: number;
  /** The slot that this AP booted. */
  running: SlotId = "a";
  /** Operations on the running slot. There should never be one. */
  runningSlotWrites = 0;
  /** The next writes fail as worn-out flash does. */
  writesToFail = 0;
  /** Bumped with each change of a slot, a record or a journal. */
  revision = 0;

  /**
   * @param known every image that exists in this world
   * @param factory the image in slot a
   */
  constructor(
    world: World,
    name: string,
    options: {
      readonly known: readonly SyntheticImage[];
      readonly factory: { readonly image: SyntheticImage; readonly version: string };
      readonly capacityBytes: number;
      readonly speed: FlashSpeed;
    },
  ) {
    const { image, version } = options.factory;
    this.#world = world;
    this.#prng = world.prng.split(`${name}/flash`);
    this.#name = `${name}/flash`;
    this.#queue = this.#newQueue();
    this.#speed = options.speed;
    this.#known = options.known;
    this.capacityBytes = options.capacityBytes;
    this.#slots.a = VirtualFile.holding(image);
    this.#record = {
      ...emptyBootRecord,
      slots: { a: { version, sizeBytes: image.sizeBytes, sha256: image.sha256, md5: image.md5, runId: 0 }, b: null },
    };
  }

  get record(): BootRecord {
    return this.#record;
  }

  get journal(): RunJournal {
    return this.#journal;
  }

  get freeBytes(): number {
    const used = [this.#slots.a, this.#slots.b, this.#download?.file ?? this.#partial?.file];
    return Math.max(0, this.capacityBytes - used.reduce((sum, file) => sum + (file?.sizeBytes ?? 0), 0));
  }

  /** The image that a slot holds in full. */
  slotImage(slot: SlotId): SyntheticImage | undefined {
    return this.#slots[slot]?.image();
  }

  /** Where an image is, or the part of it that is there: it stays the same file when a download becomes a slot. */
  fileOf(sha256: Sha256Hex): VirtualFile | undefined {
    const { slots } = this.#record;
    const slot = (["a", "b"] as const).find((id) => slots[id]?.sha256 === sha256);
    return slot === undefined ? (this.#download?.file ?? this.#partial?.file) : this.#slots[slot];
  }

  readSlot(slot: SlotId, offset: number, length: number): Uint8Array {
    const file = this.#slots[slot];
    invariant(file !== undefined, `slot ${slot} is empty`);
    return file.read(offset, length);
  }

  /** What an AP finds when it comes up. */
  boot(): BootState {
    const corrupt = (["a", "b"] as const).filter((id) => {
      const due = this.#record.slots[id];
      return due !== null && this.#slots[id]?.digest().sha256 !== due.sha256;
    });
    const { a, b } = this.#record.slots;
    const record = { ...this.#record, slots: { a: corrupt.includes("a") ? null : a, b: corrupt.includes("b") ? null : b } };
    this.running = slotToBoot(record);
    return { record, journal: this.#journal, corrupt, barred: [], recordState: "sound", freeBytes: this.freeBytes };
  }

  /** Power is cut: some of the pending operations have reached the disk, and the temporary file keeps what was synced. */
  crash(): void {
    const { operations } = this.#queue;
    this.#queue.alive = false;
    for (const operation of operations.slice(0, this.#prng.below(operations.length + 1))) operation();
    this.#queue = this.#newQueue();
    this.#freeAt = 0;
    const download = this.#download;
    this.#download = undefined;
    download?.file.crash(this.#prng);
    this.#keep(download);
  }

  /** Starts a storage effect; its answer reaches `agent` later. @returns the end of a barrier */
  perform(effect: StorageEffect, agent: Actor<ApInput>): Instant | undefined {
    // Effects for an abandoned download are ignored and not answered.
    const answer = (answer: StorageAnswer | undefined): void => {
      if (answer !== undefined) this.#world.post(agent, answer);
    };
    switch (effect.type) {
      case "open-download":
        this.#enqueue(this.#speed.openMs, () => answer(this.#open(effect)));
        return undefined;
      case "write-chunk":
        this.#enqueue(this.#speed.writeMs, () => answer(this.#write(effect)));
        return undefined;
      case "verify-download":
        this.#enqueue(this.#speed.verifyMs, () => answer(this.#verify(effect.downloadId)));
        return undefined;
      case "check-chunk":
        this.#enqueue(0, () => answer(this.#checkChunk(effect)));
        return undefined;
      case "commit-slot":
        this.#enqueue(this.#speed.syncMs, () => answer(this.#commit(effect)));
        return undefined;
      case "discard-download":
        this.#enqueue(0, () => this.#discard(effect.downloadId, effect.keepPartial));
        return undefined;
      case "save-boot-record":
        this.#enqueue(this.#speed.syncMs, () => {
          this.#record = effect.record;
          this.revision++;
          answer({ type: "boot-record-saved" });
        });
        return undefined;
      case "measure-flash":
        this.#enqueue(0, () => answer({ type: "flash-measured", freeBytes: this.freeBytes }));
        return undefined;
      case "prove-slot": {
        const { slot, nonce, mac } = effect;
        this.#enqueue(this.#speed.verifyMs, () => {
          const proof = this.slotImage(slot)?.proof(nonce, mac);
          answer(proof && { type: "slot-proven", nonce, proof });
        });
        return undefined;
      }
      case "save-journal":
        return this.#enqueue(this.#speed.syncMs, () => {
          this.#journal = effect.journal;
          this.revision++;
        });
      default:
        return unreachable(effect);
    }
  }

  /**
   * What a TFTP client writes into the open download.
   * @param stored called with undefined, or with the reason why the download is gone; `agent` is informed of the latter, too
   */
  append(
    downloadId: DownloadId,
    offset: number,
    bytes: Uint8Array,
    agent: Actor<ApInput>,
    stored: (failure: string | undefined) => void,
  ): void {
    this.#enqueue(this.#speed.writeMs, () => {
      const answer = this.#write({ type: "write-chunk", downloadId, offset, bytes });
      if (answer?.type === "storage-failed") this.#world.post(agent, answer);
      if (answer !== undefined) stored(answer.type === "storage-failed" ? answer.detail : undefined);
    });
  }

  #newQueue(): Queue {
    const operations: (() => void)[] = [];
    return { name: this.#name, alive: true, operations, take: () => operations.shift()?.() };
  }

  #enqueue(durationMs: number, operation: () => void): Instant {
    this.#freeAt = Math.max(this.#world.now, this.#freeAt) + durationMs;
    this.#queue.operations.push(operation);
    this.#world.schedule(this.#freeAt, this.#queue, undefined);
    return this.#freeAt;
  }

  #guardRunning(slot: SlotId): void {
    if (slot === this.running) this.runningSlotWrites++;
  }

  #open({ downloadId, slot, sizeBytes, sha256, resume }: EffectOf<"open-download">): StorageAnswer {
    this.#guardRunning(slot);
    this.#keep(this.#download);
    const found = resume && sha256 !== null && this.#partial?.sha256 === sha256 ? this.#partial.file : undefined;
    this.#partial = undefined;
    this.#download = undefined;
    const missing = sizeBytes - this.freeBytes;
    if (missing > 0) return this.#fail(downloadId, "not-enough-flash", `${missing} bytes short`);
    const file = found ?? new VirtualFile(this.#known);
    file.cutAt(file.prefixBytes);
    this.#download = { id: downloadId, resumeKey: resume ? sha256 : null, file };
    return { type: "download-opened", downloadId, resumeOffset: file.prefixBytes, freeBytes: this.freeBytes + file.sizeBytes };
  }

  #write({ downloadId, offset, bytes }: EffectOf<"write-chunk">): StorageAnswer | undefined {
    const download = this.#download;
    if (download?.id !== downloadId) return undefined;
    if (this.writesToFail > 0) {
      this.writesToFail--;
      return this.#fail(downloadId, "flash-write-error", "worn out");
    }
    if (this.freeBytes < bytes.length) return this.#fail(downloadId, "not-enough-flash", "full");
    download.file.write(offset, bytes);
    return { type: "chunk-written", downloadId, offset, length: bytes.length };
  }

  #verify(downloadId: DownloadId): StorageAnswer | undefined {
    const download = this.#download;
    if (download?.id !== downloadId) return undefined;
    download.file.sync();
    return { type: "download-verified", downloadId, sizeBytes: download.file.sizeBytes, ...download.file.digest() };
  }

  #checkChunk({ downloadId, chunk, offset, sizeBytes, sha256 }: EffectOf<"check-chunk">): StorageAnswer | undefined {
    const download = this.#download;
    if (download?.id !== downloadId) return undefined;
    return { type: "chunk-checked", downloadId, chunk, isSound: this.isSound(download.file, sha256, offset, sizeBytes) };
  }

  /** Whether this range of a file is the chunk with this digest. */
  isSound(file: VirtualFile, sha256: Sha256Hex, offset: number, sizeBytes: number): boolean {
    return this.#known.some((image) => image.hasChunk(sha256, offset, sizeBytes) && file.holds(image, offset, sizeBytes));
  }

  #commit({ downloadId, slot, record }: EffectOf<"commit-slot">): StorageAnswer | undefined {
    this.#guardRunning(slot);
    const download = this.#download;
    if (download?.id !== downloadId) return undefined;
    download.file.sync();
    this.#slots[slot] = download.file;
    this.#record = record;
    this.#download = undefined;
    this.revision++;
    return { type: "slot-committed", downloadId, freeBytes: this.freeBytes };
  }

  #discard(downloadId: DownloadId, keepPartial: boolean): void {
    const download = this.#download;
    if (download === undefined && !keepPartial) this.#partial = undefined;
    if (download?.id !== downloadId) return;
    this.#download = undefined;
    if (keepPartial) this.#keep(download);
  }

  #keep(download: Download | undefined): void {
    if (download !== undefined && download.resumeKey !== null) this.#partial = { sha256: download.resumeKey, file: download.file };
  }

  /** The download is gone and its temporary file with it. */
  #fail(downloadId: DownloadId, reason: StorageFailure, detail: string): StorageAnswer {
    if (this.#download?.id === downloadId) this.#download = undefined;
    return { type: "storage-failed", downloadId, reason, detail };
  }
}
