import t from "tap";
import type { RunReport } from "../../../../src/core/controller/operator/views.js";
import { branch, digest, image, mac, servingBranch, start } from "../../../support/controller-lab.js";

t.test("the run: the primary over the WAN, then the others from it", async (t) => {
  const lab = branch(4);
  lab.do(start);
  t.same(lab.takeTold(), ["1 primary"], "one AP fetches");
  t.same(lab.statuses(1, 2, 3, 4), ["Initiated", "Initiated", "Initiated", "Initiated"]);
  lab.report(1, "fetching", { path: "wan", bytesDone: 500, wanBytes: 500 });
  t.match(lab.row(1), {
    status: "Predownloading",
    role: "primaryCentral",
    source: "wan",
    bytesDone: 500,
    bytesTotal: 1000,
    version: "9.0",
  });
  t.same(lab.takeTold(), [], "nobody is released before the primary has it");
  lab.now += 1000;
  lab.report(1, "fetching", { path: "wan", bytesDone: 750, wanBytes: 750 });
  t.match(lab.row(1), { bytesPerSecond: 250, secondsLeft: 1 });
  lab.report(1, "complete", { path: "wan", wanBytes: 1000 });
  t.same(lab.takeTold(), ["2 subordinate from 10.0.0.1", "3 subordinate from 10.0.0.1", "4 subordinate from 10.0.0.1"]);
  lab.report(2, "fetching", { path: "lan", bytesDone: 10, lanBytes: 10 });
  lab.report(3, "waiting", { path: "lan", tries: 2, nextRetryMs: 1500 });
  t.match(lab.row(3), { status: "Predownloading", role: "subordinateLocal", retryCount: 2, nextRetrySeconds: 2 });
  for (const number of [2, 3]) lab.report(number, "complete", { path: "lan", lanBytes: 1000 });
  t.equal(lab.group().run?.state, "running", "an AP that has not reported is not done");
  lab.report(4, "complete", { path: "lan", lanBytes: 1000 });
  const { run, models } = lab.group();
  t.match(run, { state: "complete", finishedAt: lab.now, counts: { Complete: 4 } });
  t.match(models, [{ family: "c3700", wanCopies: 1, wanBytes: 1000, lanBytes: 3000 }]);
  const [report] = lab.do({ type: "show-runs", group: "G" });
  t.match(report, { wanBytesSaved: 3000, apCount: 4, aps: [{ name: "ap1", source: "wan" }, {}, {}, {}] });
  t.same(lab.do({ type: "show-run", run: report?.id as number }), report);
  const { aps: _, ...summary } = report as RunReport;
  t.same(lab.do({ type: "show-run-summary" }), [summary]);
  t.equal(lab.code({ type: "show-run", run: 99 }), "unknown-run");
});

t.test("mixed models: a primary each; a model without an image is not supported", async (t) => {
  const lab = branch(2);
  const add = (number: number, model: string) => {
    lab.join({ number, model });
    lab.do({ type: "group-ap-add", group: "G", mac: mac(number) });
  };
  add(3, "AIR-AP1832I");
  add(4, "AIR-AP1852E");
  add(5, "ACME-1");
  lab.do({ type: "image-add", image: image({ models: ["ap1g4"], sha256: digest("c"), fileName: "ap1g4.img" }) });
  lab.do(start);
  t.same(lab.takeTold(), ["1 primary", "3 primary"], "families 1832 and 1852 share an image");
  t.equal(lab.row(5).status, "NotSupported");
  for (const number of [1, 3]) lab.report(number, "complete", { path: "wan" });
  t.same(lab.takeTold(), ["2 subordinate from 10.0.0.1", "4 subordinate from 10.0.0.3"]);
  for (const number of [2, 4]) lab.report(number, "complete", { path: "lan" });
  t.match(lab.group().run, { state: "partial", counts: { Complete: 4, NotSupported: 1 } });
});

