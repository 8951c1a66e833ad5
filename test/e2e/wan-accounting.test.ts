/**
 * What the controller says that crossed the WAN, against a count between the sockets that knows nothing of flexup's: a relay
 * reads CAPWAP headers by itself. AP, model, group, run, report and CSV must say the same, whoever loses power meanwhile.
 */
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { endpointText, parseHostPort } from "../../src/base/endpoint.js";
import { apReady } from "../../src/daemon/ready.js";
import { type ApPlan, apsOf, Fleet, must, until } from "../support/fleet.js";
import { UdpRelay } from "../support/udp-relay.js";

const network = 80;
const group = "branch";
const mebibyte = 2 ** 20;

interface Count {
  /** UDP payload of Image Data messages, both ways. */
  wireBytes: number;
  /** Image bytes in those that went to the AP. */
  imageBytes: number;
}

/** RFC 5415 §4.3, §4.5.1, §4.6.26, and the blocks of docs/decisions/070. */
function imageDataIn(datagram: Buffer): number | undefined {
  const headerBytes = (datagram.readUInt8(1) >> 3) * 4;
  const isFragment = (datagram.readUInt8(3) & 0x80) !== 0;
  if (isFragment && datagram.readUInt16BE(4) >= 0x8000) {
    const isFirst = datagram.readUInt16BE(6) === 0;
    return datagram.length - headerBytes - (isFirst ? 32 : 0);
  }
  const type = datagram.readUInt32BE(headerBytes);
  if (type !== 15 && type !== 16) return undefined;
  let bytes = 0;
  for (let at = headerBytes + 8; at + 4 <= datagram.length; at += 4 + datagram.readUInt16BE(at + 2)) {
    if (datagram.readUInt16BE(at) === 24) bytes += datagram.readUInt16BE(at + 2) - 1;
  }
  return bytes;
}

/** Some APs of one model behind a relay that counts by AP. */
async function countedFleet(t: Test, apCount: number, imageBytes: number, ...apArgs: readonly string[]) {
  const relay = await UdpRelay.open(`127.${network}.2.1`);
  t.teardown(() => relay.close());
  const counts = new Map<string, Count>();
  relay.observe = (way, bytes, { address }) => {
    const image = imageDataIn(Buffer.from(bytes));
    if (image === undefined) return;
    const count = counts.get(address) ?? { wireBytes: 0, imageBytes: 0 };
    counts.set(address, count);
    count.wireBytes += bytes.length;
    if (way === "down") count.imageBytes += image;
  };
  const fleet = await Fleet.start(t, network);
  const { host, port } = parseHostPort(fleet.ready.capwap, 0) ?? { host: "", port: 0 };
  relay.server = { address: host, port };
  const overRelay = ["--controller", endpointText(relay.local), ...apArgs];
  const plans = apsOf("AIR-AP2802I", apCount);
  await fleet.join(plans, ...overRelay);
  await fleet.addImage("AIR-AP2802I", imageBytes);
  await fleet.group(group, plans);
  const countOf = (plan: ApPlan): Count => counts.get(fleet.address(plan)) ?? { wireBytes: 0, imageBytes: 0 };
  return { fleet, relay, countOf, plans, first: plans[0] as ApPlan, overRelay };
}

