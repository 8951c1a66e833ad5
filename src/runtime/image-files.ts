/**
 * An AP's flash: one folder with two slots, the boot record, the run journal and at most one download.
 *
 *     boot.json                     the boot record; a slot exists when this lists it
 *     run.json                      the run in hand and the reports still owed
 *     slot-a-<sha256>.image         a slot's content, whole and verified
 *     download.part, download.json  a download under way, and how much of it is safely stored
 *
 * The moment of a commit is the rename of boot.json. A slot's new content has another name than its old, so that before
 * that rename the old content is untouched and after it the new is complete; what the record does not list is removed at
 * the next boot, except a part that can be resumed.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { invariant } from "../base/invariant.js";
import type { ApEffect, ApInput, BootRecord, BootState, RunJournal, SlotId, SlotImage, StorageFailure } from "../core/ap/contract.js";
import { emptyBootRecord, otherSlot } from "../core/ap/image-slots.js";
import type { Disk, DiskFile } from "./disk.js";
import { loadSealedJson, saveSealedJson, unsavedEnding } from "./sealed-json.js";

type Storage<Type> = Extract<ApEffect, { readonly type: Type }>;
type StorageInput = Extract<
  ApInput,
  { readonly type: "download-opened" | "chunk-written" | "download-verified" | "slot-committed" | "storage-failed" }
>;

export interface ImageFilesOptions {
  readonly folder: string;
  readonly disk: Disk;
  /** Capacity of the flash in bytes; undefined = what the disk has. */
  readonly flashBytes: number | undefined;
  /** Version of the image that an empty folder gets in its primary slot; undefined leaves both slots empty. */
  readonly factoryVersion: string | undefined;
  /** Takes the answers to effects. Called from a clean stack. */
  readonly deliver: (input: StorageInput) => void;
  /** The journal could not be saved; what was saved before is still there. `detail` is one line. */
  readonly onJournalLost: (detail: string) => void;
  /** An error that is no storage failure: our own bug. */
  readonly onFatal: (error: unknown) => void;
}

const digest = (length: number) => z.string().regex(new RegExp(`^[0-9a-f]{${length}}$`));
const count = z.number().int().nonnegative();
const slotImage = z.object({ version: z.string(), sizeBytes: count, sha256: digest(64), md5: digest(32), runId: count });
const slotId = z.enum(["a", "b"]);
const bootRecord = z.object({
  primary: slotId,
  slots: z.object({ a: slotImage.nullable(), b: slotImage.nullable() }),
  swapOrderId: count,
  controllerResets: count,
}) satisfies z.ZodType<BootRecord>;

/** Nobody but this program writes the journal, and its seal proves it whole; its own reader checks no more than that it is an object. */
const runJournal = z.custom<RunJournal>((value) => typeof value === "object" && value !== null && "run" in value && "owed" in value);
const emptyJournal: RunJournal = { run: null, owed: [] };

const partFacts = z.object({ version: z.string(), sizeBytes: count, sha256: digest(64), safeBytes: count });
type PartFacts = z.output<typeof partFacts>;

const slotIds: readonly SlotId[] = ["a", "b"];
const names = { record: "boot.json", journal: "run.json", part: "download.part", partFacts: "download.json" } as const;
const slotFileName = (slot: SlotId, sha256: string): string => `slot-${slot}-${sha256}.image`;

const readBytes = 1 << 20;
const writeBatchBytesMax = 1 << 20;
/** How much of a download may be lost to a crash: its 256th, and never less than this. */
const checkpointBytesMin = 1 << 16;
const checkpointShare = 256;

interface Download {
  readonly id: number;
  readonly version: string;
  readonly sizeBytes: number;
  /** The digest by which a later download knows this part as its own; null for a part that is not kept. */
  readonly resumeKey: string | null;
  readonly file: DiskFile;
  /** Written from the start on without a gap: where a resumed download goes on. */
  writtenBytes: number;
  pending: { readonly offset: number; readonly bytes: Uint8Array }[];
  safeBytes: number;
  checkpoint: Promise<void> | undefined;
  verified: { readonly sizeBytes: number; readonly sha256: string } | undefined;
}

export class ImageFiles {
  readonly #folder: string;
  readonly #disk: Disk;
  readonly #flashBytes: number | undefined;
  readonly #deliver: ImageFilesOptions["deliver"];
  readonly #onJournalLost: ImageFilesOptions["onJournalLost"];
  readonly #onFatal: ImageFilesOptions["onFatal"];
  #record: BootRecord = emptyBootRecord;
  #download: Download | undefined;
  /** The download that the agent means; effects and answers of any other are void. */
  #currentId = 0;
  #tasks: Promise<void> = Promise.resolve();
  #draining = false;

