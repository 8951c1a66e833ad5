/** What changes while a run is under way: the primary's address, the group's settings. */
import t from "tap";
import type { ApCommand } from "../../../../src/core/controller/ap-port.js";
import { labTimings } from "../../../../src/core/controller/timings.js";
import { branch, type ControllerLab, mac, servingBranch } from "../../../support/controller-lab.js";

const outOfTries = (lab: ControllerLab, number: number) =>
  lab.report(number, "needs-wan", { path: "lan", tries: 44, reason: "primary-busy", detail: "busy" });
const backElsewhere = (lab: ControllerLab) => {
  lab.leave(1);
  lab.join({ number: 1, address: "10.0.9.1", backup: "a" });
  lab.answer(1, 17);
};

t.test("the primary is back at another address: its subordinates are told at once", async (t) => {
  const lab = servingBranch(4);
  lab.takeTold();
  lab.report(2, "fetching", { path: "lan", bytesDone: 100, lanBytes: 100 });
  lab.report(3, "waiting", { path: "lan", tries: 1, nextRetryMs: 5000, reason: "primary-busy" });
  backElsewhere(lab);
  t.same(lab.takeTold(), ["2 subordinate from 10.0.9.1", "3 subordinate from 10.0.9.1", "4 subordinate from 10.0.9.1"]);
  lab.report(3, "waiting", { path: "lan", tries: 2, nextRetryMs: 5000, reason: "primary-busy" });
  t.same(lab.takeTold(), [], "once");
});

t.test("tries that were spent at the primary's former address cost no WAN copy", async (t) => {
  const lab = servingBranch(2);
  lab.takeTold();
  lab.leave(1);
  lab.join({ number: 1, address: "10.0.9.1", backup: "a" });
  outOfTries(lab, 2);
  t.same(lab.takeTold(), ["1 primary"]);
  lab.join({ number: 1, address: "10.0.9.1", backup: "a" });
  lab.answer(1, 17);
  t.same(lab.takeTold(), ["2 subordinate from 10.0.9.1"]);
});

t.test("tries at a former address do not count at the present one", async (t) => {
  const lab = servingBranch(2);
  lab.do({ type: "group-retry-count", group: "G", retryCount: 10 });
  lab.report(2, "waiting", { path: "lan", tries: 7, nextRetryMs: 5000, reason: "primary-unreachable" });
  lab.takeTold();
  backElsewhere(lab);
  lab.takeTold();
  const outOfTen = (): string[] => {
    lab.report(2, "needs-wan", { path: "lan", tries: 10, reason: "primary-busy" });
    return lab.takeTold();
  };
  t.same(outOfTen(), ["2 subordinate from 10.0.9.1"], "three were made there");
  t.same(outOfTen(), ["2 fallback"], "ten more were");
});

t.test("the primary reports another TFTP port in its session", async (t) => {
  const lab = servingBranch(2);
  lab.takeTold();
  lab.domain.apInventory(lab.now, mac(1), { ...lab.inventory({ backup: "a" }), tftp: { address: "", port: 6970 } });
  lab.drain();
  t.match(lab.told, [{ mac: mac(2), command: { order: { server: { address: "10.0.0.1", port: 6970 } } } }]);
});

t.test("a serve rate reaches the AP that serves", async (t) => {
  const lab = servingBranch(3);
  lab.takeTold();
  lab.do({ type: "group-set", group: "G", settings: { serveBytesPerSecondMax: 50_000 } });
  t.match(
    lab.told.splice(0).map(({ command }) => command),
    [{ order: { role: "primary" }, serveBytesPerSecondMax: 50_000 }],
  );
});

t.test("retry count and back-off reach the subordinates of a run, and no other AP", async (t) => {
  const lab = servingBranch(4);
  lab.takeTold();
  lab.report(2, "waiting", { path: "lan", tries: 1, nextRetryMs: 5000, reason: "primary-unreachable" });
  lab.report(3, "complete", { path: "lan", lanBytes: 1000 });
  lab.leave(4);
  lab.do({ type: "group-retry-count", group: "G", retryCount: 1 });
  const told = (): (ApCommand & { type: "upgrade" })[] =>
    lab.told.splice(0).map(({ command }) => command as ApCommand & { type: "upgrade" });
  t.match(told(), [{ order: { role: "subordinate", retryCountMax: 1 } }]);
  lab.do({ type: "group-backoff", group: "G", minSeconds: 1, maxSeconds: 2 });
  t.match(told(), [{ order: { backoffMsMin: 1000, backoffMsMax: 2000 } }]);
  lab.do({ type: "group-wave2-refetch", group: "G", enabled: false });
  t.same(told(), [], "its orders do not carry that");
});

t.test("more WAN transfers at once are granted at once", async (t) => {
  const lab = servingBranch(3);
  lab.do({ type: "group-wan", group: "G", wan: { transfersMax: 1 } });
  lab.takeTold();
  for (const number of [2, 3]) outOfTries(lab, number);
  t.same(lab.takeTold(), ["2 fallback"]);
  lab.do({ type: "group-wan", group: "G", wan: { transfersMax: 2 } });
  t.same(lab.takeTold(), ["3 fallback"]);
});

t.test("APs that the group's WAN limit holds back", async (t) => {
  const heldBack = (): ControllerLab => {
    const lab = servingBranch(5);
    lab.do({ type: "group-wan", group: "G", wan: { fallbackApsMax: 1 } });
    for (const number of [2, 3, 4]) outOfTries(lab, number);
    lab.report(2, "complete", { path: "wan", wanBytes: 1000 });
    lab.takeTold();
    return lab;
  };
  t.test("are shown with the reason while they try on", async (t) => {
    const lab = heldBack();
    for (const number of [3, 4]) {
      lab.report(number, "fetching", { path: "lan" });
      t.match(lab.row(number), { failureReason: "primary-busy" });
    }
    t.same(lab.group().run?.waits, ["2 APs wait: the group's WAN limit of 1 AP is used"]);
    lab.report(3, "complete", { path: "lan", lanBytes: 1000 });
    t.same(lab.group().run?.waits, ["1 AP waits: the group's WAN limit of 1 AP is used"]);
    t.equal(lab.row(3).failureReason, null);
  });
  t.test("get the image over the WAN as soon as the limit allows it", async (t) => {
    const lab = heldBack();
    lab.do({ type: "group-wan", group: "G", wan: { fallbackApsMax: null } });
    t.same(lab.takeTold(), ["3 fallback", "4 fallback"], "AP 5 still has tries");
    t.same(lab.group().run?.waits, []);
  });
  t.test("fail with the reason in the end", async (t) => {
    const lab = heldBack();
    for (let waited = 0; waited < labTimings.heldBackMs; waited += 10_000) {
      for (const number of [3, 4, 5]) lab.report(number, "fetching", { path: "lan", lanBytes: 100 + waited });
      t.equal(lab.row(3).status, "Predownloading", `${waited} ms`);
      lab.pass(10_000);
    }
    outOfTries(lab, 3);
    t.match(lab.row(3), { status: "Failed", failureReason: "primary-busy" });
    t.match(lab.do({ type: "show-runs", group: "G" })[0]?.aps[2]?.detail, /WAN limit of 1 AP is used/);
  });
});

t.test("settings of a group without a run tell no AP anything", async (t) => {
  const lab = branch(2);
  lab.do({ type: "group-retry-count", group: "G", retryCount: 1 });
  t.same(lab.takeTold(), []);
});