t.test("who is elected", async (t) => {
  t.test("the manual primary", async (t) => {
    const lab = branch(3);
    lab.do({ type: "group-primary-add", group: "G", ap: "AP3" });
    t.match(lab.group().models, [{ primary: { name: "ap3" }, manual: true, warning: null }]);
    lab.do(start);
    t.same(lab.takeTold(), ["3 primary"]);
  });
  t.test("not a forced subordinate, nor the manual primary that is away, which is said", async (t) => {
    const lab = branch(3);
    lab.do({ type: "group-primary-add", group: "G", ap: "ap2" });
    lab.do({ type: "group-subordinate-add", group: "G", ap: "ap1" });
    lab.leave(2);
    lab.do(start);
    t.same(lab.takeTold(), ["3 primary"]);
    t.match(lab.group().models, [{ manual: false, warning: /ap2 \(02:00:00:00:00:02\) is not used: it is not joined/ }]);
  });
  t.test("nobody over IPv6: that AP alone gets it over the WAN", async (t) => {
    const lab = branch(0);
    lab.join({ number: 1, address: "2001:db8::1" });
    lab.join({ number: 2 });
    for (const number of [1, 2]) lab.do({ type: "group-ap-add", group: "G", mac: mac(number) });
    lab.do(start);
    t.same(lab.takeTold(), ["2 primary"]);
    const alone = branch(0);
    alone.join({ number: 1, address: "2001:db8::1" });
    alone.do({ type: "group-ap-add", group: "G", mac: mac(1) });
    alone.do(start);
    t.same(alone.takeTold(), []);
    alone.pass(2_000);
    t.same(alone.takeTold(), ["1 fallback"]);
  });
});

t.test("an image that is there already", async (t) => {
  const withHolder = (model: string, wave2Refetch: boolean) => {
    const lab = branch(0);
    lab.do({ type: "image-add", image: image({ models: [model] }) });
    lab.do({ type: "group-wave2-refetch", group: "G", enabled: wave2Refetch });
    lab.join({ number: 1, model, backup: "a" });
    lab.join({ number: 2, model });
    for (const number of [1, 2]) lab.do({ type: "group-ap-add", group: "G", mac: mac(number) });
    lab.do(start);
    return lab;
  };
  t.test("serves at once", async (t) => {
    const lab = withHolder("AIR-AP3702I", true);
    t.match(lab.answer(1, 17), { order: { role: "primary", refetch: false } });
    t.same(lab.takeTold(), ["2 subordinate from 10.0.0.1"]);
    t.match(lab.row(1), { status: "Complete", source: null, wanBytes: 0 });
  });
  t.test("a Wave 2 primary fetches it again, unless the group says otherwise", async (t) => {
    const lab = withHolder("AIR-AP2802I", true);
    t.same(lab.takeTold(), ["1 primary refetch"]);
    lab.report(1, "complete", { path: "wan", wanBytes: 1000 });
    t.same(lab.takeTold(), ["2 subordinate from 10.0.0.1"]);
    t.same(withHolder("AIR-AP2802I", false).takeTold(), ["1 primary"]);
  });
  t.test("a copy that turns out bad is fetched before anyone is released", async (t) => {
    const lab = withHolder("AIR-AP3702I", true);
    lab.answer(1, 0);
    t.same(lab.takeTold(), []);
    lab.report(1, "complete", { path: "wan", wanBytes: 1000 });
    t.same(lab.takeTold(), ["2 subordinate from 10.0.0.1"]);
  });
  t.test("a subordinate that has it says so and moves no byte", async (t) => {
    const lab = servingBranch(2);
    lab.answer(2, 17);
    t.match(lab.row(2), { status: "Complete", source: null });
    t.equal(lab.group().run?.state, "complete");
    lab.report(2, "complete", { path: "lan", lanBytes: 1000 });
    t.match(lab.row(2), { source: "lan", lanBytes: 1000 }, "the report that was owed says where it came from");
  });
});

