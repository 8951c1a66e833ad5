/**
 * What the controller stores: one row per thing, so that a change writes little. Keys sort by kind; values
 * are JSON. `format` says which layout the rows have.
 */

import type { MacAddress } from "../../base/mac-address.js";
import type { Sha256Hex } from "../../base/sha256.js";
import type { Instant } from "../../base/time.js";
import type { GroupSettings, NewImage } from "./operator/settings.js";
import type { FamilyRun, Member, Run } from "./run/run.js";

/** `value` null deletes the row. */
export interface StoredRecord {
  readonly key: string;
  readonly value: unknown;
}

export const formatVersion = 1;

export const keys = {
  format: "format",
  /** Where this controller's runs count from on the wire. */
  runNumberStart: "run-number-start",
  group: (name: string): string => `group/${name}`,
  ap: (mac: MacAddress): string => `ap/${mac}`,
  image: (id: string): string => `image/${id}`,
  run: (id: number): string => `run/${id}`,
  member: (id: number, mac: MacAddress): string => `run/${id}/ap/${mac}`,
  reset: (mac: MacAddress): string => `reset/${mac}`,
} as const;

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
  readonly slots: { readonly primary: SlotRecord; readonly backup: SlotRecord; readonly running: "primary" | "backup" } | null;
}

/** Version and digest (lower-case hex); both "" for an empty slot. */
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

type RunRecord = Omit<Run, "families" | "members"> & {
  readonly families: readonly (Omit<FamilyRun, "steppedDown"> & { readonly steppedDown: readonly MacAddress[] })[];
};

export const runRecord = ({ members: _, families, ...run }: Run): RunRecord => ({
  ...run,
  families: [...families.values()].map((family) => ({ ...family, steppedDown: [...family.steppedDown] })),
});

/** What rows of former versions lack, or had in another form. */
type NewFields = "wanSentBytes" | "wanWireBytes" | "fallbacks";
const memberOf = (row: Omit<Member, NewFields> & Partial<Pick<Member, NewFields>> & { readonly fellBack?: boolean }): Member => {
  const { fellBack, ...member } = { wanSentBytes: 0, wanWireBytes: 0, fallbacks: row.fellBack ? 1 : 0, ...row };
  return member;
};

/** The rows of a store, sorted into kinds. */
export interface StoredState {
  readonly groups: readonly GroupRecord[];
  readonly aps: readonly ApRecord[];
  readonly images: readonly ImageRecord[];
  readonly resets: readonly ResetRecord[];
  readonly runs: readonly Run[];
}

/** @returns the state, or the number of the newer format that wrote the store */
export function readRecords(records: readonly StoredRecord[]): StoredState | { readonly unknownFormat: unknown } {
  const groups: GroupRecord[] = [];
  const aps: ApRecord[] = [];
  const images: ImageRecord[] = [];
  const resets: ResetRecord[] = [];
  const runs = new Map<number, Run>();
  const members: { runId: number; member: Member }[] = [];
  const kinds: Readonly<Record<string, (value: never, path: readonly string[]) => void>> = {
    group: (value: GroupRecord) => groups.push(value),
    ap: (value: ApRecord) => aps.push(value),
    image: (value: ImageRecord) => images.push(value),
    reset: (value: ResetRecord) => resets.push(value),
    run: (value: RunRecord | Member, path) => {
      const runId = Number(path[1]);
      if (path.length > 2) members.push({ runId, member: memberOf(value as Member) });
      else runs.set(runId, runOfRecord(value as RunRecord));
    },
  };
  for (const { key, value } of records) {
    if (key === keys.format && value !== formatVersion) return { unknownFormat: value };
    const path = key.split("/");
    kinds[path[0] as string]?.(value as never, path);
  }
  for (const { runId, member } of members) runs.get(runId)?.members.set(member.mac, member);
  return { groups, aps, images, resets, runs: [...runs.values()].sort((a, b) => a.id - b.id) };
}

const runOfRecord = ({ families, ...run }: RunRecord): Run => ({
  ...run,
  families: new Map(families.map((family) => [family.family, { ...family, steppedDown: new Set(family.steppedDown) }])),
  members: new Map(),
});
