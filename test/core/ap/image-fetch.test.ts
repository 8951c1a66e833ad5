import t from "tap";
import { plainOrder } from "../../../src/core/ap/order.js";
import { ApRun, factoryRecord, lanOrder, md5, newImage, oldImage, sha, situations, wanOrder } from "../../support/ap-run.js";

t.test("over the WAN, block by block", async (t) => {
  const run = new ApRun();
  t.same(run.order(wanOrder), { resultCode: 0 });
  t.match(
    run.last("open-download"),
    { slot: "b", sizeBytes: 3000, sha256: newImage.sha256, resume: true },
    "into the slot that does not run",
  );
  run.noteDownload().opened();
  t.match(run.last("start-image"), { vendor: 32473, version: "8.6" });
  run.offered();
  t.equal(run.state, "fetching");
  run.block(0, 1024, false);
  t.same(run.did, ["write-chunk"], "no answer before it is written");
  run.written(0, 1024);
  t.match(run.last("block-stored"), { resultCode: 0 });
  run.block(1024, 1976, true).written(1024, 1976);
  t.same(run.did, ["verify-download"], "the last block waits for the whole");
  run.verified();
  t.match(run.last("commit-slot"), { slot: "b", record: { bootSlot: "a", slots: { a: oldImage, b: { version: "8.6", runId: 7 } } } });
  t.same(run.slots.image("b"), null, "not in the slot before it is stored");
  run.committed();
  t.match(run.last("block-stored"), { resultCode: 0 });
  t.match(run.fetch.report(), { state: "complete", path: "wan", bytesDone: 3000, wanBytes: 3000, lanBytes: 0 });
  t.equal(run.slots.image("b")?.version, "8.6");
});

t.test("many blocks in flight are answered in order", async (t) => {
  const run = situations["wan asking"]().offered();
  run.block(0, 1000, false);
  run.block(1000, 1000, false);
  run.block(2000, 1000, true);
  t.same(run.written(0, 1000).did, ["block-stored"]);
  t.same(run.written(1000, 1000).did, ["block-stored"]);
  t.same(run.written(2000, 1000).did, ["verify-download"]);
});

t.test("an empty last block ends an image too", async (t) => {
  const run = situations["wan asking"]().offered().block(0, 3000, false).written(0, 3000);
  t.same(run.block(3000, 0, true).did, ["verify-download"]);
});

for (const [what, found, resultCode, reason] of [
  ["content", { ...newImage, sha256: sha("9") }, 14, "checksum-mismatch"],
  ["size", { ...newImage, sizeBytes: 2999 }, 15, "size-mismatch"],
] as const) {
  t.test(`wrong ${what} over the WAN is answered ${resultCode} and nothing is kept`, async (t) => {
    const run = situations["wan verifying"]().verified(found);
    t.match(run.last("block-stored"), { resultCode });
    t.match(run.last("discard-download"), { keepPartial: false });
    t.match(run.fetch.report(), { state: "failed", reason });
  });
}

t.test("a size that is not the order's is refused before a block", async (t) => {
  const run = situations["wan asking"]().offered(2999);
  t.same(run.did, ["cancel-image", "discard-download", "save-journal"]);
  t.match(run.fetch.report(), { state: "failed", reason: "size-mismatch" });
});

t.test("an order that did not say its size is refused when the offer does not fit the flash", async (t) => {
  const run = new ApRun({ freeBytes: 2999 });
  t.same(run.order(plainOrder({ vendor: 9, name: "2.0" })), { resultCode: 0 });
  run.noteDownload().opened().offered(3000);
  t.same(run.did, ["cancel-image", "discard-download"]);
  t.match(run.last("event"), { event: { progress: { state: "failed", reason: "not-enough-flash" } } });
});