t.test("the primary is lost while it fetches", async (t) => {
  t.test("back in time: it continues", async (t) => {
    const lab = branch(3);
    lab.do(start);
    lab.takeTold();
    lab.leave(1);
    lab.pass(1_000);
    lab.join({ number: 1 });
    t.same(lab.takeTold(), [], "it may say how far it is");
    lab.pass(1_000);
    t.same(lab.takeTold(), ["1 primary"]);
    lab.report(1, "complete", { path: "wan", wanBytes: 1000 });
    t.same(lab.takeTold(), ["2 subordinate from 10.0.0.1", "3 subordinate from 10.0.0.1"]);
  });
  t.test("too late: the next eligible AP, and the old one stays subordinate", async (t) => {
    const lab = branch(3);
    lab.do(start);
    lab.takeTold();
    lab.leave(1);
    lab.pass(2_000);
    t.same(lab.takeTold(), ["2 primary"]);
    lab.join({ number: 1 });
    lab.report(2, "complete", { path: "wan", wanBytes: 1000 });
    t.same(lab.takeTold(), ["1 subordinate from 10.0.0.2", "3 subordinate from 10.0.0.2"]);
    lab.leave(2);
    lab.report(3, "complete", { path: "lan" });
    lab.pass(2_000);
    t.same(lab.takeTold(), ["3 primary"], "the holder, not the one that stepped down");
  });
  t.test("the whole branch is lost: nobody is elected until it is back, and its primary has had time", async (t) => {
    const lab = branch(3);
    lab.do(start);
    lab.takeTold();
    lab.leave(1, 2, 3);
    lab.pass(10_000);
    lab.join({ number: 2 });
    lab.pass(10_000);
    t.same(lab.takeTold(), []);
    lab.join({ number: 1 });
    lab.pass(1_000);
    t.same(lab.takeTold(), ["1 primary"]);
  });
  t.test("it never comes back: whoever came back takes over", async (t) => {
    const lab = branch(3);
    lab.do(start);
    lab.takeTold();
    lab.leave(1, 2, 3);
    lab.join({ number: 2 });
    lab.pass(25_000);
    t.same(lab.takeTold(), ["2 primary"]);
  });
  t.test("it fails for good: the next; nobody left: it is said", async (t) => {
    const lab = branch(2);
    lab.do(start);
    lab.takeTold();
    lab.fail(1, "not-enough-flash");
    t.same(lab.takeTold(), ["2 primary"]);
    lab.fail(2, "flash-write-error");
    t.match(lab.group().run, { state: "failed", counts: { Failed: 2 } });
  });
  t.test("the only candidate is tried again", async (t) => {
    const lab = branch(1);
    lab.do(start);
    lab.fail(1, "checksum-mismatch");
    t.same(lab.takeTold(), ["1 primary", "1 primary"]);
  });
  t.test("its last word on the WAN transfer comes when another has followed: it is a subordinate like any", async (t) => {
    const lab = branch(2);
    lab.do(start);
    lab.leave(1);
    lab.pass(2_000);
    lab.join({ number: 1 });
    lab.takeTold();
    lab.report(1, "failed", { path: "wan", reason: "transfer-timeout" });
    lab.report(2, "complete", { path: "wan" });
    t.same(lab.takeTold(), ["1 subordinate from 10.0.0.2"]);
  });
  t.test("refused order: the next", async (t) => {
    const lab = branch(2);
    lab.do(start);
    lab.answer(1, 16, "wrong-family");
    t.same(lab.takeTold(), ["2 primary"]);
    t.match(lab.row(1), { status: "Failed", failureReason: "wrong-family" });
  });
});

