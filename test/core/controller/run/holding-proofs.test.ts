/** An AP that claims an image of which it was not sent every byte has to prove that it holds it. */
import t, { type Test } from "tap";
import { labTimings } from "../../../../src/core/controller/timings.js";
import { branch, type ControllerLab, mac, servingBranch, start } from "../../../support/controller-lab.js";

/** A started run of `count` APs; AP 1 is ordered to fetch as the primary. */
function started(count: number, proofs: ControllerLab["proofs"]): ControllerLab {
  const lab = branch(count);
  lab.proofs = proofs;
  lab.isLying = true;
  lab.do(start);
  lab.takeTold();
  return lab;
}

/** RFC 5415 §4.6.35: image already present. */
const already = 17;

const claimsAll = { path: "wan", wanBytes: 1000, bytesDone: 1000 } as const;

function stepsDown(t: Test, lab: ControllerLab, why: RegExp): void {
  t.match(lab.row(1), { status: "Failed", failureReason: "image-unproven", wanBytes: 0 });
  t.match(
    lab.events.find(({ type }) => type === "primary-lost"),
    { mac: mac(1), why },
    "the event says why",
  );
  t.match(lab.do({ type: "show-runs", group: "G" })[0]?.aps[0], { name: "ap1", status: "Failed", detail: why }, "so does the report");
  t.match(lab.group().models, [{ primary: { name: "ap2" } }], "another AP is the primary");
}

t.test("a primary that was not sent every byte is complete only with its proof", async (t) => {
  const lab = started(2, "none");
  lab.report(1, "complete", claimsAll);
  t.not(lab.row(1).status, "Complete");
  t.same(lab.takeTold(), [], "nobody is sent to it");
  lab.proofs = "right";
  lab.leave(1);
  lab.join({ number: 1 });
  lab.report(1, "complete", claimsAll);
  t.match(lab.row(1), { status: "Complete", wanBytes: 0 }, "WAN bytes are those that were sent");
  t.match(lab.takeTold(), ["2 subordinate from 10.0.0.1"]);
});

t.test("without a proof it steps down in time", async (t) => {
  const lab = started(2, "none");
  lab.report(1, "complete", claimsAll);
  lab.pass(labTimings.silenceMs + 500);
  stepsDown(t, lab, /did not prove/);
});

t.test("with a wrong proof it steps down at once", async (t) => {
  const lab = started(2, "wrong");
  lab.report(1, "complete", claimsAll);
  t.match(lab.takeTold(), ["1 abort", "2 primary"]);
  stepsDown(t, lab, /proof is wrong/);
});

t.test("an AP that answers 'already present' proves it", async (t) => {
  for (const { proofs, status } of [
    { proofs: "right", status: "Complete" },
    { proofs: "wrong", status: "Failed" },
  ] as const) {
    const lab = branch(2);
    lab.proofs = proofs;
    lab.join({ number: 1, backup: "a" });
    lab.do(start);
    lab.answer(1, already);
    t.equal(lab.row(1).status, status, proofs);
  }
});

t.test("a subordinate whose word was enough proves it before it serves others", async (t) => {
  for (const { proofs, primary } of [
    { proofs: "right", primary: "ap2" },
    { proofs: "wrong", primary: "ap3" },
  ] as const) {
    const lab = servingBranch(3);
    lab.report(2, "complete", { path: "lan", lanBytes: 1000 });
    t.equal(lab.row(2).status, "Complete");
    lab.proofs = proofs;
    lab.takeTold();
    lab.leave(1);
    lab.pass(labTimings.primaryGraceMs + 500);
    lab.answer(2, already);
    t.match(lab.group().models, [{ primary: { name: primary } }], proofs);
  }
});

t.test("a controller that cannot read its own file blames no AP", async (t) => {
  const lab = started(2, "none");
  lab.report(1, "complete", claimsAll);
  lab.checks.length = 0;
  const [question] = lab.questions;
  if (!question) throw new Error("no question");
  lab.domain.proofExpected(lab.now, question, null);
  lab.drain();
  t.same(lab.checks, [question.sha256], "the file is looked at");
  t.not(lab.row(1).status, "Failed");
});

t.test("an answer to another challenge, of another AP, or after the run is nothing", async (t) => {
  const lab = started(2, "none");
  lab.report(1, "complete", claimsAll);
  const proof = new Uint8Array(32).fill(1);
  lab.domain.apProved(lab.now, mac(1), { nonce: new Uint8Array(16).fill(0xee), proof });
  lab.domain.apProved(lab.now, mac(2), { nonce: new Uint8Array(16).fill(1), proof });
  lab.drain();
  t.not(lab.row(1).status, "Complete");
  lab.do({ type: "group-abort", group: "G" });
  lab.domain.apProved(lab.now, mac(1), { nonce: new Uint8Array(16).fill(1), proof });
  lab.drain();
  t.equal(lab.row(1).status, "None");
});

t.test("bytes of the WAN are what this controller sent, whatever the AP says", async (t) => {
  const lab = started(2, "none");
  lab.report(1, "fetching", { path: "wan", bytesDone: 900, wanBytes: 1e12 });
  t.equal(lab.row(1).wanBytes, 0);
  lab.sendsWan(1, 400);
  lab.report(1, "fetching", { path: "wan", bytesDone: 950, wanBytes: 1e12 });
  t.equal(lab.row(1).wanBytes, 400);
});