async function agrees(
  t: Test,
  { fleet, countOf, plans }: Pick<Awaited<ReturnType<typeof countedFleet>>, "fleet" | "countOf" | "plans">,
  imageBytes: number,
): Promise<void> {
  // Of the last acknowledgement too.
  await sleep(300);
  const { run, models } = await fleet.view(group);
  const [report] = must(await fleet.admin.order({ type: "show-runs", group }));
  let wanBytes = 0;
  let wanWireBytes = 0;
  for (const plan of plans) {
    const count = countOf(plan);
    const row = await fleet.row(plan.name);
    t.match(row, { wanBytes: count.imageBytes, wanWireBytes: count.wireBytes }, plan.name);
    t.match(
      report?.aps.find(({ mac }) => mac === row.mac),
      { wanBytes: count.imageBytes, wanWireBytes: count.wireBytes },
    );
    wanBytes += count.imageBytes;
    wanWireBytes += count.wireBytes;
  }
  const wanBytesSaved = Math.max(0, plans.length * imageBytes - wanBytes);
  t.match(models[0], { wanBytes, wanWireBytes }, "model");
  t.match(run, { wanBytes, wanWireBytes, wanBytesSaved, lanBytes: (plans.length - 1) * imageBytes }, "the group's run");
  t.match(report, { wanBytes, wanWireBytes, wanBytesSaved }, "report");
  t.comment(`${wanBytes} image bytes, ${wanWireBytes} on the wire, image ${imageBytes}`);
}

t.test("a clean line: overhead of at most 2 %", async (t) => {
  const imageBytes = 8 * mebibyte;
  const counted = await countedFleet(t, 3, imageBytes);
  const { fleet, countOf, first } = counted;
  // What a relay in a busy process forwards without losing any.
  must(await fleet.admin.order({ type: "group-wan", group, wan: { bytesPerSecondMax: 4 * mebibyte } }));
  await fleet.start(group);
  t.equal((await fleet.runOver(group)).run?.state, "complete");
  await agrees(t, counted, imageBytes);
  t.ok(countOf(first).wireBytes <= imageBytes * 1.02, `${countOf(first).wireBytes} bytes`);
});

t.test("an AP loses power in the middle, and what it had counted with it", async (t) => {
  const imageBytes = 8 * mebibyte;
  const counted = await countedFleet(t, 2, imageBytes);
  const { fleet, relay, first, overRelay } = counted;
  must(await fleet.admin.order({ type: "group-wan", group, wan: { bytesPerSecondMax: 4 * mebibyte } }));
  const before = relay.bytesDown;
  await fleet.start(group);
  await until("the moment", async () => relay.bytesDown - before > imageBytes / 2);
  await fleet.aps.get(first.name)?.kill();
  await fleet.startAp(first, ...overRelay).line(apReady);
  t.equal((await fleet.runOver(group)).run?.state, "complete");
  await agrees(t, counted, imageBytes);
});

t.test("the controller is killed: what it had counted for more than five seconds is stored", async (t) => {
  const imageBytes = 14 * mebibyte;
  const bytesPerSecond = 1.5 * mebibyte;
  const { fleet, relay, countOf, first } = await countedFleet(t, 1, imageBytes);
  must(await fleet.admin.order({ type: "group-wan", group, wan: { bytesPerSecondMax: bytesPerSecond } }));
  const before = relay.bytesDown;
  await fleet.start(group);
  await until("the moment", async () => relay.bytesDown - before > 0.9 * imageBytes);
  await fleet.controller.kill();
  await fleet.restartController();
  t.equal((await fleet.runOver(group)).run?.state, "complete");
  const { wanBytes, wanWireBytes } = await fleet.row(first.name);
  const { imageBytes: sent, wireBytes } = countOf(first);
  t.comment(`told ${wanBytes} and ${wanWireBytes}, counted ${sent} and ${wireBytes}`);
  t.ok(wanBytes >= imageBytes && wanBytes <= sent, "image bytes");
  t.ok(wanWireBytes <= wireBytes && wanWireBytes >= wireBytes - 5.5 * bytesPerSecond, "on the wire");
});

t.test("the RFC's stop-and-wait", async (t) => {
  const imageBytes = mebibyte / 4 + 1;
  const counted = await countedFleet(t, 1, imageBytes, "--no-fast-transfer");
  const { fleet, countOf, first } = counted;
  await fleet.start(group);
  t.equal((await fleet.runOver(group)).run?.state, "complete");
  t.equal(countOf(first).imageBytes, imageBytes, "each byte once");
  await agrees(t, counted, imageBytes);
});
