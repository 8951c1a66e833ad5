/**
 * An AP's flash: one folder with two slots, the boot record, the run journal and at most one part of a download.
 *
 *     boot.json                     the boot record; a slot exists when this lists it
 *     boot-copy.json                the same once more, for the day on which a medium loses a small file
 *     run.json                      the run in hand and the reports still owed
 *     slot-a-<sha256>.image         a slot's content, whole and verified
 *     slot-a-<sha256>.json          its label: what it is, for the day on which both records are lost
 *     download.part, download.json  a download under way, and how much of it is safely stored
 *
 * The moment of a commit is the rename of boot.json. A slot's new content has another name than its old, so that before
 * that rename the old content is untouched and after it the new is complete; what the record does not list is removed at
 * the next boot, except a part that can be resumed.
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { invariant } from "../../base/invariant.js";
import type { Sha256Hex } from "../../base/sha256.js";
import type { BootRecord, BootState, RunJournal, SlotId, SlotImage } from "../../core/ap/contract.js";
import { emptyBootRecord } from "../../core/ap/image-slots.js";
import type { Disk, DiskFile } from "./disk.js";
import { loadSealedJson, saveSealedJson, unsavedEnding } from "./sealed-json.js";
import {
  count,
  type LabelledSlot,
  labelsDue,
  recordOfLabels,
  sha256Text,
  slotFileName,
  slotImage,
  slotLabel,
  slotLabelName,
  slotOfLabelName,
} from "./slot-label.js";
import { ignoreStorageError, isAbsent, isUnreadable } from "./storage-failure.js";

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

const partFacts = z.object({ version: z.string(), sizeBytes: count, sha256: sha256Text, safeBytes: count });
export type PartFacts = z.output<typeof partFacts>;

const slotIds: readonly SlotId[] = ["a", "b"];
const names = {
  record: "boot.json",
  recordCopy: "boot-copy.json",
  journal: "run.json",
  part: "download.part",
  partFacts: "download.json",
} as const;
/** A journal that is on its way to the disk. */
export const journalUnsaved = names.journal + unsavedEnding;

const readBytes = 1 << 20;

export interface StoredDigests {
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: Sha256Hex;
  readonly md5: string;
}

export interface FlashFolderOptions {
  readonly folder: string;
  readonly disk: Disk;
  /** Capacity of the flash in bytes; undefined = what the disk has. */
  readonly flashBytes: number | undefined;
  /** Version of the image that an empty folder gets in its primary slot; undefined leaves both slots empty. */
  readonly factoryVersion: string | undefined;
}

export class FlashFolder {
  readonly #folder: string;
  readonly #disk: Disk;
  readonly #flashBytes: number | undefined;
  #record: BootRecord = emptyBootRecord;

  private constructor({ folder, disk, flashBytes }: FlashFolderOptions) {
    this.#folder = folder;
    this.#disk = disk;
    this.#flashBytes = flashBytes;
  }