t.test("a lost session leaves the part, and the next order continues from it", async (t) => {
  const run = situations["wan receiving"]().imageFailed("session-ended");
  t.match(run.last("discard-download"), { keepPartial: true });
  t.same(run.order(wanOrder), { resultCode: 0 });
  run.noteDownload().opened(2000);
  t.same(run.did, ["start-image"]);
  run.offered().block(2000, 1000, true).written(2000, 1000).verified().committed();
  t.match(run.fetch.report(), { state: "complete", wanBytes: 2000, bytesDone: 3000 }, "what was fetched before counts once");
});

t.test("a part that turns out whole needs no byte more", async (t) => {
  const run = situations["wan opening"]().opened(3000);
  t.same(run.did, ["verify-download"]);
  run.verified().committed();
  t.same(run.did, ["save-journal", "run-complete"]);
  t.match(run.fetch.report(), { state: "complete", wanBytes: 0 });
});

t.test("an image that is there is not fetched: 17", async (t) => {
  const run = new ApRun({ record: { ...factoryRecord, slots: { a: { ...oldImage, sha256: newImage.sha256 }, b: null } } });
  t.same(run.order(wanOrder), { resultCode: 17 });
  t.same(run.did, ["discard-download", "save-journal", "run-complete"], "a part of something else goes");
  t.match(run.fetch.report(), { state: "complete", path: "none", wanBytes: 0 });
});

t.test("refetch: once in a run, however often the order comes", async (t) => {
  const order = { ...wanOrder, refetch: true };
  const run = new ApRun({ record: { ...factoryRecord, slots: { a: { ...oldImage, sha256: newImage.sha256 }, b: null } } });
  t.same(run.order(order), { resultCode: 0 });
  run.noteDownload().opened().offered().block(0, 3000, true).written(0, 3000).verified().committed();
  t.equal(run.state, "complete");
  t.same(run.order(order), { resultCode: 17 }, "a controller that was restarted asks again");
  t.same(run.order({ ...order, runId: 8 }), { resultCode: 0 }, "the next run fetches again");
});

t.test("no room: refused before a byte moves, with the reason", async (t) => {
  const run = new ApRun({ freeBytes: 2999 });
  t.match(run.order(wanOrder), { resultCode: 16, reason: "not-enough-flash" });
  t.same(run.did, []);
  t.equal(run.state, "none");
});

t.test("over the LAN: the first try comes at once", async (t) => {
  const run = new ApRun();
  t.same(run.order(lanOrder), { resultCode: 0 });
  t.match(run.last("open-download"), { slot: "b", resume: false });
  run.noteDownload().opened();
  t.match(run.last("fetch"), { server: lanOrder.server, fileName: "ap3g3-8.6", sizeBytes: 3000, downloadId: run.downloadId });
  run.fetchEnded("complete", 3000).verified().committed();
  t.match(run.fetch.report(), { state: "complete", path: "lan", tries: 0, lanBytes: 3000 });
});

t.test("back-off is drawn from (min, max], and every outcome but success spends a try", async (t) => {
  for (const outcome of ["busy", "timeout", "refused", "error"] as const) {
    for (let seed = 1; seed <= 50; seed++) {
      const run = new ApRun({ seed });
      run.order(lanOrder);
      run.noteDownload().opened().fetchEnded(outcome, 500);
      t.match(run.fetch.report(), { state: "waiting", tries: 1, lanBytes: 500 });
      const waits = (run.fetch.nextWakeAt() as number) - run.now;
      if (waits <= 100_000 || waits > 300_000) t.fail(`${outcome}, seed ${seed}: ${waits} ms`);
    }
  }
});

t.test("a fetch that ends for the flash's sake fails with the flash's reason, whichever comes first", async (t) => {
  const run = situations["lan receiving"]().fetchEnded("storage", 1000);
  t.match(run.fetch.report(), { state: "fetching", lanBytes: 1000 });
  t.match(run.storageFailed().fetch.report(), { state: "failed", reason: "not-enough-flash" });
  const other = situations["lan receiving"]().storageFailed();
  t.match(other.fetchEnded("storage", 1000).fetch.report(), { state: "failed", reason: "not-enough-flash" });
});

