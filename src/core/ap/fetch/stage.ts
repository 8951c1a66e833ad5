import type { Endpoint } from "../../../base/endpoint.js";
import type { Instant } from "../../../base/time.js";
import type { FailureReason } from "../../../wire/capwap/vendor.js";
import type { ImageChunks } from "../../upgrade/image-chunks.js";
import type { AssignmentState, DownloadId, SlotImage } from "../contract.js";

/** A verified image on its way into a slot. It is never called back: a verified image stays. */
export interface Commit {
  readonly downloadId: DownloadId;
  readonly image: SlotImage;
  /** The controller still waits for the result of the last block. */
  readonly lastBlockUnanswered: boolean;
}

/** How far an AP is with its assignment. `downloadId` also names the TFTP fetch that fills the download. */
export type Stage =
  /** Waits for an order: the controller decides who uses the WAN. A stored part stays. */
  | { readonly name: "held" }
  /** Waits for the commit of an earlier assignment. */
  | { readonly name: "flash-busy" }
  | { readonly name: "wan-opening"; readonly downloadId: DownloadId }
  /** Reads the chunks of a stored part back before the rest is asked for. */
  | { readonly name: "wan-checking"; readonly downloadId: DownloadId; readonly kept: number; verified: number }
  | { readonly name: "wan-asking"; readonly downloadId: DownloadId }
  | {
      readonly name: "wan-receiving";
      readonly downloadId: DownloadId;
      readonly sizeBytes: number;
      /** From Image Information; all that a foreign controller gives to check by. */
      readonly md5: string;
      blocksBeingWritten: number;
      /** Chunks from the start that are being read back, or were. */
      chunksChecked: number;
      isLastBlockIn: boolean;
    }
  | {
      readonly name: "wan-verifying";
      readonly downloadId: DownloadId;
      readonly sizeBytes: number;
      /** Undefined for a stored part that is whole: no controller was asked. */
      readonly md5: string | undefined;
      readonly lastBlockUnanswered: boolean;
    }
  | { readonly name: "wan-committing"; readonly downloadId: DownloadId; readonly commit: Commit }
  | { readonly name: "lan-opening"; readonly downloadId: DownloadId }
  | { readonly name: "lan-receiving"; readonly downloadId: DownloadId; lastByteAt: Instant }
  | {
      readonly name: "stream-receiving";
      readonly downloadId: DownloadId;
      readonly chunks: ImageChunks;
      /** Chunks from the start that were read back and found sound. */
      verified: number;
      /** Chunks from the start that are written; those behind `verified` are being read back. */
      received: number;
      /** Of them, chunks of a stored part: no server is to blame for them. */
      readonly kept: number;
      /** Who sent the chunks that are being read back. */
      readonly sources: Map<number, Endpoint>;
      fetch: { readonly fetchId: DownloadId; readonly server: Endpoint; bytes: number } | null;
      /** The order's server has failed. */
      usesSpare: boolean;
      /** The server had nothing yet: when it is asked again. */
      askAt: Instant | undefined;
      lastByteAt: Instant;
      /** Why the last server failed; "none" since a chunk was verified. */
      reason: FailureReason;
      detail: string;
    }
  | {
      readonly name: "stream-backed-off";
      readonly downloadId: DownloadId;
      readonly chunks: ImageChunks;
      readonly verified: number;
      readonly kept: number;
      readonly retryAt: Instant;
      readonly reason: FailureReason;
      readonly detail: string;
    }
  | { readonly name: "lan-verifying"; readonly downloadId: DownloadId }
  | { readonly name: "lan-committing"; readonly downloadId: DownloadId; readonly commit: Commit }
  | { readonly name: "backed-off"; readonly retryAt: Instant; readonly reason: FailureReason; readonly detail: string }
  /** Out of tries. */
  | { readonly name: "needs-wan"; readonly reason: FailureReason; readonly detail: string }
  | { readonly name: "complete" }
  | { readonly name: "failed"; readonly reason: FailureReason; readonly detail: string }
  | { readonly name: "aborted" };

export type StageName = Stage["name"];
export type StageOf<Name extends StageName> = Extract<Stage, { readonly name: Name }>;

interface StageFacts {
  readonly state: AssignmentState;
  /** Entered without report and journal: nothing changes for the controller. */
  readonly isQuiet: boolean;
}

const loud = (state: AssignmentState): StageFacts => ({ state, isQuiet: false });
const quiet = (state: AssignmentState): StageFacts => ({ state, isQuiet: true });

export const stageFacts: Readonly<Record<StageName, StageFacts>> = {
  held: loud("initiated"),
  "flash-busy": loud("initiated"),
  "wan-opening": loud("initiated"),
  "wan-checking": quiet("initiated"),
  "wan-asking": quiet("initiated"),
  "wan-receiving": loud("fetching"),
  "wan-verifying": quiet("fetching"),
  "wan-committing": quiet("fetching"),
  "lan-opening": loud("fetching"),
  "lan-receiving": quiet("fetching"),
  "stream-receiving": quiet("fetching"),
  "stream-backed-off": loud("waiting"),
  "lan-verifying": quiet("fetching"),
  "lan-committing": quiet("fetching"),
  "backed-off": loud("waiting"),
  "needs-wan": loud("needs-wan"),
  complete: loud("complete"),
  failed: loud("failed"),
  aborted: loud("aborted"),
};

/** The run continues without a new order; every other state waits for one or is an end. */
export const isOpen = (state: AssignmentState): boolean => state === "initiated" || state === "fetching" || state === "waiting";

/** The download that a stage works on, 0 for none. */
export const downloadIdOf = (stage: Stage): number => ("downloadId" in stage ? stage.downloadId : 0);

/** The TFTP fetch that a stage waits for, 0 for none. */
export const fetchIdOf = (stage: Stage): number => (stage.name === "stream-receiving" ? (stage.fetch?.fetchId ?? 0) : downloadIdOf(stage));
