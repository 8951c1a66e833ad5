import t from "tap";
import type { ActivationRequest } from "../../../../src/core/controller/operator/orders.js";
import { comesBack, fallsBack, goesDown, goesWell, ordered, phases, readyBranch } from "../../../support/activation-lab.js";
import { type ControllerLab, mac, start } from "../../../support/controller-lab.js";

const perBatch = (aps: number): ActivationRequest => ({ batch: { kind: "count", aps }, pauseSeconds: 0 });
const activate = (lab: ControllerLab, request: ActivationRequest) => lab.do({ type: "group-activate", group: "G", ...request });
const report = (lab: ControllerLab) => lab.do({ type: "show-activation", group: "G" });
const states = (lab: ControllerLab): string[] => report(lab).aps.map(({ name, phase }) => `${name} ${phase}`);

t.test("batch by batch, the primary last; the next one opens when the last one is back and steady", async (t) => {
  const lab = readyBranch(5);
  activate(lab, perBatch(2));
  t.same(ordered(lab), [2, 3]);
  t.same(lab.takeTold(), ["2 swap", "3 swap"]);
  lab.domain.apAnswered(lab.now, mac(2), { type: "swap", orderId: 1, sha256: "a".repeat(64) }, { resultCode: 0, refusal: null });
  lab.drain();
  t.same(lab.takeTold(), ["2 reset 9.0"], "the reset follows the swap");
  lab.domain.apAnswered(lab.now, mac(3), { type: "swap", orderId: 1, sha256: "a".repeat(64) }, { resultCode: 0, refusal: null });
  lab.drain();
  for (const number of [2, 3]) {
    lab.domain.apAnswered(lab.now, mac(number), { type: "reset", version: "9.0" }, { resultCode: 0, refusal: null });
    lab.leave(number);
  }
  lab.takeTold();
  comesBack(lab, 2);
  lab.pass(10_000);
  t.same(ordered(lab), [], "AP 3 is not back");
  comesBack(lab, 3);
  t.same(ordered(lab), [], "not steady yet");
  lab.pass(2_500);
  t.same(ordered(lab), [4, 5]);
  goesWell(lab, 4, 5);
  t.same(ordered(lab), [1], "the primary");
  goesWell(lab, 1);
  t.match(report(lab), { state: { phase: "ended", outcome: "complete" }, counts: { active: 5, failed: 0 } });
  t.match(lab.group(), { activation: { state: { phase: "ended" } }, readyToActivate: 0 });
});

t.test("only APs of the group that hold the image and do not run it", async (t) => {
  const lab = readyBranch(5);
  lab.leave(3);
  lab.leave(4);
  lab.join({ number: 4, backup: "c" });
  comesBack(lab, 5);
  t.equal(lab.group().readyToActivate, 2);
  const preview = lab.do({ type: "group-activation-preview", group: "G", batch: { kind: "count", aps: 9 } });
  t.same(
    preview.batches.map(({ aps }) => aps.map(({ name, from, version }) => `${name} ${from} ${version}`)),
    [["ap2 8.0 9.0"], ["ap1 8.0 9.0"]],
  );
  t.same(
    preview.skipped.map(({ name, reason }) => `${name} ${reason}`),
    ["ap3 not joined to this controller", "ap4 does not hold 9.0, the image of its last upgrade", "ap5 runs 9.0 already"],
  );
  t.same(lab.takeTold(), [], "a preview sends nothing");
  activate(lab, perBatch(9));
  t.same(ordered(lab), [2]);
});

t.test("a failure stops it at the end of its batch; the others stay as they are", async (t) => {
  const lab = readyBranch(6);
  activate(lab, perBatch(2));
  goesDown(lab, 2);
  goesDown(lab, 3);
  comesBack(lab, 2);
  fallsBack(lab, 3);
  t.same(states(lab).slice(0, 2), ["ap2 settling", "ap3 failed"]);
  lab.pass(3_000);
  t.same(ordered(lab), []);
  t.match(report(lab), {
    state: {
      phase: "ended",
      outcome: "stopped",
      reason: /^1 AP failed, 0 allowed; .* came back on 8\.0: left 9\.0 because it joined no controller within 300 s$/,
    },
    counts: { active: 1, failed: 1, waiting: 4 },
  });
});

t.test("an AP that stays away fails after its time; with allowed failures the activation continues", async (t) => {
  const lab = readyBranch(3);
  activate(lab, { ...perBatch(1), failuresMax: 1 });
  goesDown(lab, 2);
  lab.pass(61_000);
  t.match(report(lab).aps[0], { name: "ap2", phase: "failed", reason: "did not come back within 60 s" });
  t.same(ordered(lab), [3]);
  goesWell(lab, 3);
  goesWell(lab, 1);
  t.match(report(lab), { state: { outcome: "partial" } });
});

