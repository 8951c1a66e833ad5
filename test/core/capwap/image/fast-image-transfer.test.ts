/** The two machines of the fast transfer over lines of every kind, in virtual time. The full grid is in test/long. */
import t from "tap";
import { RateCap } from "../../../../src/core/capwap/image/rate-cap.js";
import { CubicNeighbour } from "../../../support/cubic-neighbour.js";
import { type Cell, efficiencyTable, measure, resentFairly } from "../../../support/fast-grid.js";
import { Path, VirtualTransfer } from "../../../support/virtual-path.js";

const tenMegabit = { bitsPerSecond: 10e6, rttMs: 100 };
const pathBytes = (tenMegabit.bitsPerSecond / 8000) * tenMegabit.rttMs;

t.test("fills the line, and random loss costs about its share", async (t) => {
  const losses = [0, 0.001, 0.01, 0.05];
  const cells: Cell[] = [];
  for (const loss of losses) cells.push(measure({ ...tenMegabit, loss, queueShare: 2, seconds: 30 }));
  t.comment(efficiencyTable(cells));
  for (const cell of cells) {
    t.equal(cell.problem, undefined);
    t.ok(resentFairly(cell), `resent ${cell.blocksResent}, lost ${cell.blocksLost}`);
  }
  t.ok((cells[0]?.share ?? 0) >= 0.95, `without loss: ${cells[0]?.share}`);
  t.ok((cells[2]?.share ?? 0) >= 0.9, `1 % loss: ${cells[2]?.share}`);
  t.ok((cells[0]?.overheadShare ?? 1) <= 0.02, `overhead: ${cells[0]?.overheadShare}`);
});

t.test("works on short, long, slow and fast lines", async (t) => {
  for (const bitsPerSecond of [1e6, 100e6]) {
    for (const rttMs of [20, 300]) {
      for (const queueShare of [0.1, 2]) {
        const cell = measure({ bitsPerSecond, rttMs, loss: 0.01, queueShare, seconds: 3 });
        t.equal(cell.problem, undefined, cell.name);
      }
    }
  }
});

t.test("shares a line with a TCP neighbour", async (t) => {
  const lines = [
    { bitsPerSecond: 10e6, rttMs: 100, queueShares: [0.5, 1, 2, 4] },
    { bitsPerSecond: 50e6, rttMs: 40, queueShares: [1] },
    { bitsPerSecond: 10e6, rttMs: 20, queueShares: [2, 4] },
  ];
  for (const { bitsPerSecond, rttMs, queueShares } of lines) {
    for (const queueShare of queueShares) {
      for (const first of ["ours", "theirs"]) {
        const path = new Path({ bitsPerSecond, rttMs, loss: 0, queueBytes: (queueShare * bitsPerSecond * rttMs) / 8000 });
        const startOurs = () => new VirtualTransfer(path, { sizeBytes: 1e9 });
        const early = first === "ours" ? startOurs() : new CubicNeighbour(path);
        path.time.run(3_000);
        const ours = early instanceof VirtualTransfer ? early : startOurs();
        const theirs = early instanceof CubicNeighbour ? early : new CubicNeighbour(path);
        const before = { ours: ours.storedBytes, theirs: theirs.deliveredBytes };
        path.time.run(45_000);
        const capacity = 45 * (bitsPerSecond / 8);
        const shares = { ours: (ours.storedBytes - before.ours) / capacity, theirs: (theirs.deliveredBytes - before.theirs) / capacity };
        const name = `${bitsPerSecond / 1e6} Mbit/s, ${rttMs} ms, queue ${queueShare}, ${first} first`;
        t.ok(shares.ours >= 0.25 && shares.theirs >= 0.25, `${name}: ${JSON.stringify(shares)}`);
      }
    }
  }
});

t.test("takes fragments out of order and twice", async (t) => {
  const path = new Path({
    ...tenMegabit,
    loss: 0.01,
    queueBytes: pathBytes,
    quality: { duplication: 0.05, reordering: 0.05, reorderMsMax: 60 },
  });
  const transfer = new VirtualTransfer(path, { sizeBytes: 8_000_001 });
  path.time.run(120_000, () => transfer.done);
  t.same(transfer.sender.outcome, { type: "complete" });
  t.equal(transfer.wrong, 0);
  t.equal(transfer.storedBytes, 8_000_001);
});

t.test("outlives an outage of a minute", async (t) => {
  const path = new Path({ ...tenMegabit, loss: 0, queueBytes: pathBytes });
  const transfer = new VirtualTransfer(path, { sizeBytes: 10_000_000 });
  path.time.run(4_000);
  path.cut = true;
  path.time.run(60_000);
  const sentInOutage = transfer.sender.bytesSent;
  path.cut = false;
  path.time.run(30_000, () => transfer.done);
  t.same(transfer.sender.outcome, { type: "complete" });
  t.equal(transfer.wrong, 0);
  t.ok(transfer.seconds < 75, `took ${transfer.seconds} s`);
  t.ok(sentInOutage < 6_000_000, "a dead line is only probed");
});

t.test("gives up on a peer that is gone", async (t) => {
  const path = new Path({ ...tenMegabit, loss: 0, queueBytes: pathBytes });
  const transfer = new VirtualTransfer(path, { sizeBytes: 10_000_000 });
  path.time.run(2_000);
  path.cut = true;
  path.time.run(200_000);
  t.same(transfer.sender.outcome, { type: "silent" });
  t.ok(transfer.silent, "and so does the receiver");
});

