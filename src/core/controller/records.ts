/** What the controller stores: one row per thing, so that a change writes little. `row-table.ts` lists the kinds. */
import type { MacAddress } from "../../base/mac-address.js";
import type { Sha256Hex } from "../../base/sha256.js";
import type { Instant } from "../../base/time.js";
import type { GroupSettings, NewImage } from "./operator/settings.js";
import type { FamilyRun, Member, Run } from "./run/run.js";

/** A row as a store keeps it: JSON under a key. `value` null deletes the row. */
export interface StoredRecord {
  readonly key: string;
  readonly value: unknown;
}

export interface GroupRecord extends GroupSettings {
  readonly name: string;
  readonly aps: readonly MacAddress[];
  readonly manualPrimaries: readonly MacAddress[];
  readonly forcedSubordinates: readonly MacAddress[];
}

/** What was last known of an AP. */
export interface ApRecord {
  readonly mac: MacAddress;
  readonly name: string;
  readonly model: string;
  readonly serial: string;
  readonly runningVersion: string;
  readonly joinedAt: Instant;
  readonly slots: SlotsRecord | null;
}

export interface SlotsRecord {
  readonly primary: SlotRecord;
  readonly backup: SlotRecord;
  readonly running: "primary" | "backup";
}

/** Version and digest; both "" for an empty slot. */
export interface SlotRecord {
  readonly version: string;
  readonly sha256: Sha256Hex;
}

export interface ImageRecord extends NewImage {
  readonly id: string;
  readonly families: readonly string[];
  readonly addedAt: Instant;
}

export interface ResetRecord {
  readonly mac: MacAddress;
  readonly version: string;
  readonly sentAt: Instant;
  readonly state: "waiting" | "confirmed" | "unconfirmed";
}

/** A run without its members, which have rows of their own. */
export type RunRecord = Omit<Run, "families" | "members"> & { readonly families: readonly FamilyRecord[] };
export type FamilyRecord = Omit<FamilyRun, "steppedDown"> & { readonly steppedDown: readonly MacAddress[] };
export type MemberRecord = Member;

export const runRecord = ({ members: _, families, ...run }: Run): RunRecord => ({
  ...run,
  families: [...families.values()].map((family) => ({ ...family, steppedDown: [...family.steppedDown] })),
});

/** @returns the run, with no members yet */
export const runOfRecord = ({ families, ...run }: RunRecord): Run => ({
  ...run,
  families: new Map(families.map((family) => [family.family, { ...family, steppedDown: new Set(family.steppedDown) }])),
  members: new Map(),
});
