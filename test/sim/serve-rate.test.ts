/** A group's serve rate: what one AP gives its LAN, over all of its sessions. */
import t from "tap";
import { checkedFleet } from "../../src/sim/fleet-checks.js";
import { ports } from "../../src/wire/capwap/defaults.js";
import { DATA_HEADER_BYTES, opcode, opcodeOf } from "../../src/wire/tftp/packet.js";

const bytesPerSecond = 100_000;
const windowMs = 1_000;
const blockBytes = 1428;

t.test("three sessions together keep to it in every second, and use it", async (t) => {
  const fleet = checkedFleet({ aps: 7, models: ["AIR-CAP3702I"], imageBytes: 1_000_000, distribution: "assigned", fastTransfer: true });
  fleet.setUp();
  fleet.must({ type: "group-set", group: fleet.groupName, settings: { serveBytesPerSecondMax: bytesPerSecond } });
  const sent: { readonly at: number; readonly bytes: number }[] = [];
  const primary = fleet.aps[0]?.facts.address;
  fleet.network.tap("sent", ({ from, to, bytes }) => {
    if (from.address !== primary || to.port === ports.control || opcodeOf(bytes) !== opcode.data) return;
    sent.push({ at: fleet.world.now, bytes: bytes.length - DATA_HEADER_BYTES });
  });
  fleet.start();
  t.ok(fleet.finish(3_600_000));
  t.equal(fleet.watch.runState, "complete");
  let most = 0;
  let inWindow = 0;
  for (let first = 0, next = 0; next < sent.length; next++) {
    const { at, bytes } = sent[next] as (typeof sent)[number];
    inWindow += bytes;
    for (; (sent[first]?.at ?? at) <= at - windowMs; first++) inWindow -= sent[first]?.bytes ?? 0;
    most = Math.max(most, inWindow);
  }
  const seconds = ((sent.at(-1)?.at ?? 0) - (sent[0]?.at ?? 0)) / 1000;
  const mean = sent.reduce((sum, { bytes }) => sum + bytes, 0) / seconds;
  t.comment(`at most ${most} bytes in a second, ${mean.toFixed(0)} on average`);
  // A session may begin with one block before its share has flowed in.
  t.ok(most <= bytesPerSecond * (windowMs / 1000) + 3 * blockBytes, `${most}`);
  t.ok(mean >= 0.95 * bytesPerSecond, `${mean}`);
});

t.test("a limit that is set while an AP serves holds at once", async (t) => {
  const fleet = checkedFleet({
    aps: 4,
    models: ["AIR-CAP3702I"],
    imageBytes: 1_000_000,
    sessionBytesPerSecond: 100_000,
    fastTransfer: true,
  });
  fleet.setUp();
  fleet.start();
  const [primary] = fleet.aps;
  t.ok(fleet.world.runUntil(() => primary?.openSessions === 3, fleet.world.now + 60_000));
  fleet.must({ type: "group-set", group: fleet.groupName, settings: { serveBytesPerSecondMax: 30_000 } });
  const startedAt = fleet.world.now;
  t.ok(fleet.finish(3_600_000));
  const seconds = (fleet.world.now - startedAt) / 1000;
  t.ok(seconds > 90, `3 MB at 30 kB/s: ${seconds.toFixed(0)} s`);
});