t.test("an AP that leaves again before it is steady does not count", async (t) => {
  const lab = readyBranch(2);
  activate(lab, perBatch(1));
  goesDown(lab, 2);
  comesBack(lab, 2);
  lab.pass(1_000);
  lab.leave(2);
  lab.pass(10_000);
  t.same(states(lab), ["ap2 booting", "ap1 waiting"]);
  comesBack(lab, 2);
  lab.pass(2_500);
  t.same(states(lab), ["ap2 active", "ap1 swapping"]);
});

t.test("a session that ends before the AP has answered costs another order, three at most", async (t) => {
  const lab = readyBranch(2);
  activate(lab, perBatch(1));
  for (const attempt of [1, 2, 3]) {
    t.same(lab.takeTold(), ["2 swap"], `order ${attempt}`);
    lab.leave(2);
    lab.join({ number: 2 });
  }
  t.same(lab.takeTold(), []);
  t.match(report(lab).state, { phase: "ended", outcome: "stopped" });
});

t.test("the AP's own refusal is the reason", async (t) => {
  const lab = readyBranch(2);
  activate(lab, perBatch(1));
  lab.answer(2, 16, "image-unknown");
  t.match(report(lab).aps[0], { phase: "failed", reason: /^AP ap2 refused/ });
});

t.test("a canary goes first and waits for a resume", async (t) => {
  const lab = readyBranch(4);
  t.equal(lab.code({ type: "group-activate", group: "G", canary: ["ap9"] }), "unknown-ap");
  activate(lab, { ...perBatch(9), canary: ["ap3"] });
  goesWell(lab, 3);
  lab.pass(600_000);
  t.same(ordered(lab), []);
  t.match(report(lab).state, { phase: "held", after: "canary" });
  lab.do({ type: "group-activation-resume", group: "G" });
  t.same(ordered(lab), [2, 4]);
});

t.test("a canary that fails stops it, however many failures are allowed", async (t) => {
  const lab = readyBranch(4);
  activate(lab, { ...perBatch(9), canary: ["ap3"], failuresMax: 9 });
  goesDown(lab, 3);
  fallsBack(lab, 3);
  t.match(report(lab).state, { outcome: "stopped", reason: /^1 AP failed in the canary/ });
});

t.test("phases in per cent, each with the failures that it allows", async (t) => {
  const lab = readyBranch(10);
  const phased = {
    pauseSeconds: 0,
    batch: { kind: "phases", phases: [10, 50, 100].map((percent, at) => ({ percent, failuresMax: at })) },
  } as const;
  activate(lab, phased);
  t.same(ordered(lab), [10]);
  goesWell(lab, 10);
  t.same(ordered(lab), [2, 3, 4, 5]);
  goesDown(lab, 2);
  fallsBack(lab, 2);
  goesWell(lab, 3, 4, 5);
  t.same(ordered(lab), [6, 7, 8, 9], "one failure is allowed in this phase");
  for (const number of [6, 7]) {
    goesDown(lab, number);
    fallsBack(lab, number);
  }
  goesDown(lab, 8);
  fallsBack(lab, 8);
  goesWell(lab, 9);
  t.match(report(lab).state, { outcome: "stopped", reason: /^3 APs failed, 2 allowed/ });
  const bad = {
    kind: "phases",
    phases: [
      { percent: 50, failuresMax: 0 },
      { percent: 10, failuresMax: 0 },
    ],
  } as const;
  t.equal(lab.code({ type: "group-activate", group: "G", batch: bad }), "invalid-phases");
});

t.test("pause, resume and abort", async (t) => {
  const lab = readyBranch(5);
  t.equal(lab.code({ type: "group-activation-pause", group: "G" }), "no-activation");
  activate(lab, perBatch(1));
  lab.do({ type: "group-activation-pause", group: "G" });
  t.equal(lab.code({ type: "group-activation-pause", group: "G" }), "activation-unfit");
  goesWell(lab, 2);
  lab.pass(600_000);
  t.same(ordered(lab), []);
  lab.do({ type: "group-activation-resume", group: "G" });
  t.same(ordered(lab), [3]);
  lab.do({ type: "group-activation-abort", group: "G" });
  goesWell(lab, 3);
  t.match(report(lab), { state: { phase: "ended", outcome: "aborted" }, counts: { active: 2, waiting: 3 } });
  t.equal(lab.row(4).primaryImage, "8.0", "what is not yet swapped stays");
  activate(lab, perBatch(9));
  t.same(ordered(lab), [4, 5], "the rest, later");
});

t.test("a pause between batches", async (t) => {
  const lab = readyBranch(3);
  activate(lab, { ...perBatch(1), pauseSeconds: 60 });
  goesWell(lab, 2);
  lab.pass(55_000);
  t.same(ordered(lab), []);
  lab.pass(6_000);
  t.same(ordered(lab), [3]);
});

t.test("at a time: the plan is made when it has come", async (t) => {
  const lab = readyBranch(3);
  t.equal(lab.code({ type: "group-activate", group: "G", at: lab.now }), "invalid-time");
  lab.do({ type: "group-activate", group: "G", at: lab.now + 3_600_000, ...perBatch(9) });
  t.equal(lab.code({ type: "group-activate", group: "G" }), "group-activating");
  lab.leave(3);
  lab.restart();
  for (const number of [1, 2]) lab.join({ number, backup: "a" });
  lab.pass(3_599_000);
  t.same(ordered(lab), []);
  lab.pass(2_000);
  t.same(ordered(lab), [2], "AP 3 is away by now");
});

