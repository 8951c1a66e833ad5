import type { Prng } from "../../base/prng.js";

/**
 * How long a subordinate that its primary refused waits before the next try: whole milliseconds, uniform
 * in (min, max]. "The random back-off value is more than 100 seconds": the lower bound itself is never drawn.
 */
export const drawBackoffMs = (random: Prng, minMs: number, maxMs: number): number => Math.ceil(random.above(minMs, maxMs));