t.test("the primary is lost while it serves", async (t) => {
  t.test("a holder takes over without another WAN copy", async (t) => {
    const lab = servingBranch(4);
    lab.takeTold();
    lab.report(3, "complete", { path: "lan", lanBytes: 1000 });
    lab.leave(1);
    lab.pass(2_000);
    t.match(lab.answer(3, 17), { order: { role: "primary", refetch: false } });
    t.same(lab.takeTold(), ["2 subordinate from 10.0.0.3", "4 subordinate from 10.0.0.3"]);
    t.match(lab.row(3), { role: "primaryLocal", status: "Complete" });
    lab.join({ number: 1 });
    for (const number of [2, 4]) lab.report(number, "complete", { path: "lan", lanBytes: 1000 });
    t.match(lab.group().run, { state: "complete" });
    t.match(lab.group().models, [{ wanCopies: 1 }]);
  });
  t.test("no holder: the next eligible over the WAN", async (t) => {
    const lab = servingBranch(3);
    lab.takeTold();
    lab.leave(1);
    lab.pass(2_000);
    t.same(lab.takeTold(), ["2 primary"]);
    lab.report(3, "needs-wan", { tries: 44 });
    t.same(lab.takeTold(), [], "its tries were spent on the dead one");
    lab.report(2, "complete", { path: "wan", wanBytes: 1000 });
    t.same(lab.takeTold(), ["3 subordinate from 10.0.0.2"]);
  });
  t.test("only its way to the controller is gone: no one else is elected while bytes flow on the LAN", async (t) => {
    const lab = servingBranch(3);
    lab.takeTold();
    lab.leave(1);
    for (let bytes = 1; bytes < 10; bytes++) {
      lab.report(2, "fetching", { path: "lan", bytesDone: bytes, lanBytes: bytes });
      lab.pass(1_000);
    }
    t.same(lab.takeTold(), []);
    lab.join({ number: 1 });
    t.same(lab.takeTold(), ["1 primary"], "it is asked to continue serving");
  });
  t.test("back after a restart it serves again and the others are not disturbed", async (t) => {
    const lab = servingBranch(2);
    lab.takeTold();
    lab.report(2, "waiting", { tries: 1, nextRetryMs: 100 });
    lab.leave(1);
    lab.join({ number: 1, backup: "a" });
    lab.answer(1, 17);
    t.same(lab.takeTold(), []);
  });
});

t.test("late joiners", async (t) => {
  const lab = servingBranch(2);
  lab.takeTold();
  lab.join({ number: 7 });
  t.same(lab.takeTold(), [], "not of the group");
  lab.do({ type: "group-ap-add", group: "G", mac: mac(7) });
  t.same(lab.takeTold(), ["7 subordinate from 10.0.0.1"]);
  lab.do({ type: "group-ap-add", group: "G", mac: mac(8) });
  lab.join({ number: 8 });
  t.same(lab.takeTold(), ["8 subordinate from 10.0.0.1"]);
  lab.do({ type: "group-ap-add", group: "G", mac: mac(9) });
  lab.join({ number: 9, model: "AIR-AP1832I" });
  t.equal(lab.row(9).status, "NotSupported");
});

t.test("abort", async (t) => {
  const lab = servingBranch(3);
  lab.takeTold();
  lab.report(2, "complete", { path: "lan" });
  lab.serves(1, 3);
  t.match(lab.group().models, [{ sessions: 1, sessionsPeak: 1, serving: [{ mac: mac(3) }] }]);
  lab.do({ type: "group-abort", group: "G" });
  lab.serves(1, 3);
  t.match(lab.group().models, [{ sessions: 0, sessionsPeak: 1, serving: [] }], "a report from before the abort changes nothing");
  t.same(lab.takeTold(), ["1 abort", "3 abort"], "the primary closes its slots, the fetching AP stops");
  t.same(lab.statuses(1, 2, 3), ["Complete", "Complete", "None"]);
  t.equal(lab.group().run?.state, "aborted");
  t.equal(lab.code({ type: "group-abort", group: "G" }), "no-run");
  lab.report(3, "fetching", { path: "lan" });
  t.same(lab.takeTold(), ["3 abort"], "an AP that missed it is told again");
  lab.report(3, "aborted", { path: "lan", lanBytes: 321 });
  t.same(lab.takeTold(), []);
  t.match(lab.row(3), { status: "None", lanBytes: 321 }, "its account is made up");
  lab.report(3, "complete", { path: "lan", lanBytes: 1000 });
  t.match(lab.row(3), { status: "Complete", source: "lan" }, "it was done before the abort reached it");
  t.equal(lab.group().run?.state, "aborted");
  t.equal(lab.code(start), "ok", "and a new run may begin");
});

