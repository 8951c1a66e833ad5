/** The operator's limits on a branch's WAN use, checked from outside: by bytes sent and orders received. */
import type { Instant } from "../base/time.js";
import type { GroupWanPolicy } from "../core/controller/operator/group-settings.js";
import type { Check } from "./checkers.js";
import type { World } from "./world.js";

/** The window over which a rate is judged. */
const windowMs = 10_000;
/** Tolerance for clocks, and for what a controller cannot know after a restart. */
const toleranceShare = 0.05;
/** A window may begin in the middle of a datagram; each transfer may have one of maximum size in flight. */
const datagramBytesMax = 1_500;

/**
 * Image payload on the WAN stays below the lowest of the caps in every ten seconds, retransmissions included.
 * @param imageBytesSent since the beginning, by all transfers together
 */
export function watchWanRate(world: World, caps: readonly (number | null)[], transfers: number, imageBytesSent: () => number): Check {
  const capped = caps.filter((cap) => cap !== null);
  const most =
    capped.length === 0 ? undefined : (Math.min(...capped) * windowMs * (1 + toleranceShare)) / 1000 + transfers * datagramBytesMax;
  const sent: { readonly at: Instant; readonly bytes: number }[] = [];
  let first = 0;
  let total = 0;
  let inWindow = 0;
  return {
    name: "WAN rate within the cap",
    broken() {
      const bytes = imageBytesSent() - total;
      if (most === undefined || bytes === 0) return undefined;
      total += bytes;
      inWindow += bytes;
      sent.push({ at: world.now, bytes });
      for (let oldest = sent[first]; oldest !== undefined && oldest.at <= world.now - windowMs; oldest = sent[++first])
        inWindow -= oldest.bytes;
      if (inWindow <= most) return undefined;
      return `${inWindow} image bytes in ${windowMs / 1000} s, ${Math.floor(most)} are allowed`;
    },
  };
}

/**
 * APs that were ever ordered to fall back in one run, against the group's policy and budget.
 * @param fallbacks by run, the APs
 */
export function watchFallbacks(
  { fallback, fallbackApsMax, fallbackBytesMax }: GroupWanPolicy,
  imageBytes: number,
  fallbacks: ReadonlyMap<number, ReadonlySet<string>>,
): Check {
  const apsMax =
    fallback === "fallback" ? Math.min(fallbackApsMax ?? Infinity, Math.floor((fallbackBytesMax ?? Infinity) / imageBytes)) : 0;
  return {
    name: "fallbacks within the budget",
    broken() {
      for (const [run, aps] of fallbacks)
        if (aps.size > apsMax) return `run ${run}: ${[...aps].join(", ")} fell back, ${apsMax} may (policy ${fallback})`;
      return undefined;
    },
  };
}
