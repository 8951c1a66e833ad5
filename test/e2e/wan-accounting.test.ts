/**
 * What the controller says that crossed the WAN, against a count between the sockets that knows nothing of flexup's: a relay
 * reads CAPWAP headers by itself. AP, model, group, run, report and CSV must say the same, whoever loses power meanwhile.
 */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { endpointText, parseHostPort } from "../../src/base/endpoint.js";
import { apReady } from "../../src/daemon/ready.js";
import { CpuWait } from "../support/cpu-wait.js";
import { type ApPlan, apsOf, Fleet, must, until } from "../support/fleet.js";
import { droppedAt } from "../support/udp-drops.js";
import { UdpRelay } from "../support/udp-relay.js";

const group = "branch";
const mebibyte = 2 ** 20;

interface Count {
  /** UDP payload of Image Data messages, both ways. */
  wireBytes: number;
  /** Image bytes in those that went to the AP. */
  imageBytes: number;
  /** Image bytes in those of them that were sent for the first time. */
  freshBytes: number;
}
const nothing: Count = { wireBytes: 0, imageBytes: 0, freshBytes: 0 };

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
  const fleet = await Fleet.start(t);
  const relay = await UdpRelay.open(`${fleet.network}.2.1`);
  t.teardown(() => relay.close());
  const counts = new Map<string, Count & { readonly seen: Set<string> }>();
  relay.observe = (way, bytes, { address }) => {
    const image = imageDataIn(Buffer.from(bytes));
    if (image === undefined) return;
    const count = counts.get(address) ?? { ...nothing, seen: new Set() };
    counts.set(address, count);
    count.wireBytes += bytes.length;
    if (way !== "down") return;
    count.imageBytes += image;
    const digest = createHash("sha256").update(bytes).digest("base64");
    if (!count.seen.has(digest)) count.freshBytes += image;
    count.seen.add(digest);
  };
  const { host, port } = parseHostPort(fleet.ready.capwap, 0) ?? { host: "", port: 0 };
  relay.server = { address: host, port };
  const overRelay = ["--controller", endpointText(relay.local), ...apArgs];
  const plans = apsOf("AIR-AP2802I", apCount);
  await fleet.join(plans, ...overRelay);
  await fleet.addImage("AIR-AP2802I", imageBytes);
  await fleet.group(group, plans);
  const countOf = (plan: ApPlan): Count => counts.get(fleet.address(plan)) ?? nothing;
  return { fleet, relay, countOf, plans, first: plans[0] as ApPlan, overRelay };
}

type CountedFleet = Awaited<ReturnType<typeof countedFleet>>;

/** By how many bytes the relay may be off: what got lost before it or behind it for want of a CPU. None on a machine that keeps up. */
const doubtOf = ({ fleet: { network } }: CountedFleet): number => datagramBytesMax * droppedAt(`${network}.2.`, `${network}.255.`);
const datagramBytesMax = 65_507;

/** Everything that contradicts the count or itself; the last acknowledgement may still be on its way. */
async function contradictions(counted: CountedFleet, imageBytes: number): Promise<string[]> {
  const { fleet, countOf, plans } = counted;
  const { run, models } = await fleet.view(group);
  const [report] = must(await fleet.admin.order({ type: "show-runs", group }));
  const rows = await fleet.rows();
  const doubt = doubtOf(counted);
  const found: string[] = [];
  const sum = { wanBytes: 0, wanWireBytes: 0 };
  const same = (what: string, told: object | null | undefined, due: Readonly<Record<string, number>>, doubt = 0): void => {
    for (const [name, bytes] of Object.entries(due)) {
      const said = (told as Record<string, number> | undefined)?.[name] ?? Number.NaN;
      if (!(Math.abs(said - bytes) <= doubt)) found.push(`${what}: ${name} is ${said} and not ${bytes}, give or take ${doubt}`);
    }
  };
  for (const plan of plans) {
    const { wireBytes, imageBytes } = countOf(plan);
    const row = rows.find(({ name }) => name === plan.name);
    same(plan.name, row, { wanBytes: imageBytes, wanWireBytes: wireBytes }, doubt);
    const { wanBytes = Number.NaN, wanWireBytes = Number.NaN } = row ?? {};
    const reported = report?.aps.find(({ mac }) => mac === plan.mac);
    same(`${plan.name} in the report`, reported, { wanBytes, wanWireBytes });
    sum.wanBytes += wanBytes;
    sum.wanWireBytes += wanWireBytes;
  }
  const wanBytesSaved = Math.max(0, plans.length * imageBytes - sum.wanBytes);
  same("model", models[0], sum);
  same("the group's run", run, { ...sum, wanBytesSaved, lanBytes: (plans.length - 1) * imageBytes });
  same("report", report, { ...sum, wanBytesSaved });
  return found;
}