  /** Opens the folder after whatever ended its last use: checks the slots by digest and clears leftovers. */
  static async open(options: FlashFolderOptions): Promise<{ readonly flash: FlashFolder; readonly state: BootState }> {
    const flash = new FlashFolder(options);
    return { flash, state: await flash.#boot(options.factoryVersion) };
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

  /* ------------------------------------------------------------------ boot */

  async #boot(factoryVersion: string | undefined): Promise<BootState> {
    await this.#disk.makeFolder(this.#folder);
    const stored = await this.#loadRecord();
    this.#record = stored.record;
    const corrupt: SlotId[] = [];
    for (const slot of slotIds) if (!(await this.#slotIsSound(slot))) corrupt.push(slot);
    for (const slot of corrupt) this.#record = { ...this.#record, slots: { ...this.#record.slots, [slot]: null } };
    await this.#labelSlots(this.#record);
    await this.clearLeftovers();
    if (stored.state === "absent" && factoryVersion !== undefined) await this.#installFactoryImage(factoryVersion);
    const journal = await loadSealedJson(this.#disk, this.#path(names.journal), runJournal);
    return {
      record: this.#record,
      journal: typeof journal === "object" ? journal.value : emptyJournal,
      corrupt,
      recordState: stored.state === "absent" ? "sound" : stored.state,
      freeBytes: await this.freeBytes(),
    };
  }

  /** The record, its copy or what the slots' labels say, whichever is left; makes all the same again. What it says of the slots is not checked yet. */
  async #loadRecord(): Promise<{ readonly record: BootRecord; readonly state: BootState["recordState"] | "absent" }> {
    const stored = await loadSealedJson(this.#disk, this.#path(names.record), bootRecord);
    const copy = await loadSealedJson(this.#disk, this.#path(names.recordCopy), bootRecord);
    if (stored === "damaged") await this.#disk.rename(this.#path(names.record), this.#path(`${names.record}.damaged`));
    if (typeof stored === "object") {
      const isSame = typeof copy === "object" && JSON.stringify(copy.value) === JSON.stringify(stored.value);
      if (!isSame) await this.#saveRecordCopy(stored.value);
      return { record: stored.value, state: "sound" };
    }
    const left = typeof copy === "object" ? copy.value : recordOfLabels(await this.#labels());
    if (left === undefined) return { record: emptyBootRecord, state: stored === "absent" && copy === "absent" ? "absent" : "lost" };
    await saveSealedJson(this.#disk, this.#path(names.record), left);
    if (typeof copy === "object") return { record: left, state: "recovered" };
    await this.#saveRecordCopy(left);
    return { record: left, state: "rebuilt" };
  }

  /** Of images that are there. */
  async #labels(): Promise<LabelledSlot[]> {
    const found = await this.#disk.list(this.#folder);
    const labels: LabelledSlot[] = [];
    for (const name of found) {
      const slot = slotOfLabelName(name);
      if (slot === undefined) continue;
      const stored = await loadSealedJson(this.#disk, this.#path(name), slotLabel);
      if (typeof stored !== "object" || !found.includes(slotFileName(slot, stored.value.image.sha256))) continue;
      labels.push({ slot, label: stored.value });
    }
    return labels;
  }

  /** A disk that would not take a label costs the label alone. */
  async #labelSlots(record: BootRecord): Promise<void> {
    for (const { slot, label } of labelsDue(record, await this.#labels()))
      await saveSealedJson(this.#disk, this.#path(slotLabelName(slot, label.image.sha256)), label).catch(ignoreStorageError);
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
      if (isUnreadable(error)) return false;
      throw error;
    } finally {
      await file.close();
    }
  }

  /** Removes what neither a slot nor a part needs. @param inUse names that are about to be something */
  async clearLeftovers(inUse: readonly string[] = []): Promise<void> {
    const images = slotIds.flatMap((slot) => ({ slot, sha256: this.#record.slots[slot]?.sha256 ?? "" }));
    const listed = images.map(({ slot, sha256 }) => slotFileName(slot, sha256));
    const labels = images.map(({ slot, sha256 }) => slotLabelName(slot, sha256));
    const part = await this.loadPartFacts();
    const found = await this.#disk.list(this.#folder);
    // A commit that a crash cut off between its renames: the image is whole, and becomes a part of full length again.
    const uncommitted = found.find(
      (name) => part && !listed.includes(name) && slotIds.some((slot) => name === slotFileName(slot, part.sha256)),
    );
    if (uncommitted !== undefined && !found.includes(names.part)) await this.#disk.rename(this.#path(uncommitted), this.#path(names.part));
    const resumable = part && (uncommitted !== undefined || found.includes(names.part)) ? [names.part, names.partFacts] : [];
    const kept = [...listed, ...labels, ...resumable, names.record, names.recordCopy, `${names.record}.damaged`, names.journal, ...inUse];
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
      await this.moveIntoSlot(primary, { ...emptyBootRecord, slots: { ...slots, [primary]: image } });
    } finally {
      await file.close();
    }
  }

  /* ------------------------------------------------------------------ records */

  /** Resolves when the record is lasting and what it does not list any more is gone. */
  async saveRecord(record: BootRecord): Promise<void> {
    const before = this.#record;
    await this.#labelSlots(record);
    await saveSealedJson(this.#disk, this.#path(names.record), record);
    this.#record = record;
    // Before the old content goes: at no moment does the copy name a file that is not there.
    await this.#saveRecordCopy(record);
    for (const slot of slotIds) {
      const old = before.slots[slot];
      if (old === null || old.sha256 === record.slots[slot]?.sha256) continue;
      await this.#disk.remove(this.#path(slotFileName(slot, old.sha256)));
      await this.#disk.remove(this.#path(slotLabelName(slot, old.sha256)));
    }
  }

  /** A disk that would not take it costs the copy, not the record; the next boot tries again. */
  async #saveRecordCopy(record: BootRecord): Promise<void> {
    await saveSealedJson(this.#disk, this.#path(names.recordCopy), record).catch(ignoreStorageError);
  }

  async saveJournal(journal: RunJournal): Promise<void> {
    await saveSealedJson(this.#disk, this.#path(names.journal), journal);
  }

  async savePartFacts(facts: PartFacts): Promise<void> {
    await saveSealedJson(this.#disk, this.#path(names.partFacts), facts);
  }

  async loadPartFacts(): Promise<PartFacts | undefined> {
    const stored = await loadSealedJson(this.#disk, this.#path(names.partFacts), partFacts);
    return typeof stored === "object" ? stored.value : undefined;
  }

  /* ------------------------------------------------------------------ the part */

  /** The part cut to what is safe, or undefined when it is not what its facts promise. */
  async openPart({ safeBytes }: PartFacts): Promise<DiskFile | undefined> {
    const file = await this.#openIfThere(names.part, "update");
    if (file === undefined) return undefined;
    if ((await file.sizeBytes()) >= safeBytes) {
      await file.truncate(safeBytes);
      return file;
    }
    await file.close();
    return undefined;
  }

  /** An empty part, in the place of any other. */
  async createPart(): Promise<DiskFile> {
    await this.#disk.remove(this.#path(names.partFacts));
    await this.#disk.syncFolder(this.#folder);
    return await this.#disk.open(this.#path(names.part), "create");
  }

  async removePart(): Promise<void> {
    await this.#disk.remove(this.#path(names.part));
    await this.#disk.remove(this.#path(names.partFacts));
  }

  /** The part becomes the slot's file, then the record makes it the slot's content. */
  async moveIntoSlot(slot: SlotId, record: BootRecord): Promise<void> {
    await this.#disk.rename(this.#path(names.part), this.#path(slotFileName(slot, record.slots[slot]?.sha256 as string)));
    await this.#disk.syncFolder(this.#folder);
    await this.saveRecord(record);
    await this.#disk.remove(this.#path(names.partFacts));
  }

  /** Room for a download beside both slots; a part in the way is counted as room, since it is resumed or replaced. */
  async freeBytes(): Promise<number> {
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
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }
}

/** Reads a file from its start to its end. */
export async function digestsOf(file: DiskFile): Promise<StoredDigests> {
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

const ownNames: readonly string[] = Object.values(names);
const slotFilePattern = /^slot-[ab]-[0-9a-f]{64}\.(?:image|json)$/;
const isOurs = (name: string): boolean => {
  const saved = name.endsWith(unsavedEnding) ? name.slice(0, -unsavedEnding.length) : name;
  return ownNames.includes(saved) || slotFilePattern.test(saved);
};
