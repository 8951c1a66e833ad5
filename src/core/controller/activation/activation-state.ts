/** What an activation is doing, and what each event makes of it. Pure: `activations.ts` carries a step out. */
import { unreachable } from "../../../base/invariant.js";
import type { Instant } from "../../../base/time.js";

/** What follows the batch under way. */
export type Sequel = "continue" | "pause" | "abort";

/** `partial`: to its end, but not every AP runs the image. `stopped`: too many failures, or nothing to do when its time came. */
export type ActivationOutcome = "complete" | "partial" | "stopped" | "aborted";

export type ActivationState =
  | { readonly phase: "scheduled"; readonly at: Instant }
  /** `batch`: its index. */
  | { readonly phase: "batch"; readonly batch: number; readonly sequel: Sequel }
  /** `batch`: the next one. */
  | { readonly phase: "between"; readonly batch: number; readonly until: Instant }
  /** Waits for an operator's `resume`: after the canary, or after a `pause`. */
  | { readonly phase: "held"; readonly batch: number; readonly after: "canary" | "pause" }
  | { readonly phase: "ended"; readonly at: Instant; readonly outcome: ActivationOutcome; readonly reason: string };

export type ActivationPhase = ActivationState["phase"];

/** What a finished batch leads to. */
export interface BatchVerdict {
  /** Why nothing may follow; null where it may. */
  readonly stop: string | null;
  readonly isCanary: boolean;
  readonly isLast: boolean;
  /** Every AP of the activation runs the image. */
  readonly isComplete: boolean;
}

export type OperatorEvent = "pause" | "resume" | "abort";

export type ActivationEvent =
  | { readonly type: "started" }
  /** Its time has come, and it cannot start. */
  | { readonly type: "refused"; readonly reason: string }
  | { readonly type: "batch-over"; readonly verdict: BatchVerdict; readonly pauseMs: number }
  | { readonly type: "pause-over" }
  | { readonly type: OperatorEvent };

export const isEnded = (state: ActivationState): state is Extract<ActivationState, { phase: "ended" }> => state.phase === "ended";

/** @returns undefined where the event means nothing in this state */
export function nextActivationState(now: Instant, state: ActivationState, event: ActivationEvent): ActivationState | undefined {
  switch (state.phase) {
    case "scheduled":
      if (event.type === "started") return batch(0);
      if (event.type === "refused") return ended(now, "stopped", event.reason);
      return event.type === "abort" ? aborted(now) : undefined;
    case "batch":
      return duringBatch(now, state, event);
    case "between":
      if (event.type === "pause-over" || event.type === "resume") return batch(state.batch);
      if (event.type === "pause") return { phase: "held", batch: state.batch, after: "pause" };
      return event.type === "abort" ? aborted(now) : undefined;
    case "held":
      if (event.type === "resume") return batch(state.batch);
      return event.type === "abort" ? aborted(now) : undefined;
    case "ended":
      return undefined;
    default:
      return unreachable(state);
  }
}

function duringBatch(
  now: Instant,
  state: Extract<ActivationState, { phase: "batch" }>,
  event: ActivationEvent,
): ActivationState | undefined {
  const { sequel } = state;
  const next = state.batch + 1;
  switch (event.type) {
    case "batch-over": {
      const { stop, isCanary, isLast, isComplete } = event.verdict;
      if (stop !== null) return ended(now, "stopped", stop);
      if (isLast) return ended(now, isComplete ? "complete" : "partial", "");
      if (sequel === "abort") return aborted(now);
      if (isCanary) return { phase: "held", batch: next, after: "canary" };
      if (sequel === "pause") return { phase: "held", batch: next, after: "pause" };
      return { phase: "between", batch: next, until: now + event.pauseMs };
    }
    case "pause":
      return sequel === "continue" ? { ...state, sequel: "pause" } : undefined;
    case "resume":
      return sequel === "pause" ? { ...state, sequel: "continue" } : undefined;
    case "abort":
      return sequel === "abort" ? undefined : { ...state, sequel: "abort" };
    default:
      return undefined;
  }
}

const batch = (index: number): ActivationState => ({ phase: "batch", batch: index, sequel: "continue" });
const ended = (at: Instant, outcome: ActivationOutcome, reason: string): ActivationState => ({ phase: "ended", at, outcome, reason });
const aborted = (now: Instant): ActivationState => ended(now, "aborted", "by an operator");

/** For people, as it follows "is": `in batch 2`. */
export function stateWords(state: ActivationState): string {
  switch (state.phase) {
    case "scheduled":
      return "scheduled";
    case "batch":
      return `in batch ${state.batch + 1}${state.sequel === "continue" ? "" : `, then to ${state.sequel}`}`;
    case "between":
      return `in the pause before batch ${state.batch + 1}`;
    case "held":
      return state.after === "canary" ? "waiting for resume after its canary" : `paused before batch ${state.batch + 1}`;
    case "ended":
      return state.reason === "" ? state.outcome : `${state.outcome}: ${state.reason}`;
    default:
      return unreachable(state);
  }
}
