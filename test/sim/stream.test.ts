/** The `stream` distribution in virtual time: its bars, and what it promises when nodes fail, lie or are cut off. */
import t from "tap";
import { Fleet } from "../../src/sim/fleet.js";
import { checkedFleet } from "../../src/sim/fleet-checks.js";
import { planFaults } from "../../src/sim/fleet-faults.js";
import { defaultFleet, type FleetOptions } from "../../src/sim/fleet-options.js";
import { drawRun, runFleet } from "../../src/sim/run-fleet.js";

const mebibyte = 2 ** 20;
const { wan } = defaultFleet;

const branch = (aps: number, options: Partial<FleetOptions> = {}): Partial<FleetOptions> => ({
  aps,
  models: ["AIR-CAP3702I"],
  distribution: "stream",
  fastTransfer: true,
  ...options,
});

/** @returns seconds from the start to each AP's own completion, in the order of the APs */
function play(fleet: Fleet, withinMs = 7 * 86_400_000): number[] {
  fleet.setUp();
  fleet.start();
  const startedAt = fleet.world.elapsedMs;
  fleet.finish(withinMs);
  return fleet.aps.map(({ facts }) => {
    const done = fleet.happenings.find(({ subject, event }) => {
      return (
        subject === facts.name && "name" in event && event.name === "run" && "progress" in event && event.progress.state === "complete"
      );
    });
    return ((done?.elapsedMs ?? Number.NaN) - startedAt) / 1000;
  });
}

const wanBytesOf = (fleet: Fleet): number[] => fleet.aps.map(({ facts }) => fleet.watch.progress.get(facts.name)?.progress.wanBytes ?? 0);

t.test("100 APs are done when the WAN copy is", async (t) => {
  const imageBytes = 8 * mebibyte;
  const fleet = new Fleet(branch(100, { imageBytes, chunkBytes: imageBytes / 64, wan: { ...wan, bitsPerSecond: 10e6 } }));
  const seconds = play(fleet);
  const [copy = Number.NaN] = seconds;
  const last = Math.max(...seconds);
  t.comment(`WAN copy ${copy.toFixed(2)} s, last AP ${last.toFixed(2)} s, ratio ${(last / copy).toFixed(3)}`);
  t.ok(last / copy <= 1.05, `${last / copy}`);
  t.equal(fleet.watch.runState, "complete");
  t.equal(fleet.watch.triesMost, 0);
  t.match(fleet.group().models, [{ wanCopies: 1 }]);
});

t.test("100 APs, 30 s a session's transfer, the image already at the primary", async (t) => {
  const imageBytes = mebibyte;
  const options = branch(100, {
    imageBytes,
    chunkBytes: imageBytes / 64,
    sessionBytesPerSecond: imageBytes / 30,
    wan: { ...wan, bitsPerSecond: 1e9 },
  });
  const fleet = new Fleet(options);
  const last = Math.max(...play(fleet));
  t.comment(`${last.toFixed(1)} s`);
  t.ok(last <= 60, `${last}`);
  t.equal(fleet.watch.runState, "complete");
});

t.test("300 APs, 120 s a session's transfer: nobody falls back to the WAN", async (t) => {
  const imageBytes = mebibyte / 4;
  const options = branch(300, {
    imageBytes,
    chunkBytes: imageBytes / 32,
    sessionBytesPerSecond: imageBytes / 120,
    echoIntervalMs: 250_000,
  });
  const fleet = new Fleet(options);
  const last = Math.max(...play(fleet));
  t.comment(`${last.toFixed(0)} s`);
  t.equal(fleet.watch.runState, "complete");
  t.equal(fleet.watch.fallbacks.size, 0);
  t.match(fleet.group().models, [{ wanCopies: 1 }]);
});

t.test("the primary dies in the middle: its successor asks for the rest alone", async (t) => {
  const imageBytes = 4 * mebibyte;
  const chunkBytes = mebibyte / 16;
  const fleet = checkedFleet(branch(7, { imageBytes, chunkBytes, wan: { ...wan, bitsPerSecond: 10e6 } }));
  fleet.setUp();
  fleet.start();
  planFaults(fleet, [{ type: "ap-power-loss", at: "primary-fetching", ap: 0 }]);
  t.ok(fleet.finish(3_600_000));
  const [, successor = 0, ...others] = wanBytesOf(fleet);
  t.ok(successor < imageBytes / 2 + 2 * chunkBytes, `${successor} of ${imageBytes} bytes`);
  t.same(new Set(others), new Set([0]));
  t.equal(fleet.rows().filter(({ status }) => status === "Complete").length, 6);
});

