/**
 * What the controller says that crossed the WAN, against a count between the sockets that knows nothing of flexup's: a relay
 * reads CAPWAP headers by itself. AP, model, group, run, report and CSV must say the same, whoever loses power meanwhile.
 */
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { endpointText, parseHostPort } from "../../src/base/endpoint.js";
import { Branch, must } from "../support/branch.js";
import { UdpRelay } from "../support/udp-relay.js";

const net = 80;
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

/** A branch behind a relay that counts by AP. */
async function countedBranch(t: Test, apCount: number, imageBytes: number, apArgs: readonly string[] = []) {
  const relay = await UdpRelay.open(`127.${net}.2.1`);
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
  const branch = await Branch.start(t, {
    net,
    apCount,
    imageBytes,
    apArgs: () => ["--controller", endpointText(relay.local), ...apArgs],
    onController: (capwap) => {
      const { host, port } = parseHostPort(capwap, 0) ?? { host: "", port: 0 };
      relay.server = { address: host, port };
    },
  });
  const countOf = (number: number): Count => counts.get(`127.${net}.0.${number}`) ?? { wireBytes: 0, imageBytes: 0 };
  return { branch, relay, countOf };
}

async function agrees(t: Test, branch: Branch, countOf: (number: number) => Count, apCount: number, imageBytes: number): Promise<void> {
  // Of the last acknowledgement too.
  await sleep(300);
  const { run, models } = await branch.group();
  const [report] = must(await branch.admin.order({ type: "show-runs", group: "branch" }));
  let wanBytes = 0;
  let wanWireBytes = 0;
  for (let number = 1; number <= apCount; number++) {
    const count = countOf(number);
    const row = await branch.row(number);
    t.match(row, { wanBytes: count.imageBytes, wanWireBytes: count.wireBytes }, `AP ${number}`);
    t.match(
      report?.aps.find(({ mac }) => mac === row.mac),
      { wanBytes: count.imageBytes, wanWireBytes: count.wireBytes },
    );
    wanBytes += count.imageBytes;
    wanWireBytes += count.wireBytes;
  }
  const wanBytesSaved = Math.max(0, apCount * imageBytes - wanBytes);
  t.match(models[0], { wanBytes, wanWireBytes }, "model");
  t.match(run, { wanBytes, wanWireBytes, wanBytesSaved, lanBytes: (apCount - 1) * imageBytes }, "the group's run");
  t.match(report, { wanBytes, wanWireBytes, wanBytesSaved }, "report");
  t.comment(`${wanBytes} image bytes, ${wanWireBytes} on the wire, image ${imageBytes}`);
}

t.test("a clean line: overhead of at most 2 %", async (t) => {
  const imageBytes = 8 * mebibyte;
  const { branch, countOf } = await countedBranch(t, 3, imageBytes);
  await branch.startRun();
  t.equal((await branch.runEnd()).run?.state, "complete");
  await agrees(t, branch, countOf, 3, imageBytes);
  t.ok(countOf(1).wireBytes <= imageBytes * 1.02, `${countOf(1).wireBytes} bytes`);
});

t.test("an AP loses power in the middle, and what it had counted with it", async (t) => {
  const imageBytes = 8 * mebibyte;
  const { branch, relay, countOf } = await countedBranch(t, 2, imageBytes);
  must(await branch.admin.order({ type: "group-wan", group: "branch", wan: { bytesPerSecondMax: 4 * mebibyte } }));
  const before = relay.bytesDown;
  await branch.startRun();
  await branch.until("the moment", async () => relay.bytesDown - before > imageBytes / 2);
  await branch.aps.get(1)?.kill();
  await branch.startAp(1);
  t.equal((await branch.runEnd()).run?.state, "complete");
  await agrees(t, branch, countOf, 2, imageBytes);
});

t.test("the controller is killed: what it had counted for more than five seconds is stored", async (t) => {
  const imageBytes = 14 * mebibyte;
  const bytesPerSecond = 1.5 * mebibyte;
  const { branch, relay, countOf } = await countedBranch(t, 1, imageBytes);
  must(await branch.admin.order({ type: "group-wan", group: "branch", wan: { bytesPerSecondMax: bytesPerSecond } }));
  const before = relay.bytesDown;
  await branch.startRun();
  await branch.until("the moment", async () => relay.bytesDown - before > 0.9 * imageBytes);
  await branch.controller.kill();
  await branch.startController();
  t.equal((await branch.runEnd()).run?.state, "complete");
  const { wanBytes, wanWireBytes } = await branch.row(1);
  const { imageBytes: sent, wireBytes } = countOf(1);
  t.comment(`told ${wanBytes} and ${wanWireBytes}, counted ${sent} and ${wireBytes}`);
  t.ok(wanBytes >= imageBytes && wanBytes <= sent, "image bytes");
  t.ok(wanWireBytes <= wireBytes && wanWireBytes >= wireBytes - 5.5 * bytesPerSecond, "on the wire");
});

t.test("the RFC's stop-and-wait", async (t) => {
  const imageBytes = mebibyte / 4 + 1;
  const { branch, countOf } = await countedBranch(t, 1, imageBytes, ["--no-fast-transfer"]);
  await branch.startRun();
  t.equal((await branch.runEnd()).run?.state, "complete");
  t.equal(countOf(1).imageBytes, imageBytes, "each byte once");
  await agrees(t, branch, countOf, 1, imageBytes);
});
