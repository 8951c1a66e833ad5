/** What happens in a round, drawn from its seed: the same seed gives the same faults at the same moments. */
import type { Prng } from "../../../src/base/prng.js";
import { type ActName, actNames } from "./acts.js";
import { type FaultKind, faults, playable } from "./faults.js";

export interface PlannedFault {
  readonly kind: FaultKind;
  /** The controller, or an AP by its number. */
  readonly target: "controller" | number;
  readonly atMs: number;
  readonly ms: number;
}

export interface PlannedAct {
  readonly act: ActName;
  readonly ap: number;
  readonly atMs: number;
}

export interface RoundPlan {
  readonly imageBytes: number;
  readonly faults: readonly PlannedFault[];
  readonly acts: readonly PlannedAct[];
  /** The new image is activated after the run. */
  readonly activates: boolean;
}

const latestMs = 3_000;

/** @param aps how many APs the branch has */
export function drawRound(prng: Prng, aps: number): RoundPlan {
  const free = new Set<"controller" | number>(["controller", ...Array.from({ length: aps }, (_, index) => index)]);
  const planned: PlannedFault[] = [];
  for (let left = 1 + prng.below(3); left > 0; left--) {
    const kind = playable[prng.below(playable.length)] as FaultKind;
    const { on } = faults[kind];
    const targets = [...free].filter((target) => on === "any" || (on === "controller") === (target === "controller"));
    const target = targets[prng.below(Math.max(1, targets.length))];
    // What two faults at once do to one process is neither of them.
    if (target === undefined) continue;
    free.delete(target);
    planned.push({ kind, target, atMs: prng.below(latestMs), ms: 300 + prng.below(4_000) });
  }
  const acts = Array.from({ length: Math.max(0, prng.below(4) - 1) }, () => ({
    act: actNames[prng.below(actNames.length)] as ActName,
    ap: prng.below(aps),
    atMs: prng.below(latestMs),
  }));
  return { imageBytes: 400_000 + prng.below(1_600_000), faults: planned, acts, activates: prng.below(4) === 0 };
}

export const roundText = ({ faults: planned, acts, imageBytes, activates }: RoundPlan): string =>
  [
    `${imageBytes} bytes`,
    ...planned.map(
      ({ kind, target, atMs, ms }) => `${kind} ${target === "controller" ? target : `AP${target + 1}`} at ${atMs} for ${ms} ms`,
    ),
    ...acts.map(({ act, ap, atMs }) => `${act} AP${ap + 1} at ${atMs}`),
    ...(activates ? ["activated"] : []),
  ].join("; ");