t.test("an AP taken out of its group leaves the run", async (t) => {
  const lab = branch(3);
  lab.do(start);
  lab.takeTold();
  lab.do({ type: "group-ap-delete", group: "G", mac: mac(1) });
  t.same(lab.takeTold(), ["1 abort", "2 primary"]);
  t.equal(lab.code({ type: "group-delete", group: "G" }), "group-busy");
});

t.test("nobody hangs a run", async (t) => {
  t.test("an AP that left fails after the absent time, and may come back", async (t) => {
    const lab = servingBranch(3);
    lab.takeTold();
    lab.report(2, "complete", { path: "lan" });
    lab.leave(3);
    lab.pass(59_000);
    t.equal(lab.row(3).status, "Initiated");
    lab.pass(1_000);
    t.match(lab.row(3), { status: "Failed", failureReason: "ap-lost" });
    t.equal(lab.group().run?.state, "partial");
  });
  t.test("back while the run continues: it takes part again", async (t) => {
    const lab = servingBranch(3);
    lab.takeTold();
    lab.leave(3);
    for (let second = 0; second < 61; second++) {
      lab.report(2, "fetching", { path: "lan", bytesDone: second });
      lab.pass(1_000);
    }
    t.equal(lab.row(3).status, "Failed");
    lab.join({ number: 3 });
    t.same(lab.takeTold(), ["3 subordinate from 10.0.0.1"]);
  });
  t.test("a joined AP without a word is asked once more, then fails", async (t) => {
    const lab = servingBranch(2);
    t.same(lab.takeTold(), ["2 subordinate from 10.0.0.1"]);
    lab.pass(20_000);
    t.same(lab.takeTold(), ["2 subordinate from 10.0.0.1"]);
    lab.pass(20_000);
    t.same(lab.takeTold(), ["2 abort"]);
    t.match(lab.row(2), { status: "Failed", failureReason: "ap-lost" });
    t.match(lab.group().run, { state: "partial" });
  });
  t.test("a primary that died while it fetched fails after the absent time, whoever followed it", async (t) => {
    const lab = branch(2);
    lab.do(start);
    lab.leave(1);
    lab.pass(2_000);
    lab.report(2, "complete", { path: "wan" });
    lab.pass(60_000);
    t.match(lab.row(1), { status: "Failed", failureReason: "ap-lost" });
    t.equal(lab.group().run?.state, "partial");
  });
  t.test("a dead primary without a successor ends the wait", async (t) => {
    const lab = servingBranch(2);
    lab.takeTold();
    lab.do({ type: "group-subordinate-add", group: "G", ap: "ap2" });
    lab.report(2, "needs-wan", { tries: 44 });
    lab.takeTold();
    const other = servingBranch(2);
    other.do({ type: "group-subordinate-add", group: "G", ap: "ap2" });
    other.leave(1);
    other.report(2, "needs-wan", { tries: 44 });
    other.takeTold();
    other.pass(65_000);
    t.same(other.takeTold(), ["2 fallback"]);
  });
});

t.test("the controller dies and comes back", async (t) => {
  const lab = branch(5);
  lab.do(start);
  lab.report(1, "complete", { path: "wan", wanBytes: 1000 });
  lab.report(2, "complete", { path: "lan", lanBytes: 1000 });
  lab.report(3, "fetching", { path: "lan", bytesDone: 300, lanBytes: 300 });
  lab.report(4, "needs-wan", { tries: 44 });
  lab.restart();
  t.match(lab.group().run, { state: "running", counts: { Complete: 2 } });
  lab.join({ number: 3 });
  lab.join({ number: 4 });
  lab.join({ number: 2, backup: "a" });
  lab.report(3, "fetching", { path: "lan", bytesDone: 400, lanBytes: 400 });
  t.same(lab.takeTold(), [], "nobody transfers twice");
  lab.pass(5_000);
  t.same(lab.takeTold(), ["4 fallback"], "the queue is remembered");
  lab.join({ number: 1, backup: "a" });
  t.match(lab.answer(1, 17), { order: { role: "primary" } });
  lab.join({ number: 5 });
  lab.report(3, "complete", { path: "lan", lanBytes: 1000 });
  lab.report(4, "complete", { path: "wan", wanBytes: 1000 });
  lab.pass(1_000);
  t.same(lab.takeTold(), ["5 subordinate from 10.0.0.1"], "its order may have been lost");
  lab.report(5, "complete", { path: "lan", lanBytes: 1000 });
  t.match(lab.group().run, { state: "complete" });
  t.match(lab.group().models, [{ wanCopies: 2, wanBytes: 2000, lanBytes: 3000 }]);
});