t.test("a parent dies, and another is cut off for a while: the others continue where they are", async (t) => {
  const imageBytes = 2 * mebibyte;
  const fleet = checkedFleet(branch(13, { imageBytes, chunkBytes: mebibyte / 32, wan: { ...wan, bitsPerSecond: 5e6 } }));
  fleet.setUp();
  fleet.start();
  planFaults(fleet, [
    { type: "ap-power-loss", at: "primary-fetching", ap: 1 },
    { type: "ap-cut-off", at: "primary-fetching", ap: 2, forMs: 60_000 },
  ]);
  t.ok(fleet.finish(7_200_000));
  const rows = fleet.rows();
  t.equal(rows.filter(({ status }) => status === "Complete").length, 12);
  t.equal(wanBytesOf(fleet).filter((bytes) => bytes > 0).length, 1, "one AP used the WAN");
});

t.test("a parent that sends wrong chunks spreads none, and at the second complaint serves nobody", async (t) => {
  const imageBytes = 2 * mebibyte;
  const fleet = checkedFleet(branch(13, { imageBytes, chunkBytes: mebibyte / 32, wan: { ...wan, bitsPerSecond: 5e6 } }));
  const [, liar] = fleet.aps;
  if (liar) liar.lies = true;
  play(fleet, 7_200_000);
  t.equal(fleet.watch.runState, "complete");
  const distrusted = fleet.happenings.flatMap(({ event }) => ("type" in event && event.type === "ap-distrusted" ? [event.mac] : []));
  t.same(distrusted, [liar?.facts.mac]);
  t.match(fleet.group().models, [{ wanCopies: 1 }]);
});

t.test("a primary that sends wrong chunks steps down, and what it sent right stays", async (t) => {
  const imageBytes = 2 * mebibyte;
  const fleet = checkedFleet(branch(7, { imageBytes, chunkBytes: mebibyte / 32, wan: { ...wan, bitsPerSecond: 5e6 } }));
  fleet.setUp();
  fleet.start();
  fleet.world.runUntil(() => fleet.wanDown.counters.bytes > imageBytes / 2, fleet.world.now + 600_000);
  const [primary] = fleet.aps;
  if (primary) primary.lies = true;
  t.ok(fleet.finish(7_200_000));
  t.equal(fleet.watch.runState, "complete");
  const lost = fleet.happenings.filter(({ event }) => "type" in event && event.type === "primary-lost");
  t.equal(lost.length, 1);
  const [, ...others] = wanBytesOf(fleet);
  t.ok(Math.max(...others) < 0.7 * imageBytes, `the successor asked for the rest: ${Math.max(...others)}`);
});

t.test("an abort stops everyone within 2 s", async (t) => {
  const fleet = checkedFleet(branch(13, { imageBytes: 4 * mebibyte, chunkBytes: mebibyte / 16, wan: { ...wan, bitsPerSecond: 10e6 } }));
  fleet.setUp();
  fleet.start();
  fleet.world.runFor(1500);
  fleet.must({ type: "group-abort", group: fleet.groupName });
  fleet.world.runFor(2000);
  const sentBefore = [...fleet.uplinks.values()].reduce((sum, { counters }) => sum + counters.bytes, 0);
  for (const { facts, openSessions } of fleet.aps) t.equal(openSessions, 0, `${facts.name} serves nobody`);
  fleet.world.runFor(20_000);
  const sentAfter = [...fleet.uplinks.values()].reduce((sum, { counters }) => sum + counters.bytes, 0);
  t.equal(sentAfter, sentBefore, "no byte on the LAN");
});

t.test("runs drawn from seeds keep every rule", async (t) => {
  for (let seed = 1; seed <= 20; seed++) t.same(runFleet({ ...drawRun(seed), distribution: "stream" }).faults, [], `seed ${seed}`);
});