t.test("with nothing to activate when its time comes, it ends with the reason", async (t) => {
  const lab = readyBranch(2);
  lab.do({ type: "group-activate", group: "G", at: lab.now + 10_000 });
  lab.leave(1, 2);
  lab.pass(11_000);
  t.match(report(lab).state, { phase: "ended", outcome: "stopped", reason: /not joined/ });
  t.equal(lab.code({ type: "group-activate", group: "G" }), "nothing-to-activate");
});

t.test("a controller restart: what was ordered is watched, what was not answered is ordered again", async (t) => {
  const lab = readyBranch(5);
  activate(lab, perBatch(3));
  goesDown(lab, 2);
  lab.answer(3);
  lab.restart();
  t.match(report(lab).state, { phase: "batch", batch: 0 });
  comesBack(lab, 2);
  lab.join({ number: 3, backup: "a" });
  lab.join({ number: 4, backup: "a" });
  t.same(lab.takeTold(), ["3 swap", "4 swap"]);
  lab.restart();
  comesBack(lab, 2, 3, 4);
  lab.join({ number: 1, backup: "a" });
  lab.join({ number: 5, backup: "a" });
  lab.pass(2_500);
  t.same(ordered(lab), [5]);
});

t.test("while it is in progress, runs, swaps and the group's end wait for it", async (t) => {
  const lab = readyBranch(3);
  activate(lab, perBatch(1));
  t.equal(lab.code(start), "group-activating");
  t.equal(lab.do({ type: "group-preview", group: "G", release: "primary" }).objection?.code, "group-activating");
  t.equal(lab.code({ type: "ap-predownload", ap: "ap3", release: "primary" }), "group-activating");
  t.equal(lab.code({ type: "ap-swap", ap: "ap3" }), "ap-activating");
  t.equal(lab.code({ type: "group-delete", group: "G" }), "group-activating");
  t.equal(lab.code({ type: "group-activate", group: "G" }), "group-activating");
  lab.do({ type: "group-ap-delete", group: "G", mac: mac(3) });
  goesWell(lab, 2);
  t.match(
    report(lab).aps.find(({ name }) => name === "ap3"),
    { phase: "skipped", reason: "no longer in the group" },
  );
  goesWell(lab, 1);
  t.match(report(lab).state, { outcome: "partial" });
  t.equal(lab.code({ type: "group-delete", group: "G" }), "ok");
  t.notOk(
    lab.records.some(({ key }) => key.startsWith("activation")),
    "no row of it stays",
  );
});

t.test("a run of the group comes first", async (t) => {
  const lab = readyBranch(2);
  lab.join({ number: 3 });
  lab.do({ type: "group-ap-add", group: "G", mac: mac(3) });
  lab.do(start);
  t.equal(lab.code({ type: "group-activate", group: "G" }), "group-busy");
  t.equal(lab.group().readyToActivate, 0);
});

t.test("an older version only by force", async (t) => {
  const lab = readyBranch(2);
  for (const number of [1, 2]) {
    lab.leave(number);
    lab.join({ number, running: "9.5" });
  }
  t.equal(lab.code({ type: "group-activate", group: "G" }), "nothing-to-activate");
  t.match(lab.do({ type: "group-activation-preview", group: "G" }).skipped[0], { reason: /go back from 9\.5 to 9\.0/ });
  activate(lab, { ...perBatch(9), force: true });
  t.same(ordered(lab), [2]);
});

t.test("in random order the act is what the preview showed", async (t) => {
  const lab = readyBranch(12);
  const request = { ...perBatch(4), order: "random" } as const;
  const preview = lab.do({ type: "group-activation-preview", group: "G", ...request });
  const first = preview.batches[0]?.aps.map((ap) => ap.mac) ?? [];
  activate(lab, request);
  t.same(
    lab.told.map((told) => told.mac),
    first,
  );
  t.notSame(first, [...first].sort(), "not by name");
  t.same(
    preview.batches.map(({ aps }) => aps.length),
    [4, 4, 3, 1],
  );
});

t.test("the audit gets what an order changed, the events each state", async (t) => {
  const lab = readyBranch(2);
  t.match(lab.changes({ type: "group-activate", group: "G", ...perBatch(1) }), [{ kind: "activation", name: "G", change: "added" }]);
  t.match(lab.changes({ type: "group-activation-pause", group: "G" }), [
    { kind: "activation", change: "set", setting: "state", before: "in batch 1", after: "in batch 1, then to pause" },
  ]);
  lab.do({ type: "group-activation-resume", group: "G" });
  goesWell(lab, 2);
  goesWell(lab, 1);
  t.same(phases(lab), ["batch 0", "batch 0", "batch 0", "between 1", "batch 1", "complete"]);
});
