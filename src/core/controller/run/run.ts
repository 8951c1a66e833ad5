/** The state of a run as plain data: what is stored, what survives the controller's death. */

import type { MacAddress } from "../../../base/mac-address.js";
import type { Sha256Hex } from "../../../base/sha256.js";
import type { Instant } from "../../../base/time.js";
import type { FailureReason } from "../../../wire/capwap/vendor.js";
import type { ReleaseName } from "../../upgrade/limits.js";
import type { RunId } from "./run-numbers.js";

export type RunState = "running" | "complete" | "partial" | "failed" | "aborted";

/** `fallback` fetches over the WAN and serves nobody: out of tries, or no primary for it to use. */
export type MemberRole = "primary" | "subordinate" | "fallback";

/**
 * `pending` waits for its primary · `queued` waits for a WAN slot · `ordered` was told, has not reported yet ·
 * `active` reports progress · then one of the four ends. `unsupported`: the release has no image for it.
 */
export type MemberPhase = "pending" | "queued" | "ordered" | "active" | "complete" | "failed" | "aborted" | "unsupported";

/** The image of a family as it was when the run began: later changes of the catalogue do not touch a run. */
export interface RunImage {
  readonly family: string;
  readonly version: string;
  readonly fileName: string;
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: Sha256Hex;
}

export interface Run {
  readonly id: RunId;
  /** Null for a predownload without LAN sharing. */
  readonly group: string | null;
  readonly release: ReleaseName;
  readonly startedAt: Instant;
  /** Late joiners of the group take part; false for a run of chosen APs. */
  readonly open: boolean;
  state: RunState;
  finishedAt: Instant | null;
  readonly families: Map<string, FamilyRun>;
  readonly members: Map<MacAddress, Member>;
}

/** One image family in a run: who serves it. */
export interface FamilyRun {
  readonly family: string;
  /** Null where the release has no image for the family. */
  readonly image: RunImage | null;
  primary: MacAddress | null;
  manual: boolean;
  /** Why the manual primary is not used, for operators. */
  warning: string | null;
  /** Were primary in this run and lost it; they stay subordinates to its end. */
  readonly steppedDown: Set<MacAddress>;
  /** Most TFTP sessions that a primary of it had open at one moment. */
  sessionsPeak: number;
}

export interface Member {
  readonly mac: MacAddress;
  readonly family: string;
  role: MemberRole;
  phase: MemberPhase;
  /** Where its image came or comes from. */
  source: "wan" | "lan" | null;
  /** The primary that it was last told to use. */
  server: MacAddress | null;
  /** Fetches although it holds the image (Wave 2 primary). */
  refetch: boolean;
  /** How often it fell back in this run, whatever its role is now: each time may cost a copy, and the budget counts them. */
  fallbacks: number;
  tries: number;
  /** Orders that ended without an image. */
  failedOrders: number;
  /** Image bytes that the AP received over each path, by its own count; a power cut takes of it what its journal does not hold. */
  wanBytes: number;
  lanBytes: number;
  /** Image bytes that this controller sent to it, resent ones included. */
  wanSentBytes: number;
  /** Octets of UDP payload of all Image Data messages between controller and AP, both ways: what the WAN carried. */
  wanWireBytes: number;
  /** First order, and the end. */
  startedAt: Instant | null;
  endedAt: Instant | null;
  reason: FailureReason;
  detail: string;
}

export const runImage = (family: string, { version, fileName, sizeBytes, sha256 }: Omit<RunImage, "family">): RunImage => ({
  family,
  version,
  fileName,
  sizeBytes,
  sha256,
});

/** A member as it enters a run. Without an image its part is over at once. */
export const newMember = (now: Instant, mac: MacAddress, release: ReleaseName, { family, image }: FamilyRun): Member => ({
  mac,
  family,
  role: "subordinate",
  phase: image ? "pending" : "unsupported",
  source: null,
  server: null,
  refetch: false,
  fallbacks: 0,
  tries: 0,
  failedOrders: 0,
  wanBytes: 0,
  lanBytes: 0,
  wanSentBytes: 0,
  wanWireBytes: 0,
  startedAt: null,
  endedAt: image ? null : now,
  reason: "none",
  detail: image ? "" : `the ${release} release has no image for ${family}`,
});

/** Image bytes that crossed the WAN to it. Its own word is the greater one when this controller was killed, or another one sent too. */
export const wanBytesOf = ({ wanBytes, wanSentBytes }: Member): number => Math.max(wanBytes, wanSentBytes);

const ended: ReadonlySet<MemberPhase> = new Set(["complete", "failed", "aborted", "unsupported"]);
export const hasEnded = (member: Member): boolean => ended.has(member.phase);
export const isRunning = (run: Run): boolean => run.state === "running";