  private constructor(options: ImageFilesOptions) {
    this.#folder = options.folder;
    this.#disk = options.disk;
    this.#flashBytes = options.flashBytes;
    this.#deliver = options.deliver;
    this.#onJournalLost = options.onJournalLost;
    this.#onFatal = options.onFatal;
  }

  /** Opens the folder after whatever ended its last use: checks the slots by digest and clears leftovers. */
  static async open(options: ImageFilesOptions): Promise<{ readonly files: ImageFiles; readonly state: BootState }> {
    const files = new ImageFiles(options);
    return { files, state: await files.#boot(options.factoryVersion) };
  }

  /** The file of a slot that the boot record lists; it never changes under this name. */
  slotPath(slot: SlotId): string {
    const image = this.#record.slots[slot];
    invariant(image !== null, `slot ${slot} is empty`);
    return join(this.#folder, slotFileName(slot, image.sha256));
  }

  perform(effect: Storage<"open-download" | "write-chunk" | "verify-download" | "commit-slot" | "discard-download">): void {
    switch (effect.type) {
      case "open-download":
        this.#currentId = effect.downloadId;
        this.#task(effect.downloadId, () => this.#open(effect));
        return;
      case "write-chunk":
        this.write(effect.downloadId, effect.offset, effect.bytes);
        return;
      case "verify-download":
        this.#task(effect.downloadId, (download) => this.#verify(download));
        return;
      case "commit-slot":
        this.#task(effect.downloadId, (download) => this.#commit(download, effect.slot, effect.record));
        return;
      case "discard-download":
        if (effect.downloadId === this.#currentId) this.#currentId = 0;
        this.#enqueue(() => this.#discard(effect.downloadId, effect.keepPartial));
    }
  }

  /** Takes image bytes, which are the files' to keep; answers `chunk-written`. For a download that is gone it does nothing. */
  write(downloadId: number, offset: number, bytes: Uint8Array): void {
    const download = this.#download;
    if (downloadId !== this.#currentId || download?.id !== downloadId) return;
    download.pending.push({ offset, bytes });
    if (this.#draining) return;
    this.#draining = true;
    this.#enqueue(async () => {
      this.#draining = false;
      await this.#guarded(downloadId, (open) => this.#drain(open));
    });
  }

  /** Writes bytes that a TFTP fetch brings. Resolves when they are written; rejects when the download is gone, of which the agent is told. */
  async append(downloadId: number, offset: number, parts: readonly Uint8Array[]): Promise<void> {
    let written = false;
    await this.#enqueue(() =>
      this.#guarded(downloadId, async (download) => {
        await this.#write(download, offset, parts);
        written = true;
      }),
    );
    if (!written) throw new Error("the download was given up");
  }

  /** Resolves when the record is lasting. */
  async saveRecord(record: BootRecord): Promise<void> {
    await this.#enqueue(() => this.#saveRecord(record));
  }

