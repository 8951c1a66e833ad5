import type { Sha256Hex } from "../../base/sha256.js";
import { emptyVersion } from "../upgrade/limits.js";
import type { BootRecord, SlotId, SlotImage } from "./contract.js";

export const otherSlot = (slot: SlotId): SlotId => (slot === "a" ? "b" : "a");

/** The slot that boots: the primary, or the backup when only that holds an image. */
export const slotToBoot = ({ bootSlot, slots }: BootRecord): SlotId =>
  slots[bootSlot] === null && slots[otherSlot(bootSlot)] !== null ? otherSlot(bootSlot) : bootSlot;

const withoutTrial = ({ trial: _, rolledBack: __, ...record }: BootRecord): BootRecord => record;

/** An AP that never had an image: it runs, reports empty slots, and takes its first image into slot b. */
export const emptyBootRecord: BootRecord = { bootSlot: "a", slots: { a: null, b: null }, swapOrderId: 0, controllerResets: 0 };

/**
 * Two slots and the boot record. The running slot is never a download's target, so a crash at any instant leaves something to
 * run; images never move, a swap changes only the record.
 */
export class ImageSlots {
  /** Decided at boot; stays until the next. */
  readonly running: SlotId;
  #record: BootRecord;

  constructor(record: BootRecord) {
    this.#record = record;
    this.running = slotToBoot(record);
  }

  get record(): BootRecord {
    return this.#record;
  }

  get target(): SlotId {
    return otherSlot(this.running);
  }

  get backup(): SlotId {
    return otherSlot(this.#record.bootSlot);
  }

  image(slot: SlotId): SlotImage | null {
    return this.#record.slots[slot];
  }

  /** A slot that holds an image with this digest, the target first: it was fetched last. */
  holding(sha256: Sha256Hex): SlotId | undefined {
    return [this.target, this.running].find((slot) => this.image(slot)?.sha256 === sha256);
  }

  /** A slot that holds this version, the primary first: it boots next. */
  holdingVersion(version: string): SlotId | undefined {
    return [this.#record.bootSlot, this.backup].find((slot) => this.image(slot)?.version === version);
  }

  /** The record that a commit of `image` to the target leads to. */
  recordWith(image: SlotImage): BootRecord {
    return { ...this.#record, slots: { ...this.#record.slots, [this.target]: image } };
  }

  /** The record after a swap, or undefined while the backup is empty. `orderId` is remembered, so that one order swaps once. */
  recordSwapped(orderId: number): BootRecord | undefined {
    return this.image(this.backup) === null ? undefined : { ...this.#record, bootSlot: this.backup, swapOrderId: orderId };
  }

  /** The record after a restart by order of a controller, with `slot` to boot. */
  recordReset(slot: SlotId): BootRecord {
    const { controllerResets } = this.#record;
    const isNew = slot !== this.running && this.image(slot) !== null && this.image(this.running) !== null;
    return {
      ...withoutTrial(this.#record),
      bootSlot: slot,
      controllerResets: controllerResets + 1,
      ...(isNew && { trial: { slot, boots: 0 } }),
    };
  }

  /** The record after another boot on trial. */
  recordBooted(): BootRecord {
    const { trial } = this.#record;
    return trial === undefined ? this.#record : { ...this.#record, trial: { ...trial, boots: trial.boots + 1 } };
  }

  /** The record once a controller is joined, or undefined where nothing changes. */
  recordConfirmed(): BootRecord | undefined {
    const { trial, rolledBack } = this.#record;
    return trial === undefined && rolledBack === undefined ? undefined : withoutTrial(this.#record);
  }

  /** The record with the former slot to boot, or undefined without a trial. Where that slot is empty by now, the trial just ends. */
  recordRolledBack(detail: string): BootRecord | undefined {
    const { trial } = this.#record;
    if (trial === undefined) return undefined;
    if (this.image(otherSlot(trial.slot)) === null) return withoutTrial(this.#record);
    const version = this.image(trial.slot)?.version ?? emptyVersion;
    return { ...withoutTrial(this.#record), bootSlot: otherSlot(trial.slot), rolledBack: { version, detail } };
  }

  /** The record with another version for an image, or undefined where its slots have it already. */
  recordRelabelled(sha256: Sha256Hex, version: string): BootRecord | undefined {
    const { a, b } = this.#record.slots;
    const relabelled = (image: SlotImage | null) => (image?.sha256 === sha256 ? { ...image, version } : image);
    const isOther = [a, b].some((image) => image?.sha256 === sha256 && image.version !== version);
    return isOther ? { ...this.#record, slots: { a: relabelled(a), b: relabelled(b) } } : undefined;
  }

  /** Call when `record` is lasting. */
  replace(record: BootRecord): void {
    this.#record = record;
  }
}
