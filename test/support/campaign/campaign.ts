/** Rounds from a seed. A branch lives for a few of them, so that each begins with what the last one left. */
import type { Test } from "tap";
import { Prng } from "../../../src/base/prng.js";
import { apsOf } from "../fleet.js";
import { Branch } from "./branch.js";
import { notPlayable } from "./faults.js";
import { drawRound, roundText } from "./plan.js";
import { playRound } from "./round.js";
import { whyNoDisks } from "./small-disk.js";

const roundsOfABranch = 5;

/** Plays `rounds` rounds, the first branch drawn from `seed`, the next from the number after it. */
export async function playCampaign(t: Test, seed: number, rounds: number): Promise<void> {
  for (const missing of notPlayable) t.comment(`NOT PLAYED ${missing}`);
  const disks = whyNoDisks() === undefined;
  for (let played = 0; played < rounds; ) {
    const branchSeed = seed + played / roundsOfABranch;
    const count = Math.min(roundsOfABranch, rounds - played);
    played += count;
    await t.test(`FLEXUP_SEED=${branchSeed}`, async (t) => {
      const prng = new Prng(branchSeed);
      const plans = apsOf("AIR-CAP3702I", 3 + prng.below(4));
      const branch = await Branch.open(t, { plans, tftpRate: `${4 + prng.below(9)}M`, disks });
      for (let round = 1; round <= count; round++) {
        const plan = drawRound(new Prng(branchSeed, round), plans.length);
        t.comment(`round ${round}, ${plans.length} APs: ${roundText(plan)}`);
        const startedAt = performance.now();
        const { runState, broken } = await playRound(branch, new Prng(branchSeed, -round), plan, `8.${branchSeed}.${round}.0`);
        t.comment(`${runState} after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
        t.same(broken, [], `round ${round}`);
        if (broken.length === 0) continue;
        for (const line of branch.lastLines()) t.comment(line);
        return;
      }
    });
  }
}
