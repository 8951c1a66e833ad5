/**
 * An AP's flash: one folder with two slots, the boot record, the run journal and at most one part of a download.
 *
 *     boot.json                     the boot record; a slot exists when this lists it
 *     boot-copy.json                the same once more, in case the medium loses a small file
 *     run.json                      the run in hand and the reports still owed
 *     slot-a-<sha256>.image         a slot's content, whole and verified
 *     slot-a-<sha256>.json          its label: what it is, in case both records are lost
 *     download.part, download.json  a download under way, and how much of it is safely stored
 *
 * The moment of a commit is the rename of boot.json. A slot's new content has another name than its old, so that before
 * that rename the old content is untouched and after it the new is complete; files that the record does not list are removed at
 * the next boot, except a part that can be resumed.
 */
import { join } from "node:path";
import { invariant } from "../../base/invariant.js";
import type { Sha256Hex } from "../../base/sha256.js";
import type { BarredSlot, BootRecord, BootState, RunJournal, SlotId, SlotImage } from "../../core/ap/contract.js";
import { emptyBootRecord, slotToBoot } from "../../core/ap/image-slots.js";
import type { OrderedImage } from "../../core/trust/trust-rules.js";
import type { TrustFault } from "../../core/trust/verdict.js";
import { BootRecords, bootRecordNames } from "./boot-records.js";
import type { Disk } from "./disk.js";
import { DownloadPart, openIfThere, partNames } from "./download-part.js";
import { digestsOf } from "./file-digests.js";
import { ImageTrust, type TrustedRoot } from "./image-trust.js";
import { loadSealedJson, saveSealedJson, unsavedEnding } from "./sealed-json.js";
import { slotFileName, slotLabelName } from "./slot-label.js";
import { ignoreStorageError, isUnreadable, StorageError } from "./storage-failure.js";
import { storedFiles } from "./stored-files.js";

const emptyJournal: RunJournal = { run: null, owed: [] };
const slotIds: readonly SlotId[] = ["a", "b"];
const journalName = "run.json";
/** A journal that is being saved. */
export const journalUnsaved = journalName + unsavedEnding;

export interface FlashFolderOptions {
  readonly folder: string;
  readonly disk: Disk;
  /** Capacity of the flash in bytes; undefined = what the disk has. */
  readonly flashBytes: number | undefined;
  /** Version of the image that an empty folder gets in its primary slot; undefined leaves both slots empty. */
  readonly factoryVersion: string | undefined;
  /** With it only signed images are taken and booted. */
  readonly trustedRoot?: TrustedRoot | undefined;
}

export class FlashFolder {
  readonly part: DownloadPart;
  readonly #folder: string;
  readonly #disk: Disk;
  readonly #flashBytes: number | undefined;
  readonly #records: BootRecords;
  #record: BootRecord = emptyBootRecord;
  /** Undefined without a trusted root. */
  #trust: ImageTrust | undefined;
  /** The image that this boot runs. */
  #running: SlotImage | null = null;

  private constructor({ folder, disk, flashBytes }: FlashFolderOptions) {
    this.#folder = folder;
    this.#disk = disk;
    this.#flashBytes = flashBytes;
    this.#records = new BootRecords(folder, disk);
    this.part = new DownloadPart(folder, disk);
  }

