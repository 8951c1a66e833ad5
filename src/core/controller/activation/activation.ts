/** The activation of a group's image: its APs boot the image of their last run, batch by batch. All of it is stored as is. */
import type { MacAddress } from "../../../base/mac-address.js";
import type { Sha256Hex } from "../../../base/sha256.js";
import type { Instant } from "../../../base/time.js";
import type { ActivationState } from "./activation-state.js";

/** One step of a rollout in per cent: how far it reaches, and how many of its APs may fail. */
export interface RolloutPhase {
  /** Of all APs that are activated after the canary, earlier phases included. */
  readonly percent: number;
  readonly failuresMax: number;
}

export type BatchRule =
  | { readonly kind: "count"; readonly aps: number }
  | { readonly kind: "percent"; readonly percent: number }
  | { readonly kind: "phases"; readonly phases: readonly RolloutPhase[] };

/** Within a batch rule; primaries come last whatever it is. */
export type ActivationSequence = "name" | "random";

export interface ActivationOptions {
  /** When it starts; null for at once. */
  readonly at: Instant | null;
  readonly batch: BatchRule;
  /** Between two batches. */
  readonly pauseSeconds: number;
  /** Failures in all before the activation stops; phases and the canary have allowances of their own. */
  readonly failuresMax: number;
  readonly order: ActivationSequence;
  /** Activated first; the others follow once an operator resumes. */
  readonly canary: readonly MacAddress[];
  /** Also to an older version. */
  readonly force: boolean;
}

export interface ActivationBatch {
  readonly canary: boolean;
  readonly aps: readonly MacAddress[];
  /** Failures in this batch before the activation stops; null where the activation's `failuresMax` decides. */
  readonly failuresMax: number | null;
}

/** Without its APs, which have rows of their own. */
export interface ActivationRecord {
  readonly id: number;
  readonly group: string;
  readonly options: ActivationOptions;
  readonly orderedAt: Instant;
  /** Null before its time has come. */
  readonly startedAt: Instant | null;
  readonly batches: readonly ActivationBatch[];
  readonly state: ActivationState;
}

export interface ActivationApRecord {
  readonly mac: MacAddress;
  /** Index of its batch; null for an AP that was skipped from the start. */
  readonly batch: number | null;
  readonly image: BootedImage | null;
  readonly state: ActivationApState;
}

export interface BootedImage {
  readonly version: string;
  readonly sha256: Sha256Hex;
}

/** `since`: its first order. `orders`: how often it was ordered; a session that ends before the answer costs another order. */
interface UnderWay {
  readonly since: Instant;
  readonly orders: number;
}

export type ActivationApState =
  | { readonly phase: "waiting" }
  | ({ readonly phase: "swapping" } & UnderWay)
  /** Ordered to reset, not acknowledged. */
  | ({ readonly phase: "resetting" } & UnderWay)
  | ({ readonly phase: "booting" } & UnderWay)
  /** Joined on the image; it counts once it has stayed until `steadyAt`. */
  | ({ readonly phase: "settling"; readonly steadyAt: Instant } & UnderWay)
  | { readonly phase: "active"; readonly at: Instant }
  | { readonly phase: "failed"; readonly at: Instant; readonly reason: string }
  | { readonly phase: "skipped"; readonly at: Instant; readonly reason: string };

export type ActivationApPhase = ActivationApState["phase"];
export type UnderWayState = Extract<ActivationApState, UnderWay>;

export const isUnderWay = (state: ActivationApState): state is UnderWayState => "since" in state;
export const isOver = ({ phase }: ActivationApState): boolean => phase === "active" || phase === "failed" || phase === "skipped";
