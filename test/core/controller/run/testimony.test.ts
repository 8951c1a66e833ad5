/** A primary at which its subordinates fail steps down. */
import t from "tap";
import type { ApReport } from "../../../../src/core/controller/ap-port.js";
import { type ControllerLab, mac, servingBranch } from "../../../support/controller-lab.js";

type Reason = ApReport["reason"];

const fails = (lab: ControllerLab, number: number, reason: Reason, tries = 1): void =>
  lab.report(number, "waiting", { path: "lan", tries, nextRetryMs: 200, reason, detail: "" });

const serving = (count: number): ControllerLab => {
  const lab = servingBranch(count);
  lab.takeTold();
  return lab;
};

const primary = (lab: ControllerLab): string | undefined => lab.group().models[0]?.primary?.name;

t.test("two different subordinates with wrong bytes or no answer: it steps down, with the reason in event and report", async (t) => {
  for (const [second, words] of [
    ["checksum-mismatch", "wrong bytes for ap2, wrong bytes for ap3"],
    ["size-mismatch", "wrong bytes for ap2, wrong bytes for ap3"],
    ["primary-unreachable", "wrong bytes for ap2, unreachable for ap3"],
  ] as const) {
    const lab = serving(4);
    fails(lab, 2, "checksum-mismatch");
    fails(lab, 2, "checksum-mismatch", 2);
    t.equal(primary(lab), "ap1", "one AP may be at fault itself");
    fails(lab, 3, second);
    t.equal(primary(lab), "ap2");
    t.match(
      lab.events.find(({ type }) => type === "primary-lost"),
      { mac: mac(1), why: words },
    );
    t.same(lab.group().run?.stepsDown, [`ap1: stepped down as primary: ${words}`]);
    const report = lab.do({ type: "show-runs", group: "G" })[0];
    t.match(
      report?.aps.find(({ name }) => name === "ap1"),
      { status: "Complete", detail: `stepped down as primary: ${words}` },
    );
  }
});

t.test("the copies over the WAN stay at one for each primary, and no tries are lost", async (t) => {
  const lab = serving(4);
  fails(lab, 2, "checksum-mismatch");
  fails(lab, 3, "checksum-mismatch");
  t.same(lab.takeTold(), ["2 primary"]);
  lab.report(2, "complete", { path: "wan", wanBytes: 1000 });
  t.same(lab.takeTold(), ["3 subordinate from 10.0.0.2", "4 subordinate from 10.0.0.2"]);
  for (const number of [3, 4]) lab.report(number, "complete", { path: "lan", lanBytes: 1000 });
  t.match(lab.group().models, [{ wanCopies: 2 }]);
  t.match(lab.group().run, { state: "complete" });
});

t.test("one that was out of tries when it complained waits for the successor, not for the WAN", async (t) => {
  const lab = serving(3);
  fails(lab, 2, "checksum-mismatch");
  lab.report(3, "needs-wan", { path: "lan", tries: 44, reason: "checksum-mismatch", detail: "" });
  t.same(lab.takeTold(), ["2 primary"]);
  lab.report(2, "complete", { path: "wan", wanBytes: 1000 });
  t.same(lab.takeTold(), ["3 subordinate from 10.0.0.2"]);
});

t.test("what says nothing about the primary is no complaint", async (t) => {
  for (const reason of ["primary-busy", "flash-write-error", "transfer-error", "image-unknown"] as const) {
    const lab = serving(4);
    for (const number of [2, 3, 4]) fails(lab, number, reason);
    t.equal(primary(lab), "ap1", reason);
  }
  const lab = serving(4);
  for (const number of [2, 3, 4]) {
    lab.report(number, "fetching", { path: "lan", bytesDone: 500, lanBytes: 500 });
    fails(lab, number, "primary-unreachable");
  }
  t.equal(primary(lab), "ap1", "a transfer that broke off had an answer");
});

t.test("a primary that has served as many as complain is believed", async (t) => {
  const lab = serving(6);
  for (const number of [2, 3]) lab.report(number, "complete", { path: "lan", lanBytes: 1000 });
  for (const number of [4, 5]) fails(lab, number, "primary-unreachable");
  t.equal(primary(lab), "ap1", "their own ways to it may be cut");
  fails(lab, 6, "primary-unreachable");
  t.not(primary(lab), "ap1");
});

t.test("after two primaries the fault is elsewhere: the third stays primary", async (t) => {
  const lab = serving(7);
  for (const [first, second] of [
    [6, 7],
    [6, 7],
    [6, 7],
  ] as const) {
    fails(lab, first, "primary-unreachable");
    fails(lab, second, "primary-unreachable");
    const next = Number(primary(lab)?.slice(2));
    lab.report(next, "complete", { path: "wan", wanBytes: 1000 });
  }
  t.equal(primary(lab), "ap3");
});

t.test("the last one is not replaced by nobody", async (t) => {
  const lab = serving(3);
  lab.do({ type: "group-subordinate-add", group: "G", ap: "ap2" });
  lab.do({ type: "group-subordinate-add", group: "G", ap: "ap3" });
  fails(lab, 2, "checksum-mismatch");
  fails(lab, 3, "checksum-mismatch");
  t.equal(primary(lab), "ap1");
});

t.test("one that gave wrong bytes has to prove that it has the image", async (t) => {
  const lab = serving(3);
  lab.proofs = "wrong";
  fails(lab, 2, "checksum-mismatch");
  fails(lab, 3, "checksum-mismatch");
  t.match(lab.row(1), { status: "Failed", failureReason: "image-unproven" });
});
