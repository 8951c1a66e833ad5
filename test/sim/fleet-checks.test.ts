/** The checks can fail: each rule is broken on purpose. */
import t from "tap";
import { checkedFleet, finalFaults } from "../../src/sim/fleet-checks.js";
import type { Actor } from "../../src/sim/world.js";

const nobody: Actor<unknown> = { name: "nobody", alive: false, take: () => {} };

function branch() {
  const fleet = checkedFleet({ seed: 1, aps: 2, models: ["AIR-CAP3702I"], imageBytes: 20_000 });
  fleet.setUp();
  const [ap] = fleet.aps;
  if (ap === undefined) throw new RangeError("no AP");
  return { fleet, ap };
}

t.test("one session too many", async (t) => {
  const { fleet, ap } = branch();
  ap.openSessions = fleet.options.sessionsMax + 1;
  t.throws(() => fleet.world.runFor(60_000), { name: "CheckFailed", check: "sessions at a server" });
});

t.test("a download into the running slot", async (t) => {
  const { fleet, ap } = branch();
  const facts = { version: "1", sizeBytes: 10, sha256: null, resume: false };
  ap.store.perform({ type: "open-download", downloadId: 99, slot: ap.store.running, ...facts }, nobody);
  t.throws(() => fleet.world.runFor(60_000), { name: "CheckFailed", check: "the running slot is never written" });
});

t.test("a boot record that lists an image which is not there", async (t) => {
  const { fleet, ap } = branch();
  const { record } = ap.store;
  ap.store.perform({ type: "save-boot-record", record: { ...record, slots: { ...record.slots, b: record.slots.a } } }, nobody);
  t.throws(() => fleet.world.runFor(60_000), { name: "CheckFailed", check: "what can be booted is whole" });
});

t.test("a try too many", async (t) => {
  const { fleet } = branch();
  fleet.watch.triesMost = fleet.options.retryCount + 1;
  t.throws(() => fleet.world.runFor(60_000), { name: "CheckFailed", check: "tries within the limit" });
});

t.test("a run that has not ended, and counts that differ", async (t) => {
  const { fleet, ap } = branch();
  fleet.start();
  fleet.world.runFor(50);
  t.match(finalFaults(fleet), [/ap-01: ended as (Initiated|Predownloading)/, /ap-02: ended as/]);
  t.ok(fleet.finish(600_000));
  fleet.world.runFor(10_000);
  t.same(finalFaults(fleet), []);
  const told = fleet.watch.progress.get(ap.facts.name);
  if (told === undefined) throw new RangeError("no progress");
  fleet.watch.progress.set(ap.facts.name, { ...told, progress: { ...told.progress, wanBytes: 20_001 } });
  t.match(finalFaults(fleet), ["ap-01: the controller counts 20000 wanBytes, the AP 20001"]);
});

t.test("more of the WAN than the cap allows", async (t) => {
  const fleet = checkedFleet({ seed: 1, aps: 2, models: ["AIR-CAP3702I"], imageBytes: 20_000, wanBytesPerSecond: 10_000 });
  fleet.setUp();
  fleet.controller.imageBytesSent += 104_000;
  fleet.world.runFor(60_000);
  fleet.controller.imageBytesSent += 109_000;
  t.throws(() => fleet.world.runFor(60_000), { name: "CheckFailed", check: "WAN rate within the cap" });
});

t.test("one fallback too many, by APs, by bytes and by policy", async (t) => {
  for (const wanPolicy of [{ fallbackApsMax: 1 }, { fallbackBytesMax: 39_999 }, { fallback: "wait" }, { fallback: "fail" }] as const) {
    const fleet = checkedFleet({ seed: 1, aps: 2, models: ["AIR-CAP3702I"], imageBytes: 20_000, wanPolicy });
    fleet.setUp();
    fleet.watch.fallbacks.set(7, new Set(["ap-01", "ap-02"]));
    t.throws(() => fleet.world.runFor(60_000), { name: "CheckFailed", check: "fallbacks within the budget" }, JSON.stringify(wanPolicy));
  }
});
