import t from "tap";
import { defaultFleet } from "../../src/sim/fleet.js";
import { drawRun, runFleet } from "../../src/sim/run-fleet.js";

const bad = { loss: 0.01, duplication: 0.01, reordering: 0.02 };
const wan = { ...defaultFleet.wan, ...bad, reorderMsMax: 5 };
const lan = { ...defaultFleet.lan, ...bad, reorderMsMax: 1 };

t.test("25 APs of three models, nothing goes wrong: each model crosses the WAN once", async (t) => {
  const outcome = runFleet({ seed: 1, aps: 25 });
  t.same(outcome.faults, []);
  t.equal(outcome.runState, "complete");
  t.equal(outcome.complete, 25);
  t.same(
    outcome.models.map(({ wanCopies, wanBytes }) => [wanCopies, wanBytes]),
    Array.from({ length: 3 }, () => [1, defaultFleet.imageBytes]),
  );
  t.equal(outcome.sessionsMost, 3);
  t.equal(outcome.overWan, 3);
});

t.test("25 APs of three models, loss, duplicates, reordering, and a primary dies while it serves", async (t) => {
  const outcome = runFleet({ seed: 2, aps: 25, wan, lan, faults: [{ type: "ap-power-loss", at: "first-complete", ap: "primary" }] });
  t.same(outcome.faults, []);
  t.ok(outcome.datagrams.lost > 0 && outcome.datagrams.duplicated > 0 && outcome.datagrams.reordered > 0);
  t.ok(outcome.complete >= 24, `${outcome.complete} complete`);
  for (const { family, wanCopies } of outcome.models) t.equal(wanCopies, 1, `${family}: an AP that holds the image took over`);
});

t.test("the same seed gives the same run, another seed another", async (t) => {
  const run = (seed: number) => runFleet({ seed, aps: 4, wan, lan, imageBytes: 50_000 });
  t.same(run(3), run(3));
  t.not(run(3).traceHash, run(4).traceHash);
});

t.test("runs drawn from seeds keep every rule", async (t) => {
  for (let seed = 1; seed <= 25; seed++) t.same(runFleet(drawRun(seed)).faults, [], `seed ${seed}`);
});
