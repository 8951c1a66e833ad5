/** APs of the group that could not take part: named at the start, in the run and in its report. */
import t from "tap";
import { branch, type ControllerLab, mac, start } from "../../../support/controller-lab.js";

/** AP 2 is away, AP 3 never joined, AP 4 has a model without an image. */
function gappy(): ControllerLab {
  const lab = branch(2);
  lab.leave(2);
  lab.do({ type: "group-ap-add", group: "G", mac: mac(3) });
  lab.join({ number: 4, model: "ACME-1" });
  lab.do({ type: "group-ap-add", group: "G", mac: mac(4) });
  return lab;
}

t.test("the start's answer, the run and its report name them", async (t) => {
  const lab = gappy();
  const { leftOut } = lab.do(start);
  t.match(leftOut, [
    { mac: mac(2), name: "ap2", reason: "not joined to this controller" },
    { mac: mac(3), name: null, reason: "has never joined this controller" },
    { mac: mac(4), name: "ap4", reason: /release has no image for acme-1/ },
  ]);
  t.same(leftOut, lab.do({ type: "group-preview", group: "G", release: "primary" }).skipped);
  lab.report(1, "complete", { path: "wan", wanBytes: 1000 });
  t.match(lab.group().run, { state: "partial", counts: { Complete: 1, Failed: 2, NotSupported: 1 } });
  const [report] = lab.do({ type: "show-runs", group: "G" });
  t.match(report?.aps, [
    { name: "ap1", status: "Complete" },
    { name: "ap4", status: "NotSupported" },
    { name: "ap2", status: "Failed", failureReason: "ap-lost", detail: "not joined to this controller" },
    { name: mac(3), status: "Failed", failureReason: "ap-lost", detail: "has never joined this controller" },
  ]);
  lab.join({ number: 2 });
  t.match(lab.row(2), { status: "Failed", version: "9.0" }, "back after the end: its row says what it lacks");
});

t.test("one that joins in time takes part", async (t) => {
  const lab = gappy();
  lab.do(start);
  lab.takeTold();
  lab.join({ number: 2 });
  lab.join({ number: 3 });
  lab.report(1, "complete", { path: "wan", wanBytes: 1000 });
  t.same(lab.takeTold(), ["2 subordinate from 10.0.0.1", "3 subordinate from 10.0.0.1"]);
  for (const number of [2, 3]) lab.report(number, "complete", { path: "lan", lanBytes: 1000 });
  t.match(lab.group().run, { state: "partial", counts: { Complete: 3, NotSupported: 1 } });
});

t.test("one that another run has", async (t) => {
  const lab = branch(2);
  lab.do({ type: "ap-predownload", ap: "ap2", release: "primary" });
  lab.do({ type: "group-abort", group: "G" });
  lab.do({ type: "group-predownload", group: "G", enabled: false });
  lab.do({ type: "ap-predownload", ap: "ap2", release: "primary" });
  lab.do({ type: "group-predownload", group: "G", enabled: true });
  t.match(lab.do(start), { leftOut: [{ name: "ap2", reason: "takes part in run 2" }] });
  lab.report(2, "complete", { path: "wan", wanBytes: 1000 });
  lab.report(1, "complete", { path: "wan", wanBytes: 1000 });
  t.match(lab.group().run, { state: "partial" });
});

t.test("it outlives a restart of the controller", async (t) => {
  const lab = gappy();
  lab.do(start);
  lab.restart();
  lab.takeTold();
  lab.join({ number: 1 });
  lab.join({ number: 3 });
  lab.report(1, "complete", { path: "wan", wanBytes: 1000 });
  t.same(lab.takeTold(), ["3 subordinate from 10.0.0.1"]);
  lab.report(3, "complete", { path: "lan", lanBytes: 1000 });
  t.match(lab.group().run, { state: "partial", counts: { Complete: 2, Failed: 1, NotSupported: 1 } });
});
