/**
 * The boot record in three places: `boot.json`, its copy, and the slots' labels, so that a medium that loses a small file costs
 * nothing. Copy and labels are saved as well as the disk allows; only `boot.json` must be.
 */
import { join } from "node:path";
import type { BootRecord, BootState } from "../../core/ap/contract.js";
import { emptyBootRecord } from "../../core/ap/image-slots.js";
import type { Disk } from "./disk.js";
import { loadSealedJson, saveSealedJson } from "./sealed-json.js";
import { type LabelledSlot, labelsDue, recordOfLabels, slotFileName, slotLabelName, slotOfLabelName } from "./slot-label.js";
import { ignoreStorageError } from "./storage-failure.js";
import { bootRecordOf, type StoredBootRecord, storedBootRecord, storedFiles } from "./stored-files.js";

export const bootRecordNames = { record: "boot.json", copy: "boot-copy.json", damaged: "boot.json.damaged" } as const;

export class BootRecords {
  readonly #folder: string;
  readonly #disk: Disk;

  constructor(folder: string, disk: Disk) {
    this.#folder = folder;
    this.#disk = disk;
  }

  /**
   * The record, its copy or the record that the slots' labels imply, whichever is left; mends the others from it. The slots are
   * not checked yet. `absent` in a folder that never had a record.
   */
  async load(): Promise<{ readonly record: BootRecord; readonly state: BootState["recordState"] | "absent" }> {
    const stored = await loadSealedJson(this.#disk, this.#path(bootRecordNames.record), storedFiles.bootRecord);
    const copy = await loadSealedJson(this.#disk, this.#path(bootRecordNames.copy), storedFiles.bootRecord);
    if (stored === "damaged") {
      await this.#disk.rename(this.#path(bootRecordNames.record), this.#path(bootRecordNames.damaged)).catch(ignoreStorageError);
    }
    if (typeof stored === "object") {
      const isSame = typeof copy === "object" && JSON.stringify(copy.value) === JSON.stringify(stored.value);
      if (!isSame) await this.#saveCopy(stored.value);
      return { record: bootRecordOf(stored.value), state: "sound" };
    }
    const labelled = typeof copy === "object" ? undefined : recordOfLabels(await this.#labels());
    const left = typeof copy === "object" ? copy.value : labelled && storedBootRecord(labelled);
    if (left === undefined) return { record: emptyBootRecord, state: stored === "absent" && copy === "absent" ? "absent" : "lost" };
    // Without room the next boot finds the same and tries again.
    await saveSealedJson(this.#disk, this.#path(bootRecordNames.record), left).catch(ignoreStorageError);
    if (typeof copy === "object") return { record: bootRecordOf(left), state: "recovered" };
    await this.#saveCopy(left);
    return { record: bootRecordOf(left), state: "rebuilt" };
  }

  /** Resolves when the record is lasting. */
  async save(record: BootRecord): Promise<void> {
    await this.labelSlots(record);
    const stored = storedBootRecord(record);
    await saveSealedJson(this.#disk, this.#path(bootRecordNames.record), stored);
    await this.#saveCopy(stored);
  }

  async labelSlots(record: BootRecord): Promise<void> {
    for (const { slot, label } of labelsDue(record, await this.#labels()))
      await saveSealedJson(this.#disk, this.#path(slotLabelName(slot, label.image.sha256)), label).catch(ignoreStorageError);
  }

  /** Of images that are there. */
  async #labels(): Promise<LabelledSlot[]> {
    const found = await this.#disk.list(this.#folder);
    const labels: LabelledSlot[] = [];
    for (const name of found) {
      const slot = slotOfLabelName(name);
      if (slot === undefined) continue;
      const stored = await loadSealedJson(this.#disk, this.#path(name), storedFiles.slotLabel);
      if (typeof stored !== "object" || !found.includes(slotFileName(slot, stored.value.image.sha256))) continue;
      labels.push({ slot, label: stored.value });
    }
    return labels;
  }

  /** A copy that the disk does not take is saved by the next boot. */
  async #saveCopy(record: StoredBootRecord): Promise<void> {
    await saveSealedJson(this.#disk, this.#path(bootRecordNames.copy), record).catch(ignoreStorageError);
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}