  /** Opens the folder after whatever ended its last use: checks the slots by digest and clears leftovers. */
  static async open(options: FlashFolderOptions): Promise<{ readonly flash: FlashFolder; readonly state: BootState }> {
    const flash = new FlashFolder(options);
    return { flash, state: await flash.#boot(options) };
  }

  get record(): BootRecord {
    return this.#record;
  }

  /** The file of a slot that the boot record lists; it never changes under this name. */
  slotPath(slot: SlotId): string {
    const image = this.#record.slots[slot];
    invariant(image !== null, `slot ${slot} is empty`);
    return this.#path(slotFileName(slot, image.sha256));
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  async #boot({ factoryVersion, trustedRoot }: FlashFolderOptions): Promise<BootState> {
    await this.#disk.makeFolder(this.#folder);
    const { record, state } = await this.#records.load();
    this.#record = record;
    const corrupt: SlotId[] = [];
    for (const slot of slotIds) if (!(await this.#slotIsSound(slot))) corrupt.push(slot);
    this.#empty(corrupt);
    await this.#records.labelSlots(this.#record);
    await this.clearLeftovers().catch(ignoreStorageError);
    if (state === "absent" && factoryVersion !== undefined) await this.#installFactoryImage(factoryVersion);
    const barred = trustedRoot === undefined ? [] : await this.#bar(trustedRoot);
    this.#running = this.#record.slots[slotToBoot(this.#record)];
    const journal = await loadSealedJson(this.#disk, this.#path(journalName), storedFiles.journal);
    return {
      record: this.#record,
      journal: typeof journal === "object" ? journal.value : emptyJournal,
      corrupt,
      barred,
      recordState: state === "absent" ? "sound" : state,
      freeBytes: await this.freeBytes(),
    };
  }

  #empty(slots: readonly SlotId[]): void {
    for (const slot of slots) this.#record = { ...this.#record, slots: { ...this.#record.slots, [slot]: null } };
  }

  /** Empties slots whose image may not boot, and sets the floor of the one that does. */
  async #bar(trustedRoot: TrustedRoot): Promise<BarredSlot[]> {
    const present = slotIds.flatMap((slot) => this.#record.slots[slot]?.sha256 ?? []);
    const trust = await ImageTrust.open(this.#folder, this.#disk, trustedRoot, present);
    const barred: BarredSlot[] = [];
    for (const slot of slotIds) {
      const image = this.#record.slots[slot];
      const fault = image === null ? undefined : await trust.bootFault(image);
      if (fault !== undefined) barred.push({ slot, ...fault });
    }
    this.#empty(barred.map(({ slot }) => slot));
    await this.clearLeftovers().catch(ignoreStorageError);
    const booted = this.#record.slots[slotToBoot(this.#record)];
    // Its activation has set it; a record that was changed by hand has not.
    if (booted !== null) await trust.raiseFloorTo(booted).catch(ignoreStorageError);
    this.#trust = trust;
    return barred;
  }

  /** Judges an order's image. @param inHand image of the order before, whose bundle is kept. @returns why it is refused */
  async checkRelease(
    image: OrderedImage,
    bundle: Uint8Array | null,
    allowsDowngrade: boolean,
    inHand: Sha256Hex | null,
  ): Promise<TrustFault | undefined> {
    invariant(this.#trust !== undefined, "an AP without a trusted root checks no release");
    const kept = [...slotIds.map((slot) => this.#record.slots[slot]?.sha256), inHand].filter((sha256) => typeof sha256 === "string");
    return this.#trust.check(image, bundle ?? undefined, allowsDowngrade, kept);
  }

  async #slotIsSound(slot: SlotId): Promise<boolean> {
    const image = this.#record.slots[slot];
    if (image === null) return true;
    const file = await openIfThere(this.#disk, this.slotPath(slot), "read");
    if (file === undefined) return false;
    try {
      const found = await digestsOf(file);
      return found.sizeBytes === image.sizeBytes && found.sha256 === image.sha256;
    } catch (error) {
      if (isUnreadable(error)) return false;
      throw error;
    } finally {
      await file.close();
    }
  }

  /** Removes files that neither a slot nor a part needs. @param inUse names of files that are being written */
  async clearLeftovers(inUse: readonly string[] = []): Promise<void> {
    const images = slotIds.flatMap((slot) => ({ slot, sha256: this.#record.slots[slot]?.sha256 ?? "" }));
    const listed = images.map(({ slot, sha256 }) => slotFileName(slot, sha256));
    const labels = images.map(({ slot, sha256 }) => slotLabelName(slot, sha256));
    const part = await this.part.loadFacts();
    const found = await this.#disk.list(this.#folder);
    // A commit that a crash cut off between its renames: the image is whole, and becomes a part of full length again.
    const uncommitted = found.find(
      (name) => part && !listed.includes(name) && slotIds.some((slot) => name === slotFileName(slot, part.sha256)),
    );
    if (uncommitted !== undefined && !found.includes(partNames.part)) await this.#disk.rename(this.#path(uncommitted), this.part.path);
    const resumable = part && (uncommitted !== undefined || found.includes(partNames.part)) ? Object.values(partNames) : [];
    const kept = [...listed, ...labels, ...resumable, ...Object.values(bootRecordNames), journalName, ...inUse];
    for (const name of found) if (isOurs(name) && !kept.includes(name)) await this.#disk.remove(this.#path(name));
    await this.#disk.syncFolder(this.#folder);
  }

  async #installFactoryImage(version: string): Promise<void> {
    const bytes = Buffer.from(`flexup factory image ${version}\n`.repeat(128));
    const file = await this.#disk.open(this.part.path, "create");
    try {
      await file.write([bytes], 0);
      await file.sync();
      const image = { version, runId: 0, ...(await digestsOf(file)) };
      const { bootSlot, slots } = emptyBootRecord;
      await this.moveIntoSlot(bootSlot, { ...emptyBootRecord, slots: { ...slots, [bootSlot]: image } });
    } finally {
      await file.close();
    }
  }

  /**
   * Resolves when the record is lasting and the images that it no longer lists are gone.
   * @throws StorageError for an image that may not boot
   */
  async saveRecord(record: BootRecord): Promise<void> {
    const before = this.#record;
    if (this.#trust !== undefined) await this.#admit(record, this.#trust);
    await this.#records.save(record);
    this.#record = record;
    // Only now: at no moment does the record or its copy name a file that is not there.
    for (const slot of slotIds) {
      const old = before.slots[slot];
      if (old === null || old.sha256 === record.slots[slot]?.sha256) continue;
      // What stays is a leftover for the next boot.
      await this.#disk.remove(this.#path(slotFileName(slot, old.sha256))).catch(ignoreStorageError);
      await this.#disk.remove(this.#path(slotLabelName(slot, old.sha256))).catch(ignoreStorageError);
    }
  }

  /** What a record brings into a slot, and what it makes boot next, is verified as it lies on the disk. */
  async #admit({ bootSlot, slots }: BootRecord, trust: ImageTrust): Promise<void> {
    for (const slot of slotIds) {
      const image = slots[slot];
      const isNew = image?.sha256 !== this.#record.slots[slot]?.sha256;
      const isActivated = slot === bootSlot && (slot !== this.#record.bootSlot || image?.sha256 !== this.#running?.sha256);
      if (image === null || !(isNew || isActivated)) continue;
      // A new one was read back a moment ago.
      if (!isNew && !(await this.#slotIsSound(slot))) throw new StorageError("checksum-mismatch", `the image in slot ${slot} is damaged`);
      const fault = await trust.activationFault(image);
      if (fault !== undefined) throw new StorageError(fault.reason, fault.detail);
      if (isActivated) await trust.raiseFloorTo(image);
    }
  }

  async saveJournal(journal: RunJournal): Promise<void> {
    await saveSealedJson(this.#disk, this.#path(journalName), journal);
  }

  /** The part becomes the slot's file, then the record makes it the slot's content. */
  async moveIntoSlot(slot: SlotId, record: BootRecord): Promise<void> {
    const image = record.slots[slot];
    invariant(image !== null, "a part becomes an image");
    await this.#disk.rename(this.part.path, this.#path(slotFileName(slot, image.sha256)));
    await this.#disk.syncFolder(this.#folder);
    await this.saveRecord(record);
    await this.part.removeFacts();
  }

  /** Room for a download beside both slots; a part in the way counts as room, since it is resumed or replaced. */
  async freeBytes(): Promise<number> {
    const onDisk = (await this.#disk.freeBytes(this.#folder)) + (await this.part.sizeBytes());
    if (this.#flashBytes === undefined) return onDisk;
    const used = slotIds.reduce((sum, slot) => sum + (this.#record.slots[slot]?.sizeBytes ?? 0), 0);
    return Math.max(0, Math.min(onDisk, this.#flashBytes - used));
  }
}

const ownNames: readonly string[] = [...Object.values(bootRecordNames), journalName, ...Object.values(partNames)];
const slotFilePattern = /^slot-[ab]-[0-9a-f]{64}\.(?:image|json)$/;
const isOurs = (name: string): boolean => {
  const saved = name.endsWith(unsavedEnding) ? name.slice(0, -unsavedEnding.length) : name;
  return ownNames.includes(saved) || slotFilePattern.test(saved);
};
