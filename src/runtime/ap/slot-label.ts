/**
 * A file beside each slot's image that states its version: without it, two whole images would be nameless once the boot record and
 * its copy are lost.
 */
import type { Sha256Hex } from "../../base/sha256.js";
import type { BootRecord, SlotId } from "../../core/ap/contract.js";
import { emptyBootRecord, otherSlot } from "../../core/ap/image-slots.js";
import type { SlotLabel } from "./stored-files.js";

export interface LabelledSlot {
  readonly slot: SlotId;
  readonly label: SlotLabel;
}

export const slotFileName = (slot: SlotId, sha256: Sha256Hex): string => `slot-${slot}-${sha256}.image`;
export const slotLabelName = (slot: SlotId, sha256: Sha256Hex): string => `slot-${slot}-${sha256}.json`;

const labelPattern = /^slot-([ab])-[0-9a-f]{64}\.json$/;
/** Which slot a label's file name belongs to; undefined for any other file. */
export const slotOfLabelName = (name: string): SlotId | undefined => labelPattern.exec(name)?.[1] as SlotId | undefined;

/**
 * The record that labels lead to, undefined without any.
 * @param labels those of images that are there; a commit that was cut off may leave two for one slot
 */
export function recordOfLabels(labels: readonly LabelledSlot[]): BootRecord | undefined {
  const highest = (slot: SlotId): SlotLabel | undefined => labels.filter((each) => each.slot === slot).sort(byRank)[0]?.label;
  const [bootsNext] = [...labels].sort(byRank);
  if (bootsNext === undefined) return undefined;
  return { ...emptyBootRecord, bootSlot: bootsNext.slot, slots: { a: highest("a")?.image ?? null, b: highest("b")?.image ?? null } };
}

const byRank = (one: LabelledSlot, other: LabelledSlot): number => other.label.rank - one.label.rank;

/** The labels that a record needs and that are not there yet. */
export function labelsDue({ bootSlot, slots }: BootRecord, labels: readonly LabelledSlot[]): LabelledSlot[] {
  const due: LabelledSlot[] = [];
  let rankMin = 0;
  for (const slot of [otherSlot(bootSlot), bootSlot]) {
    const image = slots[slot];
    if (image === null) continue;
    const ofSlot = labels.flatMap((each) => (each.slot === slot ? [each.label] : []));
    const found = ofSlot.find((label) => label.image.sha256 === image.sha256);
    // What the slot held before may come back with its label: its removal is not made lasting at once.
    const rank = Math.max(rankMin, found?.rank ?? 1 + Math.max(-1, ...ofSlot.map((label) => label.rank)));
    const isSound = found?.rank === rank && found.image.version === image.version && found.image.runId === image.runId;
    if (!isSound) due.push({ slot, label: { rank, image } });
    rankMin = rank + 1;
  }
  return due;
}
