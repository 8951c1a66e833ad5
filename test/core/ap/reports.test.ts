import t from "tap";
import type { FinalReport } from "../../../src/core/ap/contract.js";
import { type EventElements, Reports } from "../../../src/core/ap/reports.js";

const final = (runId: number, state: FinalReport["state"] = "complete"): FinalReport => ({
  ...{ runId, state, path: "lan", tries: 0, wanBytes: 0, lanBytes: 0, reason: "none", detail: "", bytesDone: 0 },
});
const inventory = {
  ...{ primary: { version: "", sha256: new Uint8Array(32) }, backup: { version: "", sha256: new Uint8Array(32) } },
  ...{ running: "primary" as const, freeBytes: 0, tftp: { address: "", port: 69 }, extensions: [] },
};

const make = () => {
  const state = { run: undefined as FinalReport | undefined, owed: [] as FinalReport[] };
  const reports = new Reports({
    chunkFault: () => undefined,
    run: () => state.run,
    nextRetryMs: () => 1234,
    owed: () => state.owed,
    serving: () => undefined,
    proof: () => undefined,
    inventory: () => inventory,
  });
  return { state, reports };
};
const runOf = (elements: EventElements | undefined) => elements?.upgradeReport?.runId;

t.test("nothing goes before the session runs, and a new session hears how things are", async (t) => {
  const { state, reports } = make();
  state.run = final(7, "waiting");
  reports.due(0, "run");
  t.equal(reports.next(0), undefined);
  reports.connected(10);
  t.match(reports.next(10), { upgradeReport: { runId: 7, state: "waiting", nextRetryMs: 1234 } });
});

t.test("one request at a time, and the next one says the latest", async (t) => {
  const { state, reports } = make();
  reports.connected(0);
  state.run = final(7, "initiated");
  reports.due(0, "run");
  reports.next(0);
  for (const bytesDone of [1, 2, 3]) {
    state.run = { ...final(7, "fetching"), bytesDone };
    reports.due(bytesDone, "run");
    t.equal(reports.next(bytesDone), undefined);
  }
  t.match(reports.acknowledged(), { state: "initiated" });
  t.match(reports.next(4), { upgradeReport: { state: "fetching", bytesDone: 3 } });
  reports.acknowledged();
  t.equal(reports.next(5), undefined, "said once");
});

t.test("bytes are told once a second at most, a change of state at once", async (t) => {
  const { state, reports } = make();
  reports.connected(0);
  state.run = final(7, "fetching");
  reports.next(0);
  reports.acknowledged();
  reports.dueSoon(100, "run");
  t.equal(reports.next(999), undefined);
  t.equal(reports.nextWakeAt(), 1000);
  t.ok(reports.next(1000));
  reports.acknowledged();
  reports.dueSoon(1100, "run");
  reports.due(1200, "run");
  t.ok(reports.next(1200));
});

t.test("what was not acknowledged is said again", async (t) => {
  const { state, reports } = make();
  reports.connected(0);
  state.run = final(7);
  reports.due(0, "run");
  t.equal(runOf(reports.next(0)), 7);
  reports.lost(66_000);
  t.equal(runOf(reports.next(66_000)), 7);
  reports.disconnected();
  t.equal(reports.next(70_000), undefined);
  reports.connected(80_000);
  t.equal(runOf(reports.next(80_000)), 7);
});

t.test("ends of earlier runs follow one by one until each is acknowledged", async (t) => {
  const { state, reports } = make();
  state.run = final(9, "fetching");
  state.owed = [final(7), final(8, "failed")];
  reports.connected(0);
  t.equal(runOf(reports.next(0)), 9, "the run in hand first");
  reports.acknowledged();
  t.match(reports.next(1), { upgradeReport: { runId: 7, nextRetryMs: 0 } });
  reports.lost(2);
  t.equal(runOf(reports.next(3)), 7);
  t.match(reports.acknowledged(), { runId: 7 });
  state.owed = [final(8, "failed")];
  t.equal(runOf(reports.next(4)), 8);
  reports.acknowledged();
  state.owed = [];
  t.equal(reports.next(5), undefined);
  t.equal(reports.nextWakeAt(), undefined, "and then there is nothing to wake for");
});

t.test("a long line is cut to what the wire takes", async (t) => {
  const { state, reports } = make();
  state.run = { ...final(7, "failed"), detail: "ä".repeat(500) };
  reports.connected(0);
  t.equal(Buffer.byteLength(reports.next(0)?.upgradeReport?.detail ?? ""), 200);
});

t.test("the inventory goes when a slot changes", async (t) => {
  const { reports } = make();
  reports.connected(0);
  t.equal(reports.next(0), undefined, "it went with the Join Request");
  reports.due(1, "inventory");
  t.ok(reports.next(1)?.apInventory);
});
