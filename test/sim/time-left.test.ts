/** After a quarter of a WAN transfer the controller says within a fifth how long the rest takes, over lines and caps of every kind. */
import t from "tap";
import { checkedFleet } from "../../src/sim/fleet-checks.js";
import { defaultFleet, type FleetOptions } from "../../src/sim/fleet-options.js";

interface Line {
  readonly name: string;
  readonly bitsPerSecond: number;
  readonly rttMs: number;
  readonly loss: number;
  readonly queueShare: number;
  readonly imageBytes: number;
  readonly fastTransfer?: boolean;
  readonly capBytesPerSecond?: number;
  readonly aps?: number;
}

const megabyte = 1e6;
const lines: readonly Line[] = [
  { name: "1 Mbit/s, 300 ms", bitsPerSecond: 1e6, rttMs: 300, loss: 0, queueShare: 1, imageBytes: 3 * megabyte },
  { name: "10 Mbit/s, 100 ms", bitsPerSecond: 10e6, rttMs: 100, loss: 0, queueShare: 1, imageBytes: 30 * megabyte },
  { name: "10 Mbit/s, 100 ms, 1 % loss", bitsPerSecond: 10e6, rttMs: 100, loss: 0.01, queueShare: 2, imageBytes: 30 * megabyte },
  { name: "100 Mbit/s, 20 ms", bitsPerSecond: 100e6, rttMs: 20, loss: 0.001, queueShare: 1, imageBytes: 120 * megabyte },
  {
    name: "100 Mbit/s under a cap",
    bitsPerSecond: 100e6,
    rttMs: 20,
    loss: 0,
    queueShare: 1,
    imageBytes: 8 * megabyte,
    capBytesPerSecond: 400_000,
  },
  { name: "a third of 10 Mbit/s", bitsPerSecond: 10e6, rttMs: 40, loss: 0, queueShare: 1, imageBytes: 10 * megabyte, aps: 3 },
  { name: "stop-and-wait", bitsPerSecond: 10e6, rttMs: 40, loss: 0, queueShare: 1, imageBytes: 0.6 * megabyte, fastTransfer: false },
];

for (const line of lines) {
  t.test(line.name, async (t) => {
    const { bitsPerSecond, rttMs, loss, queueShare, imageBytes, fastTransfer = true, capBytesPerSecond, aps = 1 } = line;
    const queueBytes = Math.max(5_000, (queueShare * bitsPerSecond * rttMs) / 8000);
    const options: Partial<FleetOptions> = {
      aps,
      // Each of a model of its own, so that all use the WAN.
      models: ["AIR-AP2802I", "AIR-AP1832I", "AIR-CAP3702I"].slice(0, aps),
      imageBytes,
      fastTransfer,
      wan: { ...defaultFleet.wan, latencyMs: rttMs / 2, bitsPerSecond, loss, queueBytes },
    };
    const fleet = checkedFleet(options);
    fleet.setUp();
    if (capBytesPerSecond !== undefined)
      fleet.must({ type: "group-wan", group: fleet.groupName, wan: { bytesPerSecondMax: capBytesPerSecond } });
    fleet.start();
    const { mac } = fleet.aps[0]?.facts ?? {};
    const row = () => fleet.rows().find((each) => each.mac === mac);
    const untilBytes = (bytes: number): boolean => {
      for (let polls = 0; polls < 20_000; polls++) {
        const now = row();
        if (now?.status === "Complete" || (now?.bytesDone ?? 0) >= bytes) return true;
        fleet.world.runFor(100);
      }
      return false;
    };
    t.ok(untilBytes(imageBytes / 4), "a quarter is done");
    const { secondsLeft, bytesPerSecond } = row() ?? {};
    const [transfer] = fleet.group().transfers.filter((each) => each.mac === mac);
    t.match(transfer, { path: "wan", bytesTotal: imageBytes, bytesPerSecond, secondsLeft });
    const askedAt = fleet.world.now;
    t.ok(untilBytes(imageBytes), "all is done");
    const took = (fleet.world.now - askedAt) / 1000;
    const error = ((secondsLeft ?? Number.NaN) - took) / took;
    t.comment(`${bytesPerSecond} bytes/s, ${secondsLeft} s left, took ${took.toFixed(1)} s`);
    t.ok(Math.abs(error) <= 0.2, `wrong by ${(error * 100).toFixed(0)} %`);
    t.equal(fleet.finish(3_600_000), true);
    t.same(fleet.group().transfers, [], "and then nothing moves");
  });
}
