/** What one AP of a run is doing, and what each event makes of it. Pure: `Members` in `members.ts` carries a step out. */
import { invariant, unreachable } from "../../../base/invariant.js";
import type { MacAddress } from "../../../base/mac-address.js";
import type { Instant } from "../../../base/time.js";
import type { FailureReason } from "../../../wire/capwap/vendor.js";

/** `fallback` fetches over the WAN and serves nobody: out of tries, or no primary for it to use. */
export type MemberRole = "primary" | "subordinate" | "fallback";

/** What an AP is ordered to do. A primary with `refetch` fetches the image although it has it. */
export type Task = WanTask | { readonly role: "subordinate"; readonly server: MacAddress };
export type WanTask = { readonly role: "primary"; readonly refetch: boolean } | { readonly role: "fallback" };

/** Why something failed: a code for scripts and a line for people. */
export interface Fault {
  readonly reason: FailureReason;
  readonly detail: string;
}
export const noFault: Fault = { reason: "none", detail: "" };

/**
 * `rejoined`: just came back; it may report by itself how far it got. `stopped`: was just sent an abort; its reports still concern the
 * previous order.
 */
export type Contact = "here" | "away" | "rejoined" | "stopped";

export type MemberEnd = "complete" | "failed" | "aborted" | "unsupported";

export type MemberState =
  /** Waits for its primary. */
  | { readonly phase: "pending"; readonly contact: Contact }
  /** Waits for a place on the WAN. */
  | { readonly phase: "queued"; readonly task: WanTask; readonly contact: Contact }
  /** Ordered, has not reported yet. `reminded`: the order was repeated once because of silence. */
  | { readonly phase: "ordered"; readonly task: Task; readonly contact: Contact; readonly reminded: boolean }
  /** Reports progress. */
  | { readonly phase: "active"; readonly task: Task; readonly contact: Contact; readonly reminded: boolean }
  /** `unsupported`: the release has no image for it. A complete primary serves. */
  | ({ readonly phase: MemberEnd; readonly role: MemberRole; readonly at: Instant } & Fault);

export type MemberPhase = MemberState["phase"];
type Ended = Extract<MemberState, { phase: MemberEnd }>;
type Working = Extract<MemberState, { task: Task; reminded: boolean }>;

export type MemberEvent =
  | { readonly type: "set-aside" }
  | { readonly type: "queued"; readonly task: WanTask }
  | { readonly type: "ordered"; readonly task: Task }
  | { readonly type: "progressed" }
  | { readonly type: "reminded" }
  /** Its order led nowhere and was aborted; another one follows. */
  | { readonly type: "stopped" }
  | { readonly type: "left" }
  | { readonly type: "rejoined" }
  /** The primary of its family from now on, though its own part is over. */
  | { readonly type: "promoted" }
  | { readonly type: "demoted"; readonly why: string }
  | { readonly type: "ended"; readonly end: MemberEnd; readonly fault: Fault };

export const hasEnded = (state: MemberState): state is Ended => "at" in state;
export const isWorking = (state: MemberState): state is Working => state.phase === "ordered" || state.phase === "active";

export function roleOf(state: MemberState): MemberRole {
  if ("task" in state) return state.task.role;
  return state.phase === "pending" ? "subordinate" : state.role;
}

export function nextState(now: Instant, state: MemberState, event: MemberEvent): MemberState {
  switch (event.type) {
    case "set-aside":
      return { phase: "pending", contact: "contact" in state && state.contact === "away" ? "away" : "here" };
    case "queued":
      return { phase: "queued", task: event.task, contact: "here" };
    case "ordered":
      return { phase: "ordered", task: event.task, contact: "here", reminded: false };
    case "progressed":
      return isWorking(state) ? { phase: "active", task: state.task, contact: "here", reminded: false } : state;
    case "reminded":
      invariant(isWorking(state), "only an AP with an order is reminded of it");
      return { ...state, reminded: true };
    case "stopped": {
      invariant(isWorking(state), "only an AP with an order is stopped");
      const { task } = state;
      return task.role === "subordinate" ? { phase: "pending", contact: "stopped" } : { phase: "queued", task, contact: "stopped" };
    }
    case "left":
      return hasEnded(state) ? state : { ...state, contact: "away" };
    case "rejoined":
      if (hasEnded(state)) return state;
      return { ...state, contact: state.phase === "pending" ? "here" : "rejoined" };
    case "promoted":
      invariant(hasEnded(state), "an AP that can still be ordered becomes primary by an order");
      return { ...state, role: "primary" };
    case "demoted":
      if (!hasEnded(state)) return nextState(now, state, { type: "set-aside" });
      return { ...state, role: "subordinate", detail: state.detail || `stepped down as primary: ${event.why}` };
    case "ended":
      return { phase: event.end, role: roleOf(state), at: hasEnded(state) ? state.at : now, ...event.fault };
    default:
      return unreachable(event);
  }
}
