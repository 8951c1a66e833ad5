/**
 * The storage effects of an AP, one after the other, on its flash (`flash-folder.ts`): at most one download at a time. Its
 * outcome is delivered unless the agent has given the download up.
 */
import { invariant } from "../../base/invariant.js";
import type { Sha256Hex } from "../../base/sha256.js";
import type { ApEffect, ApInput, BootRecord, BootState, DownloadId, RunJournal, SlotId, StorageRefusal } from "../../core/ap/contract.js";
import { otherSlot } from "../../core/ap/image-slots.js";
import { FlashFolder, type FlashFolderOptions, journalUnsaved } from "./flash-folder.js";
import { ImageDownload } from "./image-download.js";
import { ignoreStorageError, StorageError, storageFailure } from "./storage-failure.js";

type Storage<Type> = Extract<ApEffect, { readonly type: Type }>;
type StorageInput = Extract<
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
      | "boot-record-unsaved"
      | "release-checked"
      | "flash-measured";
  }
>;

export interface ImageFilesOptions extends FlashFolderOptions {
  /** Takes the answers to effects. Called from a clean stack. */
  readonly deliver: (input: StorageInput) => void;
  /** The journal could not be saved; the one before is still there. `detail` is one line. */
  readonly onJournalLost: (detail: string) => void;
  /** An error other than a storage failure: our own bug. */
  readonly onFatal: (error: unknown) => void;
}

export class ImageFiles {
  readonly #flash: FlashFolder;
  readonly #deliver: ImageFilesOptions["deliver"];
  readonly #onJournalLost: ImageFilesOptions["onJournalLost"];
  readonly #onFatal: ImageFilesOptions["onFatal"];
  #download: ImageDownload | undefined;
  /** The download in use; effects and answers of any other are void. */
  #currentId = 0;
  #tasks: Promise<void> = Promise.resolve();
  #draining = false;

  private constructor(flash: FlashFolder, { deliver, onJournalLost, onFatal }: ImageFilesOptions) {
    this.#flash = flash;
    this.#deliver = deliver;
    this.#onJournalLost = onJournalLost;
    this.#onFatal = onFatal;
  }

  /** Opens the flash after whatever ended its last use. */
  static async open(options: ImageFilesOptions): Promise<{ readonly files: ImageFiles; readonly state: BootState }> {
    const { flash, state } = await FlashFolder.open(options);
    return { files: new ImageFiles(flash, options), state };
  }

  /** The file of a slot that the boot record lists; it never changes under this name. */
  slotPath(slot: SlotId): string {
    return this.#flash.slotPath(slot);
  }

  /** Where the image of the download in use is now: in its temporary file until it is committed. */
  imagePath(sha256: Sha256Hex): string {
    const { slots } = this.#flash.record;
    const slot = (["a", "b"] as const).find((id) => slots[id]?.sha256 === sha256);
    return slot === undefined ? this.#flash.part.path : this.slotPath(slot);
  }

  perform(
    effect: Storage<
      | "open-download"
      | "write-chunk"
      | "verify-download"
      | "check-chunk"
      | "commit-slot"
      | "discard-download"
      | "save-boot-record"
      | "check-release"
      | "measure-flash"
    >,
  ): void {
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
      case "check-chunk":
        this.#task(effect.downloadId, (download) => this.#checkChunk(download, effect));
        return;
      case "commit-slot":
        this.#task(effect.downloadId, (download) => this.#commit(download, effect.slot, effect.record));
        return;
      case "discard-download":
        if (effect.downloadId === this.#currentId) this.#currentId = 0;
        this.#enqueue(() => this.#discard(effect.downloadId, effect.keepPartial).catch(ignoreStorageError));
        return;
      case "save-boot-record":
        this.#enqueue(() => this.#saveRecord(effect.record));
        return;
      case "check-release":
        this.#enqueue(() => this.#check(effect));
        return;
      case "measure-flash":
        this.#enqueue(async () => this.#deliver({ type: "flash-measured", freeBytes: await this.#flash.freeBytes() }));
    }
  }

