import { performance } from "node:perf_hooks";
import type { Instant } from "../base/time.js";

/** Where a host reads the time; tests hand in their own. */
export interface Clock {
  now(): Instant;
}

/** Wall time at the start of the process plus monotonic time since: it never steps back when the wall clock is set. */
export const systemClock: Clock = { now: () => performance.timeOrigin + performance.now() };
