/** What an AP gets that has no tries left, or no primary: the WAN, within the group's policy and budget. */
import t from "tap";
import { branch, ControllerLab, image, mac, servingBranch, start } from "../../../support/controller-lab.js";

const outOfTries = (lab: ControllerLab, number: number) =>
  lab.report(number, "needs-wan", { path: "lan", tries: 44, reason: "primary-busy", detail: "busy" });

t.test("the WAN, through the queue", async (t) => {
  const lab = branch(4);
  lab.do({ type: "group-wan", group: "G", wan: { transfersMax: 1 } });
  lab.do(start);
  lab.report(1, "complete", { path: "wan", wanBytes: 1000 });
  lab.takeTold();
  for (const number of [3, 2, 4]) outOfTries(lab, number);
  t.same(lab.takeTold(), ["3 fallback"]);
  t.match(lab.row(3), { role: "subordinateCentral", retryCount: 44 });
  lab.report(3, "complete", { path: "wan", wanBytes: 1000 });
  t.same(lab.takeTold(), ["2 fallback"], "first come, first served");
  lab.fail(2, "not-enough-flash");
  t.same(lab.takeTold(), ["4 fallback"]);
  lab.report(4, "complete", { path: "wan", wanBytes: 1000 });
  t.match(lab.group().run, { state: "partial", counts: { Complete: 3, Failed: 1 } });
  t.match(lab.group().models, [{ wanCopies: 3, wanBytes: 3000 }]);
  t.match(lab.row(2), { status: "Failed", failureReason: "not-enough-flash" });
});

t.test("a primary that cannot be reached is told at the first try, not after the last", async (t) => {
  const lab = servingBranch(3);
  const cutOff = { path: "lan", reason: "primary-unreachable", detail: "no answer", nextRetryMs: 150_000 } as const;
  lab.report(2, "waiting", { ...cutOff, tries: 1 });
  lab.report(3, "waiting", { ...cutOff, tries: 1, reason: "primary-busy" });
  t.match(lab.row(2), { status: "Predownloading", failureReason: "primary-unreachable", nextRetrySeconds: 150, retryCount: 1 });
  t.match(lab.row(3), { failureReason: "primary-busy" });
  lab.report(2, "fetching", { path: "lan", tries: 1 });
  t.equal(lab.row(2).failureReason, null, "the next try may do better");
  lab.report(2, "waiting", { ...cutOff, tries: 2 });
  const told = lab.events.filter(({ type }) => type === "primary-unreachable");
  t.match(told, [{ mac: mac(2), primary: mac(1), detail: "no answer" }], "once");
  t.equal(told.length, 1);
});

t.test("policy wait: another round; policy fail: the end", async (t) => {
  const lab = servingBranch(3);
  lab.takeTold();
  lab.do({ type: "group-wan", group: "G", wan: { fallback: "wait" } });
  outOfTries(lab, 2);
  t.same(lab.takeTold(), ["2 subordinate from 10.0.0.1"]);
  lab.do({ type: "group-wan", group: "G", wan: { fallback: "fail" } });
  outOfTries(lab, 3);
  t.match(lab.row(3), { status: "Failed", failureReason: "primary-busy" });
});

t.test("a budget of APs or bytes: the rest wait", async (t) => {
  for (const wan of [{ fallbackApsMax: 1 }, { fallbackBytesMax: 1999 }]) {
    const lab = servingBranch(3);
    lab.takeTold();
    lab.do({ type: "group-wan", group: "G", wan });
    outOfTries(lab, 2);
    outOfTries(lab, 3);
    t.same(lab.takeTold(), ["2 fallback", "3 subordinate from 10.0.0.1"], JSON.stringify(wan));
  }
});

t.test("a fallback counts for the whole run, also when its AP becomes the primary of the others", async (t) => {
  const lab = servingBranch(4);
  lab.takeTold();
  lab.do({ type: "group-wan", group: "G", wan: { fallbackApsMax: 1 } });
  outOfTries(lab, 2);
  t.same(lab.takeTold(), ["2 fallback"]);
  lab.report(2, "complete", { path: "wan", wanBytes: 1000 });
  lab.leave(1);
  lab.pass(3_000);
  t.match(lab.answer(2, 17), { type: "upgrade", order: { role: "primary" } }, "it holds the image");
  lab.takeTold();
  outOfTries(lab, 3);
  t.same(lab.takeTold(), ["3 subordinate from 10.0.0.2"]);
});

t.test("an AP that falls back again may cost another copy, which the budget of bytes counts", async (t) => {
  const lab = servingBranch(3);
  lab.takeTold();
  lab.do({ type: "group-wan", group: "G", wan: { fallbackBytesMax: 2400 } });
  outOfTries(lab, 2);
  t.same(lab.takeTold(), ["2 fallback"]);
  lab.leave(2);
  for (let lanBytes = 100; lab.row(2).status !== "Failed"; lanBytes += 10) {
    lab.pass(10_000);
    lab.report(3, "fetching", { path: "lan", lanBytes });
  }
  lab.join({ number: 2 });
  t.same(lab.takeTold(), ["2 subordinate from 10.0.0.1"], "it was given up, and begins again");
  outOfTries(lab, 2);
  t.same(lab.takeTold(), ["2 fallback"], "two copies of 1,000");
  outOfTries(lab, 3);
  t.same(lab.takeTold(), ["3 subordinate from 10.0.0.1"], "a third would be 3,000 of 2,400");
});

t.test("a former primary falls back within the budget, whatever it fetched before", async (t) => {
  const lab = branch(3);
  lab.do({ type: "group-wan", group: "G", wan: { fallbackBytesMax: 1000 } });
  lab.do(start);
  lab.report(1, "fetching", { path: "wan", wanBytes: 900, bytesDone: 900 });
  lab.fail(1, "checksum-mismatch");
  lab.report(2, "complete", { path: "wan", wanBytes: 1000 });
  lab.takeTold();
  lab.report(1, "needs-wan", { path: "lan", tries: 44, wanBytes: 900, reason: "primary-busy", detail: "busy" });
  t.same(lab.takeTold(), ["1 fallback"]);
});

t.test("the budget holds where no AP can be primary, too: the rest fail with the reason", async (t) => {
  const lab = new ControllerLab();
  lab.do({ type: "group-add", group: "G" });
  lab.do({ type: "group-predownload", group: "G", enabled: true });
  lab.do({ type: "image-add", image: image() });
  for (const number of [1, 2, 3]) {
    lab.join({ number, address: `fd00::${number}` });
    lab.do({ type: "group-ap-add", group: "G", mac: mac(number) });
  }
  lab.do({ type: "group-wan", group: "G", wan: { fallbackApsMax: 1 } });
  lab.do(start);
  lab.pass(5_000);
  t.same(lab.takeTold(), ["1 fallback"]);
  t.match(lab.row(2), { status: "Failed", failureReason: "primary-unreachable" });
  t.match(lab.do({ type: "show-runs", group: "G" })[0]?.aps[1]?.detail, /no AP of its model can be primary.*budget/);
});

t.test("a fallback that breaks is tried three times", async (t) => {
  const lab = servingBranch(2);
  lab.takeTold();
  outOfTries(lab, 2);
  for (const _ of [1, 2]) lab.fail(2, "transfer-timeout");
  t.same(lab.takeTold(), ["2 fallback", "2 fallback", "2 fallback"]);
  lab.fail(2, "transfer-timeout");
  t.match(lab.row(2), { status: "Failed", failureReason: "transfer-timeout" });
  t.equal(lab.group().run?.state, "partial");
});