async function agrees(t: Test, counted: CountedFleet, imageBytes: number): Promise<void> {
  let found = await contradictions(counted, imageBytes);
  for (let tries = 0; found.length > 0 && tries < 50; tries++) {
    await sleep(100);
    found = await contradictions(counted, imageBytes);
  }
  t.same(found, []);
  const { wireBytes, imageBytes: sent } = counted.countOf(counted.first);
  t.comment(`${sent} image bytes to the first, ${wireBytes} on the wire, image ${imageBytes}, ${doubtOf(counted)} in doubt`);
}

/** Most of the time these wait, each in a network of its own. */
t.jobs = 2;

t.test("a clean line: overhead of at most 2 %", async (t) => {
  const imageBytes = 8 * mebibyte;
  const counted = await countedFleet(t, 3, imageBytes);
  const { fleet, countOf, first } = counted;
  const cpuWait = new CpuWait([fleet.controller.pid, fleet.aps.get(first.name)?.pid ?? process.pid]);
  // What a relay in a busy process forwards without losing any.
  must(await fleet.admin.order({ type: "group-wan", group, wan: { bytesPerSecondMax: 4 * mebibyte } }));
  await fleet.start(group);
  t.equal((await fleet.runOver(group)).run?.state, "complete");
  await agrees(t, counted, imageBytes);
  // Who gets no CPU loses datagrams, and they are sent again.
  const { wireBytes } = countOf(first);
  cpuWait.judge(t, wireBytes <= imageBytes * 1.02, `${wireBytes} bytes`);
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
  const counted = await countedFleet(t, 1, imageBytes);
  const { fleet, relay, countOf, first } = counted;
  const cpuWait = new CpuWait([fleet.controller.pid]);
  must(await fleet.admin.order({ type: "group-wan", group, wan: { bytesPerSecondMax: bytesPerSecond } }));
  const before = relay.bytesDown;
  await fleet.start(group);
  await until("the moment", async () => relay.bytesDown - before > 0.9 * imageBytes);
  cpuWait.end();
  await fleet.controller.kill();
  const { wireBytes: wireBytesThen } = countOf(first);
  await fleet.restartController();
  t.equal((await fleet.runOver(group)).run?.state, "complete");
  const { wanBytes, wanWireBytes } = await fleet.row(first.name);
  const { imageBytes: sent, wireBytes } = countOf(first);
  t.comment(`told ${wanBytes} and ${wanWireBytes}, counted ${sent} and ${wireBytes}`);
  const doubt = doubtOf(counted);
  t.ok(wanBytes >= imageBytes && wanBytes <= sent + doubt, "image bytes");
  t.ok(wanWireBytes <= wireBytes + doubt && wanWireBytes > wireBytes - wireBytesThen, "something of what went before is known");
  cpuWait.judge(t, wanWireBytes >= wireBytes - 5.5 * bytesPerSecond - doubt, "all but five seconds of it");
});

t.test("the RFC's stop-and-wait", async (t) => {
  const imageBytes = mebibyte / 4 + 1;
  const counted = await countedFleet(t, 1, imageBytes, "--no-fast-transfer");
  const { fleet, countOf, first } = counted;
  await fleet.start(group);
  t.equal((await fleet.runOver(group)).run?.state, "complete");
  t.equal(countOf(first).freshBytes, imageBytes, "each byte once, whatever is repeated for want of an answer");
  await agrees(t, counted, imageBytes);
});