t.test("a fetch without a byte for a minute and a half is a try, whatever its client does", async (t) => {
  const run = situations["lan receiving"]();
  const start = run.now;
  const progress = (bytesDone: number) => run.event({ type: "fetch-progress", fetchId: run.downloadId, bytesDone });
  run.now = start + 60_000;
  progress(1000);
  t.equal(run.fetch.nextWakeAt(), run.now + 90_000);
  t.equal(run.fetch.nextRetryMs(run.now), 0);
  run.now += 80_000;
  progress(1000);
  t.same(run.event({ type: "wake" }).did, [], "a report of the same bytes is no progress");
  run.now += 10_000;
  t.same(run.event({ type: "wake" }).did, ["cancel-fetch", "discard-download", "save-journal"]);
  t.match(run.fetch.report(), { state: "waiting", tries: 1, reason: "primary-unreachable", detail: "no byte for 90 s" });
  t.same(run.fetchEnded("aborted").did, [], "the cancelled fetch is nobody's");
});

t.test("a wrong digest over the LAN is a try like any other, and no byte is kept", async (t) => {
  const run = situations["lan verifying"]().verified({ ...newImage, sha256: sha("9") });
  t.match(run.last("discard-download"), { keepPartial: false });
  t.match(run.fetch.report(), { state: "waiting", tries: 1, reason: "checksum-mismatch" });
});

t.test("after the last try the controller is asked at once", async (t) => {
  const run = situations["needs-wan"]();
  t.match(run.fetch.report(), { state: "needs-wan", tries: 3, reason: "primary-busy" });
  t.equal(run.fetch.nextWakeAt(), undefined, "no further wait");
  t.equal(run.fetch.nextRetryMs(run.now), 0);
  run.order({ ...wanOrder, role: "fallback" });
  run.noteDownload().opened().offered().block(0, 3000, true).written(0, 3000).verified().committed();
  t.match(run.fetch.report(), { state: "complete", path: "wan", tries: 3, wanBytes: 3000 });
});

t.test("an order that is repeated with other settings holds for the try that it waits for", async (t) => {
  const fewer = situations.waiting();
  fewer.order({ ...lanOrder, retryCountMax: 1 });
  t.match(fewer.fetch.report(), { state: "needs-wan", tries: 1, reason: "primary-busy" });
  const sooner = situations.waiting();
  sooner.order({ ...lanOrder, backoffMsMin: 1_000, backoffMsMax: 2_000 });
  const inMs = sooner.fetch.nextRetryMs(sooner.now);
  t.ok(inMs > 1_000 && inMs <= 2_000, `${inMs}`);
  const same = situations.waiting();
  const before = same.fetch.nextRetryMs(same.now);
  same.order({ ...lanOrder, retryCountMax: 2 });
  t.equal(same.fetch.nextRetryMs(same.now), before);
  t.equal(same.state, "waiting");
});

t.test("another primary is asked at once, and the try that it cuts off is not spent", async (t) => {
  const run = situations.waiting();
  run.order({ ...lanOrder, server: { address: "10.0.0.2", port: 69 } });
  run.noteDownload().opened();
  t.match(run.last("fetch"), { server: { address: "10.0.0.2" } });
  t.match(run.fetch.report(), { state: "fetching", tries: 1 });
});

t.test("the end of a run that nobody acknowledged is owed; one that was acknowledged is not", async (t) => {
  const unheard = situations.complete();
  unheard.order({ ...wanOrder, runId: 8, sha256: sha("2") });
  t.match(unheard.fetch.owed, [{ runId: 7, state: "complete", bytesDone: 3000 }]);
  t.match(unheard.last("save-journal").journal.owed, [{ runId: 7 }], "also after a restart");
  const [owed] = unheard.fetch.owed;
  unheard.do((fetch, _now, out) => owed && fetch.acknowledged(owed, out));
  t.same(unheard.last("save-journal").journal.owed, []);

  const heard = situations.complete();
  const report = heard.fetch.report();
  heard.do((fetch, _now, out) => report && fetch.acknowledged(report, out));
  heard.order({ ...wanOrder, runId: 8, sha256: sha("2") });
  t.same(heard.fetch.owed, []);
});