t.test("continues from the byte that is stored", async (t) => {
  const sizeBytes = 5_000_003;
  const startOffset = 2_500_001;
  const path = new Path({ ...tenMegabit, loss: 0, queueBytes: 2 * pathBytes });
  const transfer = new VirtualTransfer(path, { sizeBytes, startOffset });
  path.time.run(60_000, () => transfer.done);
  t.same(transfer.sender.outcome, { type: "complete" });
  t.equal(transfer.wrong, 0);
  t.equal(transfer.storedBytes, sizeBytes);
  t.ok(transfer.sender.bytesSent <= (sizeBytes - startOffset) * 1.01, `sent ${transfer.sender.bytesSent}`);
});

t.test("a slow disk holds the sender back, and nothing is lost by it", async (t) => {
  const path = new Path({ ...tenMegabit, loss: 0, queueBytes: 4 * pathBytes });
  const transfer = new VirtualTransfer(path, { sizeBytes: 3_000_000, windowBytes: 200_000, diskMs: 400 });
  path.time.run(120_000, () => transfer.done);
  t.same(transfer.sender.outcome, { type: "complete" });
  t.equal(transfer.wrong, 0);
  t.ok(transfer.sender.bytesSent <= 3_000_000 * 1.02, `sent ${transfer.sender.bytesSent}`);
});

t.test("bytes leave the memory when they are on the disk", async (t) => {
  const path = new Path({ ...tenMegabit, loss: 0, queueBytes: pathBytes });
  const transfer = new VirtualTransfer(path, { sizeBytes: 20_000_000, windowBytes: 32 << 20 });
  let most = 0;
  path.time.run(60_000, () => {
    most = Math.max(most, transfer.receiver.memoryBytes);
    return transfer.done;
  });
  t.same(transfer.sender.outcome, { type: "complete" });
  t.ok(most <= 1 << 20, `${most} bytes for a disk that keeps up`);
});

t.test("all transfers together keep to the cap, and share it", async (t) => {
  const bytesPerSecond = 500_000;
  const path = new Path({ bitsPerSecond: 100e6, rttMs: 40, loss: 0, queueBytes: 1e6 });
  const cap = new RateCap(bytesPerSecond);
  const transfers = [1, 2, 3].map((transferId) => new VirtualTransfer(path, { sizeBytes: 1e8, caps: [cap], transferId }));
  const samples: number[] = [];
  for (let second = 0; second <= 40; second++) {
    samples.push(path.forward.counters.bytes + path.forward.counters.sent * 28);
    path.time.run(1_000);
  }
  for (let second = 0; second + 10 < samples.length; second++) {
    const rate = ((samples[second + 10] ?? 0) - (samples[second] ?? 0)) / 10;
    t.ok(rate <= bytesPerSecond * 1.02, `from second ${second}: ${rate}`);
    t.ok(second < 2 || rate >= bytesPerSecond * 0.97, `from second ${second}: ${rate}`);
  }
  const stored = transfers.map((transfer) => transfer.storedBytes);
  t.ok(Math.min(...stored) > Math.max(...stored) * 0.9, `fair: ${stored}`);
});

t.test("finds the largest datagram that the path takes", async (t) => {
  for (const [pathMax, expected] of [
    [1_472, 1_472],
    [1_440, 1_432],
    [9_000, 8_952],
    [700, 544],
  ] as const) {
    const path = new Path({ bitsPerSecond: 10e6, rttMs: 20, loss: 0, queueBytes: 1e6 });
    path.datagramBytesMax = pathMax;
    const transfer = new VirtualTransfer(path, { sizeBytes: 2_000_000, datagramBytesMax: 65_507 });
    path.time.run(60_000, () => transfer.done);
    t.same(transfer.sender.outcome, { type: "complete" }, `path of ${pathMax}`);
    t.equal(transfer.wrong, 0);
    t.equal(transfer.sender.datagramBytes, expected);
  }
});

t.test("tries the sizes of Ethernet in one go, before a router's answer to one can teach the kernel to fragment the next", async (t) => {
  const path = new Path({ ...tenMegabit, loss: 0, queueBytes: pathBytes });
  const sizes: number[] = [];
  const { carry } = path;
  path.carry = (link, payloadBytes, arrive) => {
    if (link === path.forward) sizes.push(payloadBytes);
    carry.call(path, link, payloadBytes, arrive);
  };
  new VirtualTransfer(path, { sizeBytes: 2_000_000 });
  t.same(sizes, [1_352, 1_392, 1_408, 1_432, 1_448, 1_472], "without a moment between them");
});

t.test("a refusal ends the transfer at once", async (t) => {
  const path = new Path({ ...tenMegabit, loss: 0, queueBytes: pathBytes });
  const transfer = new VirtualTransfer(path, { sizeBytes: 5_000_000, refuseAt: 1_000_000, refuseWith: 16 });
  path.time.run(60_000, () => transfer.done);
  t.same(transfer.sender.outcome, { type: "refused", resultCode: 16 });
  t.ok(transfer.sender.bytesSent < 1_600_000);
});
