/** What the controller stores: one row per thing, so that a change writes little. `row-table.ts` lists the kinds. */
import type { MacAddress } from "../../base/mac-address.js";
import type { Sha256Hex } from "../../base/sha256.js";
import type { Instant } from "../../base/time.js";
import type { FailureReason } from "../../wire/capwap/vendor.js";
import type { GroupSettings } from "./operator/group-settings.js";
import type { ImageBundle, NewImage } from "./operator/new-image.js";
import type { MemberPhase, MemberRole } from "./run/member-state.js";
import type { Family, Member, Run } from "./run/run.js";

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

export interface BundleRecord extends ImageBundle {
  /** Of its image. */
  readonly sha256: Sha256Hex;
}

export interface ResetRecord {
  readonly mac: MacAddress;
  readonly version: string;
  readonly sentAt: Instant;
  readonly state: "waiting" | "confirmed" | "unconfirmed";
}

/** An AP in the activation of its group. */
export interface ActivationApId {
  readonly group: string;
  readonly mac: MacAddress;
}

/** A run without its members, which have rows of their own. */
export type RunRecord = Omit<Run, "families" | "members"> & { readonly families: readonly FamilyRecord[] };

export interface FamilyRecord extends Pick<Family, "family" | "image" | "warning" | "sessionsPeak"> {
  readonly primary: MacAddress | null;
  readonly manual: boolean;
  readonly steppedDown: readonly MacAddress[];
}

/** A member with its state spread out; `run-rows.ts` converts both ways. */
export interface MemberRecord
  extends Pick<
    Member,
    "mac" | "source" | "fallbacks" | "tries" | "failedOrders" | "wanBytes" | "lanBytes" | "wanSentBytes" | "wanWireBytes" | "startedAt"
  > {
  readonly family: string;
  readonly role: MemberRole;
  readonly phase: MemberPhase;
  /** The primary that it is ordered to use. */
  readonly server: MacAddress | null;
  /** It fetches although it has the image. */
  readonly refetch: boolean;
  readonly endedAt: Instant | null;
  readonly reason: FailureReason;
  readonly detail: string;
}