t.test("what is owed does not grow without end", async (t) => {
  const run = situations.complete();
  for (let runId = 8; runId < 40; runId++) {
    run.order({ ...wanOrder, runId, sha256: sha("2") });
    run.abort(runId);
  }
  t.equal(run.fetch.owed.length, 8);
  t.equal(run.fetch.owed.at(-1)?.runId, 38);
});

t.test("after a restart", async (t) => {
  const restarted = (run: ApRun, record = factoryRecord) => {
    const journal = run.last("save-journal").journal;
    return new ApRun({ record, journal }).event({ type: "restarted" });
  };
  t.test("a subordinate continues by itself, its tries kept", async (t) => {
    const run = restarted(situations.waiting());
    t.match(run.last("open-download"), { resume: false });
    t.match(run.fetch.report(), { state: "fetching", tries: 1 });
  });
  t.test("a fetch over the WAN waits for its order", async (t) => {
    const run = restarted(situations["wan session lost"]());
    t.same(run.did, ["save-journal"]);
    t.match(run.fetch.report(), { runId: 7, state: "initiated" });
    t.same(run.order(wanOrder), { resultCode: 0 });
    t.match(run.last("open-download"), { resume: true });
  });
  t.test("an image that was stored when the process died is complete", async (t) => {
    const committing = situations["wan committing"]();
    const { record } = committing.last("commit-slot");
    const run = new ApRun({ record, journal: situationJournal() }).event({ type: "restarted" });
    t.match(run.fetch.report(), { state: "complete" });
  });
  t.test("an image that was complete and is in no slot any more is not reported as complete", async (t) => {
    const run = restarted(situations.complete());
    t.same(run.did, ["save-journal"]);
    t.match(run.fetch.report(), { state: "failed", reason: "checksum-mismatch", bytesDone: 0 });
    t.same(run.order(wanOrder), { resultCode: 0 }, "and fetched when it is ordered again");
    t.same(run.did, ["save-journal", "open-download"]);
  });
  t.test("a run that had ended says so again and does nothing", async (t) => {
    const run = restarted(situations.complete(), {
      ...factoryRecord,
      slots: { a: oldImage, b: { version: "8.6", sizeBytes: 3000, sha256: newImage.sha256, md5: newImage.md5, runId: 7 } },
    });
    t.same(run.did, []);
    t.match(run.fetch.report(), { state: "complete", wanBytes: 3000 });
    t.same(run.order(wanOrder), { resultCode: 17 });
  });
});

const situationJournal = () => situations["wan session lost"]().last("save-journal").journal;

t.test("a controller that knows RFC 5415 alone: checked by MD5, no report", async (t) => {
  const order = { ...wanOrder, runId: 0, sizeBytes: 0, sha256: null, vendor: 99 };
  const run = new ApRun();
  t.same(run.order(order), { resultCode: 0 });
  t.match(run.last("open-download"), { resume: false, sha256: null });
  t.notOk(run.did.includes("save-journal"));
  run.noteDownload().opened();
  t.match(run.last("start-image"), { vendor: 99 });
  run
    .offered()
    .block(0, 3000, true)
    .written(0, 3000)
    .verified({ ...newImage, md5: md5("9") });
  t.match(run.last("block-stored"), { resultCode: 14 });
  t.equal(run.fetch.report(), undefined);
  run.order(order);
  run.noteDownload().opened().offered().block(0, 3000, true).written(0, 3000).verified().committed();
  t.equal(run.slots.image("b")?.version, "8.6");
  t.same(run.order(order), { resultCode: 17 }, "known by its version from then on");
});

t.test("a new run while the last one's image is being stored waits for the flash", async (t) => {
  const run = situations["wan committing"]();
  t.same(run.order({ ...lanOrder, runId: 8, sha256: sha("2") }), { resultCode: 0 });
  t.same(run.did, ["save-journal"]);
  run.committed();
  t.match(run.last("open-download"), { sha256: sha("2") });
  t.equal(run.state, "fetching");
});
