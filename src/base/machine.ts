import type { Instant } from "./time.js";

/**
 * What everything in `core` is. A machine is synchronous and deterministic: the same inputs at the same
 * instants give the same effects. It knows no socket, clock, disk or randomness.
 *
 * `Input` and `Effect` are closed unions discriminated by `type`.
 */
export interface Machine<Input, Effect> {
  /** Takes one input and appends effects to `out`, in the order in which they must happen. */
  step(now: Instant, input: Input, out: Effect[]): void;
  /**
   * When the machine wants its next `{ type: "wake" }`, or undefined when it waits for inputs alone.
   * A wake that comes early changes nothing.
   */
  nextWakeAt(): Instant | undefined;
}

export interface Wake {
  readonly type: "wake";
}

/** The one wake value; machines compare nothing but its type. */
export const wake: Wake = Object.freeze({ type: "wake" });