  /** Resolves when the journal is lasting, or when a full or failing disk would not take it: an AP without a memory of its run still serves. */
  async saveJournal(journal: RunJournal): Promise<void> {
    try {
      await saveSealedJson(this.#disk, this.#path(names.journal), journal);
    } catch (error) {
      const failure = storageFailure(error);
      if (failure === undefined) throw error;
      this.#onJournalLost(failure.detail);
    }
  }

  /** Leaves everything as a later boot wants it, a resumable part included. Resolves when no file is open. */
  async close(): Promise<void> {
    const id = this.#currentId;
    this.#currentId = 0;
    await this.#enqueue(() => this.#discard(id, true));
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  /* ------------------------------------------------------------------ boot */

  async #boot(factoryVersion: string | undefined): Promise<BootState> {
    await this.#disk.makeFolder(this.#folder);
    const stored = await loadSealedJson(this.#disk, this.#path(names.record), bootRecord);
    if (stored === "damaged") await this.#disk.rename(this.#path(names.record), this.#path(`${names.record}.damaged`));
    this.#record = typeof stored === "object" ? stored.value : emptyBootRecord;
    const corrupt: SlotId[] = [];
    for (const slot of slotIds) if (!(await this.#slotIsSound(slot))) corrupt.push(slot);
    for (const slot of corrupt) this.#record = { ...this.#record, slots: { ...this.#record.slots, [slot]: null } };
    await this.#clearLeftovers();
    if (stored === "absent" && factoryVersion !== undefined) await this.#installFactoryImage(factoryVersion);
    const journal = await loadSealedJson(this.#disk, this.#path(names.journal), runJournal);
    return {
      record: this.#record,
      journal: typeof journal === "object" ? journal.value : emptyJournal,
      corrupt,
      freeBytes: await this.#freeBytes(),
    };
  }

  async #slotIsSound(slot: SlotId): Promise<boolean> {
    const image = this.#record.slots[slot];
    if (image === null) return true;
    const file = await this.#openIfThere(slotFileName(slot, image.sha256), "read");
    if (file === undefined) return false;
    try {
      const found = await digestsOf(file);
      return found.sizeBytes === image.sizeBytes && found.sha256 === image.sha256;
    } catch (error) {
      if (codeOf(error) === unreadableCode) return false;
      throw error;
    } finally {
      await file.close();
    }
  }

  async #clearLeftovers(inUse: readonly string[] = []): Promise<void> {
    const listed = slotIds.map((slot) => this.#record.slots[slot] && slotFileName(slot, this.#record.slots[slot].sha256));
    const part = await this.#loadPartFacts();
    const found = await this.#disk.list(this.#folder);
    // A commit that a crash cut off between its renames: the image is whole, and becomes a part of full length again.
    const uncommitted = found.find(
      (name) => part && !listed.includes(name) && slotIds.some((slot) => name === slotFileName(slot, part.sha256)),
    );
    if (uncommitted !== undefined && !found.includes(names.part)) await this.#disk.rename(this.#path(uncommitted), this.#path(names.part));
    const resumable = part && (uncommitted !== undefined || found.includes(names.part)) ? [names.part, names.partFacts] : [];
    const kept = [...listed, ...resumable, names.record, `${names.record}.damaged`, names.journal, ...inUse];
    for (const name of found) if (isOurs(name) && !kept.includes(name)) await this.#disk.remove(this.#path(name));
    await this.#disk.syncFolder(this.#folder);
  }

  async #installFactoryImage(version: string): Promise<void> {
    const bytes = Buffer.from(`flexup factory image ${version}\n`.repeat(128));
    const file = await this.#disk.open(this.#path(names.part), "create");
    try {
      await file.write([bytes], 0);
      await file.sync();
      const image: SlotImage = { version, runId: 0, ...(await digestsOf(file)) };
      const { primary, slots } = emptyBootRecord;
      await this.#moveIntoSlot(primary, { ...emptyBootRecord, slots: { ...slots, [primary]: image } });
    } finally {
      await file.close();
    }
  }

  /* ------------------------------------------------------------------ one download */

  async #open({ downloadId, version, sizeBytes, sha256, resume }: Storage<"open-download">): Promise<void> {
    await this.#closeDownload();
    const part = resume && sha256 !== null ? await this.#loadPartFacts() : undefined;
    const resumed = part?.sha256 === sha256 && part?.sizeBytes === sizeBytes ? part : undefined;
    const free = await this.#freeBytes();
    if (free < sizeBytes) {
      throw new StorageError("not-enough-flash", `the image has ${sizeBytes} bytes, ${free} are free`);
    }
    const file = (resumed && (await this.#openPart(resumed))) ?? (await this.#createPart());
    const safeBytes = resumed && (await file.sizeBytes()) === resumed.safeBytes ? resumed.safeBytes : 0;
    this.#download = {
      id: downloadId,
      version,
      sizeBytes,
      resumeKey: resume ? sha256 : null,
      file,
      writtenBytes: safeBytes,
      pending: [],
      safeBytes,
      checkpoint: undefined,
      verified: undefined,
    };
    this.#answer(downloadId, { type: "download-opened", downloadId, resumeOffset: safeBytes });
  }

  /** The part cut to what is safe, or undefined when it is not what its facts promise. */
  async #openPart({ safeBytes }: PartFacts): Promise<DiskFile | undefined> {
    const file = await this.#openIfThere(names.part, "update");
    if (file === undefined) return undefined;
    if ((await file.sizeBytes()) >= safeBytes) {
      await file.truncate(safeBytes);
      return file;
    }
    await file.close();
    return undefined;
  }

  async #createPart(): Promise<DiskFile> {
    await this.#disk.remove(this.#path(names.partFacts));
    await this.#disk.syncFolder(this.#folder);
    return await this.#disk.open(this.#path(names.part), "create");
  }

  async #drain(download: Download): Promise<void> {
    while (download.pending.length > 0 && download.id === this.#currentId) {
      const batch = takeContiguous(download);
      await this.#write(
        download,
        batch[0]?.offset as number,
        batch.map(({ bytes }) => bytes),
      );
      for (const { offset, bytes } of batch) {
        this.#answer(download.id, { type: "chunk-written", downloadId: download.id, offset, length: bytes.length });
      }
    }
  }

  async #write(download: Download, offset: number, parts: readonly Uint8Array[]): Promise<void> {
    await download.file.write(parts, offset);
    const end = parts.reduce((sum, { length }) => sum + length, offset);
    if (offset <= download.writtenBytes && end > download.writtenBytes) download.writtenBytes = end;
    this.#checkpointIfDue(download);
  }

  /** In the background, beside further writes: what a crash may cost is bounded, and the transfer does not wait for the disk. */
  #checkpointIfDue(download: Download): void {
    const due = Math.max(checkpointBytesMin, download.sizeBytes / checkpointShare);
    if (download.checkpoint !== undefined || download.writtenBytes - download.safeBytes < due) return;
    download.checkpoint = this.#checkpoint(download)
      .catch((error: unknown) => this.#failed(download.id, error))
      .finally(() => {
        download.checkpoint = undefined;
      });
  }

  async #checkpoint(download: Download): Promise<void> {
    const { version, sizeBytes, resumeKey, writtenBytes: safeBytes, file } = download;
    if (resumeKey === null) return;
    await file.sync();
    const facts: PartFacts = { version, sizeBytes, sha256: resumeKey, safeBytes };
    await saveSealedJson(this.#disk, this.#path(names.partFacts), facts);
    download.safeBytes = safeBytes;
  }

  async #verify(download: Download): Promise<void> {
    await download.checkpoint;
    await download.file.sync();
    const found = await digestsOf(download.file);
    download.verified = found;
    this.#answer(download.id, { type: "download-verified", downloadId: download.id, ...found });
  }

  async #commit(download: Download, slot: SlotId, record: BootRecord): Promise<void> {
    const image = record.slots[slot];
    invariant(image !== null && download.verified?.sha256 === image.sha256, "only a verified download is committed");
    const other = otherSlot(slot);
    invariant(record.slots[other]?.sha256 === this.#record.slots[other]?.sha256, "a commit changes one slot");
    await download.file.close();
    this.#download = undefined;
    await this.#moveIntoSlot(slot, record);
    this.#answer(download.id, { type: "slot-committed", downloadId: download.id, freeBytes: await this.#freeBytes() });
  }

  /** The part becomes the slot's file, then the record makes it the slot's content. */
  async #moveIntoSlot(slot: SlotId, record: BootRecord): Promise<void> {
    await this.#disk.rename(this.#path(names.part), this.#path(slotFileName(slot, record.slots[slot]?.sha256 as string)));
    await this.#disk.syncFolder(this.#folder);
    await this.#saveRecord(record);
    await this.#disk.remove(this.#path(names.partFacts));
  }

  async #saveRecord(record: BootRecord): Promise<void> {
    const before = this.#record;
    await saveSealedJson(this.#disk, this.#path(names.record), record);
    this.#record = record;
    for (const slot of slotIds) {
      const old = before.slots[slot];
      if (old !== null && old.sha256 !== record.slots[slot]?.sha256) await this.#disk.remove(this.#path(slotFileName(slot, old.sha256)));
    }
  }

  async #discard(downloadId: number, keepPartial: boolean): Promise<void> {
    const download = this.#download;
    if (download === undefined && !keepPartial) return this.#removePart();
    if (download?.id !== downloadId) return;
    if (keepPartial && download.resumeKey !== null) {
      await download.checkpoint;
      await this.#checkpoint(download).catch(ignoreStorageError);
    }
    await this.#closeDownload();
    if (!keepPartial || download.resumeKey === null) await this.#removePart();
  }

  async #closeDownload(): Promise<void> {
    const download = this.#download;
    this.#download = undefined;
    await download?.checkpoint;
    await download?.file.close();
  }

  async #removePart(): Promise<void> {
    await this.#disk.remove(this.#path(names.part));
    await this.#disk.remove(this.#path(names.partFacts));
  }

  async #loadPartFacts(): Promise<PartFacts | undefined> {
    const stored = await loadSealedJson(this.#disk, this.#path(names.partFacts), partFacts);
    return typeof stored === "object" ? stored.value : undefined;
  }

  /** Room for a download beside both slots; a part in the way is counted as room, since it is resumed or replaced. */
  async #freeBytes(): Promise<number> {
    const onDisk = (await this.#disk.freeBytes(this.#folder)) + (await this.#partBytes());
    if (this.#flashBytes === undefined) return onDisk;
    const used = slotIds.reduce((sum, slot) => sum + (this.#record.slots[slot]?.sizeBytes ?? 0), 0);
    return Math.max(0, Math.min(onDisk, this.#flashBytes - used));
  }

  async #partBytes(): Promise<number> {
    const file = await this.#openIfThere(names.part, "read");
    if (file === undefined) return 0;
    try {
      return await file.sizeBytes();
    } finally {
      await file.close();
    }
  }

  async #openIfThere(name: string, mode: "read" | "update"): Promise<DiskFile | undefined> {
    try {
      return await this.#disk.open(this.#path(name), mode);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  /* ------------------------------------------------------------------ one thing after the other */

  #enqueue(work: () => Promise<void>): Promise<void> {
    const done = this.#tasks.then(work);
    this.#tasks = done.catch(this.#onFatal);
    return done;
  }

  #task(downloadId: number, work: (download: Download) => Promise<void>): void {
    this.#enqueue(() => this.#guarded(downloadId, work));
  }

  async #guarded(downloadId: number, work: (download: Download) => Promise<void>): Promise<void> {
    if (downloadId !== this.#currentId) return;
    try {
      await work(this.#download as Download);
    } catch (error) {
      await this.#failed(downloadId, error);
    }
  }

  /** A storage failure ends the download and takes its part away; anything else is our own bug. */
  async #failed(downloadId: number, error: unknown): Promise<void> {
    const failure = storageFailure(error);
    if (failure === undefined) return this.#onFatal(error);
    if (downloadId !== this.#currentId) return;
    this.#currentId = 0;
    this.#enqueue(async () => {
      // First room is made: whoever hears of the failure will want to save something.
      await this.#clearAway().catch(ignoreStorageError);
      this.#deliver({ type: "storage-failed", downloadId, ...failure });
    });
  }

  async #clearAway(): Promise<void> {
    await this.#closeDownload();
    await this.#removePart();
    // A journal may be on its way to the disk at this moment.
    await this.#clearLeftovers([names.journal + unsavedEnding]);
  }

  #answer(downloadId: number, input: StorageInput): void {
    if (downloadId === this.#currentId) this.#deliver(input);
  }
}

