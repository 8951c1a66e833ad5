/** What the pieces of a run's machinery share: the state that they read, the outbox that they write to, how long they wait. */
import type { FailureReason } from "../../../wire/capwap/vendor.js";
import type { ApReport } from "../ap-port.js";
import type { Groups } from "../groups.js";
import type { ImageCatalogue } from "../image-catalogue.js";
import type { Inventory } from "../inventory.js";
import type { Outbox } from "../outbox.js";
import type { ControllerTimings } from "../timings.js";
import type { Member } from "./run.js";
import type { RunTable } from "./run-table.js";

export interface RunParts {
  readonly inventory: Inventory;
  readonly groups: Groups;
  readonly catalogue: ImageCatalogue;
  readonly runs: RunTable;
  readonly outbox: Outbox;
  readonly timings: ControllerTimings;
  readonly sessionsMax: number;
  readonly wanTransfersMax: number;
}

/** Why something failed: a code for scripts and a line for people. */
export interface Fault {
  readonly reason: FailureReason;
  readonly detail: string;
}

/** The AP will say no more about this run. */
export const isFinal = ({ state }: ApReport): boolean => state === "complete" || state === "failed" || state === "aborted";

/** Ended by our own verdict; an AP that comes back takes part again. */
export const wasLost = ({ phase, reason }: Member): boolean => phase === "failed" && reason === "ap-lost";

/** The AP counts over the whole run; an older report must not take anything back. */
export function noteCounts(member: Member, { wanBytes, lanBytes, tries }: ApReport): void {
  member.tries = Math.max(member.tries, tries);
  member.wanBytes = Math.max(member.wanBytes, wanBytes);
  member.lanBytes = Math.max(member.lanBytes, lanBytes);
}