  /** Takes image bytes, which are the files' to keep; answers `chunk-written`. For a download that is gone it does nothing. */
  write(downloadId: DownloadId, offset: number, bytes: Uint8Array): void {
    const download = this.#download;
    if (downloadId !== this.#currentId || download?.facts.id !== downloadId) return;
    download.enqueue({ offset, bytes });
    if (this.#draining) return;
    this.#draining = true;
    this.#enqueue(async () => {
      this.#draining = false;
      await this.#guarded(downloadId, (open) => this.#drain(open));
    });
  }

  /** Writes bytes of a TFTP fetch. Resolves when they are written; rejects when the download is gone. */
  async append(downloadId: DownloadId, offset: number, parts: readonly Uint8Array[]): Promise<void> {
    let written = false;
    await this.#enqueue(() =>
      this.#guarded(downloadId, async (download) => {
        await this.#write(download, offset, parts);
        written = true;
      }),
    );
    if (!written) throw new Error("the download was given up");
  }

  async #saveRecord(record: BootRecord): Promise<void> {
    try {
      await this.#flash.saveRecord(record);
    } catch (error) {
      const failure = storageFailure(error);
      if (failure === undefined) throw error;
      this.#deliver({ type: "boot-record-unsaved", ...failure });
      return;
    }
    this.#deliver({ type: "boot-record-saved" });
  }

  async #check({ checkId, image, bundle, allowsDowngrade, inHand }: Storage<"check-release">): Promise<void> {
    let refusal: StorageRefusal | undefined;
    try {
      refusal = await this.#flash.checkRelease(image, bundle, allowsDowngrade, inHand);
    } catch (error) {
      refusal = storageFailure(error);
      if (refusal === undefined) throw error;
    }
    this.#deliver({ type: "release-checked", checkId, refusal: refusal ?? null });
  }

  /** Resolves when the journal is lasting, or when a full or failing disk would not take it: an AP that forgets its run still serves. */
  async saveJournal(journal: RunJournal): Promise<void> {
    try {
      await this.#flash.saveJournal(journal);
    } catch (error) {
      const failure = storageFailure(error);
      if (failure === undefined) throw error;
      this.#onJournalLost(failure.detail);
    }
  }

  /** Closes all files and keeps a resumable part. */
  async close(): Promise<void> {
    const id = this.#currentId;
    this.#currentId = 0;
    await this.#enqueue(() => this.#discard(id, true));
  }

  /* ------------------------------------------------------------------ one download */

  async #open({ downloadId: id, version, sizeBytes, sha256, resume }: Storage<"open-download">): Promise<void> {
    await this.#closeDownload();
    const part = resume && sha256 !== null ? await this.#flash.part.loadFacts() : undefined;
    const resumed = part?.sha256 === sha256 && part?.sizeBytes === sizeBytes ? part : undefined;
    const free = await this.#flash.freeBytes();
    if (free < sizeBytes) {
      throw new StorageError("not-enough-flash", `the image has ${sizeBytes} bytes, ${free} are free`);
    }
    const file = (resumed && (await this.#flash.part.open(resumed))) ?? (await this.#flash.part.create());
    const safeBytes = resumed && (await file.sizeBytes()) === resumed.safeBytes ? resumed.safeBytes : 0;
    this.#download = new ImageDownload({ id, version, sizeBytes, resumeKey: resume ? sha256 : null }, this.#flash.part, file, safeBytes);
    this.#answer(id, { type: "download-opened", downloadId: id, resumeOffset: safeBytes, freeBytes: free });
  }

  async #drain(download: ImageDownload): Promise<void> {
    const { id } = download.facts;
    while (id === this.#currentId) {
      const batch = download.takeBatch();
      const offset = batch[0]?.offset;
      if (offset === undefined) return;
      const parts = batch.map(({ bytes }) => bytes);
      await this.#write(download, offset, parts);
      for (const { offset, bytes } of batch) {
        this.#answer(id, { type: "chunk-written", downloadId: id, offset, length: bytes.length });
      }
    }
  }

  async #write(download: ImageDownload, offset: number, parts: readonly Uint8Array[]): Promise<void> {
    await download.write(offset, parts, (error) => this.#failed(download.facts.id, error));
  }

  async #verify(download: ImageDownload): Promise<void> {
    const { id } = download.facts;
    const found = await download.readBack();
    this.#answer(id, { type: "download-verified", downloadId: id, ...found });
  }

  async #checkChunk(download: ImageDownload, { chunk, offset, sizeBytes, sha256 }: Storage<"check-chunk">): Promise<void> {
    const { id } = download.facts;
    const isSound = (await download.digestOf(offset, sizeBytes)) === sha256;
    this.#answer(id, { type: "chunk-checked", downloadId: id, chunk, isSound });
  }

  async #commit(download: ImageDownload, slot: SlotId, record: BootRecord): Promise<void> {
    const { id } = download.facts;
    const image = record.slots[slot];
    invariant(image !== null && download.verified?.sha256 === image.sha256, "only a verified download is committed");
    const other = otherSlot(slot);
    invariant(record.slots[other]?.sha256 === this.#flash.record.slots[other]?.sha256, "a commit changes one slot");
    await download.close();
    this.#download = undefined;
    await this.#flash.moveIntoSlot(slot, record);
    this.#answer(id, { type: "slot-committed", downloadId: id, freeBytes: await this.#flash.freeBytes() });
  }

  async #discard(downloadId: DownloadId, keepPartial: boolean): Promise<void> {
    const download = this.#download;
    if (download === undefined && !keepPartial) return this.#flash.part.remove();
    if (download?.facts.id !== downloadId) return;
    if (keepPartial) await download.keep().catch(ignoreStorageError);
    await this.#closeDownload();
    if (!keepPartial || download.facts.resumeKey === null) await this.#flash.part.remove();
  }

  async #closeDownload(): Promise<void> {
    const download = this.#download;
    this.#download = undefined;
    await download?.close();
  }

  /* ------------------------------------------------------------------ one thing after the other */

  #enqueue(work: () => Promise<void>): Promise<void> {
    const done = this.#tasks.then(work);
    this.#tasks = done.catch(this.#onFatal);
    return done;
  }

  #task(downloadId: DownloadId, work: (download: ImageDownload) => Promise<void>): void {
    this.#enqueue(() => this.#guarded(downloadId, work));
  }

  async #guarded(downloadId: DownloadId, work: (download: ImageDownload) => Promise<void>): Promise<void> {
    if (downloadId !== this.#currentId) return;
    try {
      await work(this.#download as ImageDownload);
    } catch (error) {
      await this.#failed(downloadId, error);
    }
  }

  /** A storage failure ends the download and takes its part away; anything else is our own bug. */
  async #failed(downloadId: DownloadId, error: unknown): Promise<void> {
    const failure = storageFailure(error);
    if (failure === undefined) return this.#onFatal(error);
    if (downloadId !== this.#currentId) return;
    this.#currentId = 0;
    this.#enqueue(async () => {
      // Room is made first: the agent will save a journal.
      await this.#clearAway().catch(ignoreStorageError);
      this.#deliver({ type: "storage-failed", downloadId, ...failure });
    });
  }

  async #clearAway(): Promise<void> {
    await this.#closeDownload();
    await this.#flash.part.remove();
    // A journal may be on its way to the disk at this moment.
    await this.#flash.clearLeftovers([journalUnsaved]);
  }

  #answer(downloadId: DownloadId, input: StorageInput): void {
    if (downloadId === this.#currentId) this.#deliver(input);
  }
}