/** The longest run of pending chunks that follow one another, up to a batch. */
function takeContiguous(download: Download): readonly { readonly offset: number; readonly bytes: Uint8Array }[] {
  const { pending } = download;
  let count = 0;
  let end = pending[0]?.offset as number;
  const limit = end + writeBatchBytesMax;
  for (; count < pending.length && pending[count]?.offset === end && (count === 0 || end < limit); count++) {
    end += pending[count]?.bytes.length as number;
  }
  download.pending = pending.slice(count);
  return pending.slice(0, count);
}

async function digestsOf(file: DiskFile): Promise<{ readonly sizeBytes: number; readonly sha256: string; readonly md5: string }> {
  const sha256 = createHash("sha256");
  const md5 = createHash("md5");
  const buffer = new Uint8Array(readBytes);
  let sizeBytes = 0;
  for (;;) {
    const length = await file.read(buffer, sizeBytes);
    if (length === 0) return { sizeBytes, sha256: sha256.digest("hex"), md5: md5.digest("hex") };
    sha256.update(buffer.subarray(0, length));
    md5.update(buffer.subarray(0, length));
    sizeBytes += length;
  }
}

class StorageError extends Error {
  readonly reason: StorageFailure;
  constructor(reason: StorageFailure, message: string) {
    super(message);
    this.reason = reason;
  }
}

const noSpaceCodes = ["ENOSPC", "EDQUOT", "EFBIG"];
const unreadableCode = "EIO";
const mediumCodes = [unreadableCode, "EROFS", "EACCES", "EPERM", "EMFILE", "ENFILE", "ENODEV", "ENXIO"];
const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException | null)?.code);

function storageFailure(error: unknown): { readonly reason: StorageFailure; readonly detail: string } | undefined {
  if (error instanceof StorageError) return { reason: error.reason, detail: error.message };
  if (noSpaceCodes.includes(codeOf(error))) return { reason: "not-enough-flash", detail: "the flash is full" };
  if (mediumCodes.includes(codeOf(error))) return { reason: "flash-write-error", detail: (error as Error).message };
  return undefined;
}

function ignoreStorageError(error: unknown): void {
  if (storageFailure(error) === undefined) throw error;
}

const ownNames: readonly string[] = Object.values(names);
const isOurs = (name: string): boolean =>
  ownNames.includes(name) || ownNames.some((own) => name === own + unsavedEnding) || /^slot-[ab]-[0-9a-f]{64}\.image$/.test(name);
