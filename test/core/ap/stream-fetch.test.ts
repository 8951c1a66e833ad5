/** A fetch in chunks: three of 1,000 bytes. */
import t from "tap";
import type { RunOrder } from "../../../src/core/ap/contract.js";
import { ApRun, lanOrder, newImage, sha, wanOrder } from "../../support/ap-run.js";

const parent = { address: "10.0.0.1", port: 69 };
const spare = { address: "10.0.0.2", port: 69 };
const other = { address: "10.0.0.3", port: 69 };
const chunks = { chunkBytes: 1000, sha256s: [sha("a"), sha("b"), sha("c")] };
const order: RunOrder = { ...lanOrder, server: parent, stream: { ...chunks, spare } };

function begun(resumeOffset = 0): ApRun {
  const run = new ApRun();
  run.order(order);
  return run.noteDownload().opened(resumeOffset);
}

const fetchOf = (run: ApRun) => run.last("fetch");
const ended = (run: ApRun, outcome: "complete" | "not-yet" | "timeout" | "busy", fetchId: number, bytesDone = 0): ApRun =>
  run.event({ type: "fetch-ended", fetchId, outcome, bytesDone, detail: outcome });
const checked = (run: ApRun, chunk: number, isSound = true): ApRun =>
  run.event({ type: "chunk-checked", downloadId: run.downloadId, chunk, isSound });

t.test("one chunk after the other, each read back while the next is fetched, then the whole as ever", async (t) => {
  const run = begun();
  t.match(fetchOf(run), { server: parent, fileName: sha("a"), offset: 0, sizeBytes: 1000 });
  ended(run, "complete", fetchOf(run).fetchId, 1000);
  t.match(run.last("check-chunk"), { chunk: 0, offset: 0, sizeBytes: 1000, sha256: sha("a") });
  t.match(fetchOf(run), { fileName: sha("b"), offset: 1000 });
  const second = fetchOf(run).fetchId;
  t.same(checked(run, 0).last("chunk-verified"), { type: "chunk-verified", chunk: 0 });
  ended(run, "complete", second, 1000);
  const third = fetchOf(run).fetchId;
  checked(run, 1);
  ended(run, "complete", third, 1000);
  checked(run, 2);
  t.same(run.did, ["chunk-verified", "verify-download"]);
  run.verified().committed();
  t.match(run.fetch.report(), { state: "complete", path: "lan", lanBytes: newImage.sizeBytes, tries: 0 });
});

t.test("two chunks may wait to be read back, no more", async (t) => {
  const run = begun();
  ended(run, "complete", fetchOf(run).fetchId, 1000);
  ended(run, "complete", fetchOf(run).fetchId, 1000);
  t.same(run.did, ["check-chunk"]);
  t.equal(run.fetch.nextWakeAt(), undefined, "there is nothing to wake up for");
  t.match(checked(run, 0).last("fetch"), { fileName: sha("c") });
});

t.test("a server that is not that far is asked again and costs no try", async (t) => {
  const run = begun();
  const { fetchId } = fetchOf(run);
  t.same(ended(run, "not-yet", fetchId).did, [], "at once would be a flood");
  t.equal(run.fetch.nextWakeAt(), run.now + 250);
  run.now += 250;
  t.match(run.event({ type: "wake" }).last("fetch"), { server: parent, fileName: sha("a") });
  t.match(run.fetch.report(), { state: "fetching", tries: 0 });
});

t.test("a server that fails: the spare at once, then a back-off, and another order ends that", async (t) => {
  const run = begun();
  ended(run, "complete", fetchOf(run).fetchId, 1000);
  const { fetchId } = fetchOf(run);
  checked(run, 0);
  t.match(ended(run, "timeout", fetchId, 400).last("fetch"), { server: spare, fileName: sha("b"), offset: 1000 });
  t.match(run.fetch.report(), { state: "fetching", tries: 1, reason: "primary-unreachable", bytesDone: 1000 });
  ended(run, "busy", fetchOf(run).fetchId);
  t.match(run.fetch.report(), { state: "waiting", tries: 2, reason: "primary-busy" });
  t.notOk(run.did.includes("discard-download"), "what is verified stays");
  run.order({ ...order, server: other, stream: { ...chunks, spare: null } });
  t.match(fetchOf(run), { server: other, fileName: sha("b"), offset: 1000 });
  ended(run, "timeout", fetchOf(run).fetchId);
  t.match(run.fetch.report(), { state: "needs-wan", tries: 3 });
  t.match(run.last("discard-download"), { keepPartial: true });
});

t.test("a wrong chunk is fetched again from the spare, with what followed it, and its sender is named", async (t) => {
  const run = begun();
  ended(run, "complete", fetchOf(run).fetchId, 1000);
  const { fetchId } = fetchOf(run);
  checked(run, 0, false);
  t.match(run.last("cancel-fetch"), { fetchId });
  t.match(fetchOf(run), { server: spare, fileName: sha("a"), offset: 0 });
  t.notOk(run.did.includes("chunk-verified"));
  t.same(run.fetch.chunkFault, { server: parent, chunk: 0 });
  t.match(run.fetch.report(), { tries: 1, reason: "checksum-mismatch", bytesDone: 0 });
});

t.test("a kept part is read back before it counts, and nobody is to blame for what is wrong with it", async (t) => {
  const run = begun(2500);
  t.same(run.did, ["check-chunk", "check-chunk"], "the third is not whole");
  checked(run, 0);
  checked(run, 1, false);
  t.match(fetchOf(run), { server: parent, fileName: sha("b"), offset: 1000 });
  t.equal(run.fetch.chunkFault, undefined);
  t.match(run.fetch.report(), { tries: 0 });
});

t.test("from the LAN to the WAN: the verified chunks stay, and the controller is asked for the rest", async (t) => {
  const run = begun();
  ended(run, "complete", fetchOf(run).fetchId, 1000);
  checked(run, 0);
  run.order({ ...wanOrder, stream: { ...chunks, spare: null } });
  t.match(run.last("discard-download"), { keepPartial: true });
  run.noteDownload().opened(1700);
  t.same(run.did, ["check-chunk"]);
  checked(run, 0);
  t.match(run.last("start-image"), { storedBytes: 1000 });
});

t.test("over the WAN a chunk counts once it is whole and sound; a wrong one ends the transfer", async (t) => {
  const run = new ApRun();
  run.order({ ...wanOrder, stream: { ...chunks, spare: null } });
  run.noteDownload().opened().offered();
  run.block(0, 900, false).written(0, 900);
  t.notOk(run.did.includes("check-chunk"));
  run.block(900, 200, false).written(900, 200);
  t.match(run.last("check-chunk"), { chunk: 0, sizeBytes: 1000 });
  t.same(checked(run, 0).did, ["chunk-verified"]);
  run.block(1100, 900, false).written(1100, 900);
  checked(run, 1, false);
  t.match(run.fetch.report(), { state: "failed", reason: "checksum-mismatch", detail: "chunk 1 has another digest" });
  t.ok(run.did.includes("chunks-lost"));
});