t.test("over the WAN alone", async (t) => {
  t.test("an AP without a group, one with the feature off", async (t) => {
    const lab = branch(1);
    lab.do({ type: "group-predownload", group: "G", enabled: false });
    lab.join({ number: 2 });
    t.equal(lab.code(start), "predownload-disabled");
    for (const ap of ["ap1", "ap2"]) lab.do({ type: "ap-predownload", ap, release: "primary" });
    t.same(lab.takeTold(), ["1 fallback", "2 fallback"]);
    lab.report(1, "fetching", { path: "wan", bytesDone: 5, wanBytes: 5 });
    t.match(lab.row(1), { role: null, retryCount: null, source: "wan", status: "Predownloading" });
    t.equal(lab.code({ type: "ap-predownload", ap: "ap1", release: "primary" }), "ap-busy");
    lab.do({ type: "ap-predownload-abort", ap: "ap1" });
    t.same(lab.takeTold(), ["1 abort"]);
    t.equal(lab.row(1).status, "None");
    lab.report(2, "complete", { path: "wan" });
    t.same(
      lab.do({ type: "show-runs", group: null }).map(({ state }) => state),
      ["complete", "aborted"],
    );
  });
  t.test("all: groups with the feature share, the rest use the WAN", async (t) => {
    const lab = branch(2);
    lab.join({ number: 8 });
    lab.join({ number: 9 });
    t.match(lab.do({ type: "ap-predownload", ap: "all", release: "primary" }), { runIds: [1, 2], apCount: 4 });
    t.same(lab.takeTold(), ["8 fallback", "9 fallback", "1 primary"]);
    t.match(lab.do({ type: "ap-predownload-abort", ap: "all" }), { apCount: 4 });
  });
  t.test("one AP of a group with the feature: from an AP that has the image, else itself over the WAN", async (t) => {
    const lab = branch(3);
    lab.join({ number: 3, backup: "a" });
    lab.do({ type: "ap-predownload", ap: "ap1", release: "primary" });
    lab.answer(3, 17);
    t.same(lab.takeTold(), ["1 subordinate from 10.0.0.3"]);
    const alone = branch(3);
    alone.do({ type: "ap-predownload", ap: "ap2", release: "primary" });
    t.same(alone.takeTold(), ["2 primary"]);
    alone.report(2, "complete", { path: "wan" });
    t.equal(alone.group().run?.state, "complete", "the others take no part");
  });
  t.test("a plain RFC 5415 AP: the Image Identifier alone, and its transfer is its report", async (t) => {
    const lab = branch(1);
    lab.join({ number: 0, plain: true });
    lab.do({ type: "group-ap-add", group: "G", mac: mac(0) });
    lab.do(start);
    t.same(lab.takeTold(), ["1 primary", "0 image 9.0"]);
    lab.domain.wanCarried(lab.now, mac(0), 165, 120);
    lab.domain.transferMoved(lab.now, mac(0), 100);
    t.match(lab.row(0), { status: "Predownloading", bytesDone: 100, wanBytes: 120, wanWireBytes: 165 });
    lab.domain.transferEnded(lab.now, mac(0), null);
    t.equal(lab.row(0).status, "Complete");
  });
});

t.test("orders and words that are out of place change nothing", async (t) => {
  const lab = servingBranch(2);
  const before = JSON.stringify(lab.records);
  lab.report(2, "complete", { runId: 77 });
  lab.report(99, "complete", { runId: 1 });
  lab.domain.transferEnded(lab.now, mac(2), null);
  lab.domain.apLeft(lab.now, mac(99), "test");
  lab.drain();
  t.equal(JSON.stringify(lab.records), before);
});
