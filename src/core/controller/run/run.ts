/** The state of a run. `run-rows.ts` converts what is stored of it. */
import { type Endpoint, sameEndpoint } from "../../../base/endpoint.js";
import type { IpAddress } from "../../../base/ip-address.js";
import type { MacAddress } from "../../../base/mac-address.js";
import type { Sha256Hex } from "../../../base/sha256.js";
import type { Instant } from "../../../base/time.js";
import type { FailureReason } from "../../../wire/capwap/vendor.js";
import type { ReleaseName } from "../../upgrade/limits.js";
import { RateMeter } from "../../upgrade/rate-meter.js";
import type { ApReport, ApServing } from "../ap-port.js";
import { type Fault, hasEnded, type MemberState, noFault } from "./member-state.js";
import type { RunId } from "./run-numbers.js";
import type { Testimony } from "./testimony.js";

export type RunState = "running" | "complete" | "partial" | "failed" | "aborted";

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
  readonly families: Map<string, Family>;
  readonly members: Map<MacAddress, Member>;
}

interface Appointment {
  readonly primary: MacAddress;
  /** The operator named it. */
  readonly manual: boolean;
}

export type FamilyState =
  /** No AP is primary: none is eligible, or none is needed. */
  | { readonly phase: "none" }
  /** `awaits` the image that it fetches, or the offer of the one that it has. */
  | ({ readonly phase: "appointed"; readonly awaits: "image" | "offer" } & Appointment)
  | ({ readonly phase: "serving"; readonly testimony: Testimony; readonly keepsSlotsFor: Set<IpAddress> } & Appointment)
  /** Its session was found lost at `since`; it may be a short outage. */
  | ({ readonly phase: "missed"; readonly since: Instant } & Appointment);

/** One image family in a run, and its primary. */
export interface Family {
  readonly run: Run;
  readonly family: string;
  /** Null where the release has no image for the family. */
  readonly image: RunImage | null;
  readonly members: Map<MacAddress, Member>;
  state: FamilyState;
  /** Why the manual primary is not used, or why there is none, for operators. */
  warning: string | null;
  /** Were primary in this run and lost it; they stay subordinates to its end. */
  readonly steppedDown: Set<MacAddress>;
  /** APs that sent wrong chunks, and to whom. */
  readonly blamed: Map<MacAddress, Set<MacAddress>>;
  /** The primary's last report of its TFTP sessions. */
  served: ApServing | null;
  /** Most TFTP sessions that a primary of it had open at one moment. */
  sessionsPeak: number;
}

/** An AP in a run. */
export interface Member {
  readonly mac: MacAddress;
  readonly run: Run;
  readonly family: Family;
  state: MemberState;
  /** Where its image came or comes from. */
  source: "wan" | "lan" | null;
  /** How often it fell back in this run, whatever its role is now: each time may cost a copy, and the budget counts them. */
  fallbacks: number;
  tries: number;
  /** Orders that ended without an image. */
  failedOrders: number;
  /** Image bytes that the AP received over each path, by its own count: over the WAN never more than `wanSentBytes`. */
  wanBytes: number;
  lanBytes: number;
  /** Image bytes that this controller sent to it, resent ones included. */
  wanSentBytes: number;
  /** Octets of UDP payload of all Image Data messages between controller and AP, both ways: what the WAN carried. */
  wanWireBytes: number;
  /** First order. */
  startedAt: Instant | null;
  /** Its last report in this session. */
  heard: Heard;
  /** The TFTP server that its last order named; null before the first one since this controller started. */
  orderedFrom: Endpoint | null;
  /** Of its tries, those that it had made before it was sent to `orderedFrom`. */
  triesElsewhere: number;
  readonly rate: RateMeter;
  /** When bytes were last seen to grow on the LAN. */
  lanMovedAt: Instant | null;
  /** Out of tries, and not allowed on the WAN. */
  heldBack: HeldBack | null;
  /** APs that failed it as servers. */
  readonly avoids: Set<MacAddress>;
  /** The event that it cannot reach its primary was emitted since this controller started. */
  isCutOffReported: boolean;
}

export interface HeldBack extends Fault {
  readonly since: Instant;
}

export interface Heard {
  /** Null before the first report. */
  readonly at: Instant | null;
  /** Null before the first report. */
  readonly state: ApReport["state"] | null;
  readonly path: ApReport["path"];
  readonly bytesDone: number;
  /** By the AP's own count, over the whole run. */
  readonly wanBytes: number;
  readonly nextRetryAt: Instant | null;
  /** Why its last try at the primary failed, while it waits for the next. */
  readonly waitsBecause: FailureReason | null;
}
export const heardNothing: Heard = {
  at: null,
  state: null,
  path: "none",
  bytesDone: 0,
  wanBytes: 0,
  nextRetryAt: null,
  waitsBecause: null,
};

export const runImage = (family: string, { version, fileName, sizeBytes, sha256 }: Omit<RunImage, "family">): RunImage => ({
  family,
  version,
  fileName,
  sizeBytes,
  sha256,
});

export const newFamily = (run: Run, family: string, image: RunImage | null): Family => ({
  run,
  family,
  image,
  members: new Map(),
  state: { phase: "none" },
  warning: null,
  steppedDown: new Set(),
  blamed: new Map(),
  served: null,
  sessionsPeak: 0,
});

/** An AP as it enters a run. Without an image its part is over at once. */
export const newMember = (now: Instant, mac: MacAddress, family: Family): Member => ({
  mac,
  run: family.run,
  family,
  state: family.image
    ? { phase: "pending", contact: "here" }
    : {
        phase: "unsupported",
        role: "subordinate",
        at: now,
        ...noFault,
        detail: `the ${family.run.release} release has no image for ${family.family}`,
      },
  source: null,
  fallbacks: 0,
  tries: 0,
  failedOrders: 0,
  wanBytes: 0,
  lanBytes: 0,
  wanSentBytes: 0,
  wanWireBytes: 0,
  startedAt: null,
  heard: heardNothing,
  orderedFrom: null,
  triesElsewhere: 0,
  rate: new RateMeter(),
  lanMovedAt: null,
  heldBack: null,
  avoids: new Set(),
  isCutOffReported: false,
});

/** Image bytes that crossed the WAN to it from this controller. Rows of early formats have the AP's count alone. */
export const wanBytesOf = ({ wanBytes, wanSentBytes }: Member): number => Math.max(wanBytes, wanSentBytes);

/** Octets of UDP payload that the WAN carried for it. */
export const wanWireBytesOf = ({ wanBytes, wanSentBytes, wanWireBytes }: Member): number =>
  wanWireBytes + Math.max(0, wanBytes - wanSentBytes);

export const primaryOf = ({ state }: Family): MacAddress | null => (state.phase === "none" ? null : state.primary);
export const isRunning = (run: Run): boolean => run.state === "running";
/** Its part in the run is not over. */
export const isTakingPart = (member: Member): boolean => !hasEnded(member.state);
/** Ended by our own conclusion; an AP that comes back takes part again. */
export const wasLost = ({ state }: Member): boolean => state.phase === "failed" && state.reason === "ap-lost";

/** Whether the AP was ordered to fetch from another address than its primary has now. */
export const hasMoved = ({ orderedFrom }: Member, at: Endpoint): boolean => orderedFrom !== null && !sameEndpoint(orderedFrom, at);
