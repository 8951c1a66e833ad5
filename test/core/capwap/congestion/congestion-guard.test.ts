import t from "tap";
import { CongestionGuard } from "../../../../src/core/capwap/congestion/congestion-guard.js";

const minRttMs = 100;
const bytesPerMs = 1_000;
const segment = 1_448;

/** One round trip of ten acknowledgements. @returns its verdict */
function round(guard: CongestionGuard, at: number, facts: { queueMs: number; lostBlocks?: number; startup?: boolean }) {
  const { queueMs, lostBlocks = 0, startup = false } = facts;
  const inFlight = bytesPerMs * (minRttMs + queueMs);
  for (let each = 0; each < 10; each++) {
    guard.onRtt(at + 10 * each, minRttMs + queueMs, minRttMs);
    guard.onAck(10 * segment, each === 9 ? lostBlocks * segment : 0, inFlight);
  }
  return guard.onRound(at + 100, bytesPerMs, startup);
}

/** @returns the instant after `count` rounds */
function rounds(guard: CongestionGuard, from: number, count: number, facts: Parameters<typeof round>[2]): number {
  for (let each = 0; each < count; each++) round(guard, from + 100 * each, facts);
  return from + 100 * count;
}

t.test("loss without a queue costs nothing", async (t) => {
  const guard = new CongestionGuard();
  rounds(guard, 0, 50, { queueMs: 0, lostBlocks: 5 });
  t.equal(guard.boundBytes, Number.POSITIVE_INFINITY);
});

t.test("loss in a full queue cuts the bound to 0.7 of what was in flight, once", async (t) => {
  const guard = new CongestionGuard();
  let now = rounds(guard, 0, 5, { queueMs: 0 });
  now = rounds(guard, now, 3, { queueMs: 80 });
  t.ok(round(guard, now, { queueMs: 80, lostBlocks: 1 }).overflowed);
  t.equal(Math.round(guard.boundBytes), 0.7 * bytesPerMs * 180);
  const cut = guard.boundBytes;
  t.notOk(round(guard, now + 100, { queueMs: 80, lostBlocks: 4 }).overflowed, "these were on their way before the cut");
  t.ok(guard.boundBytes >= cut);
});

t.test("the bound grows back along CUBIC's curve", async (t) => {
  const guard = new CongestionGuard();
  let now = rounds(guard, 0, 5, { queueMs: 0 });
  now = rounds(guard, now, 3, { queueMs: 80 });
  round(guard, now, { queueMs: 80, lostBlocks: 1 });
  const peak = bytesPerMs * 180;
  // K = cbrt(W (1 − 0.7) / 0.4) is 4.5 s for 124 segments (RFC 9438 §4.2).
  now = rounds(guard, now + 100, 44, { queueMs: 30 });
  t.ok(guard.boundBytes > 0.95 * peak && guard.boundBytes < 1.1 * peak, `${guard.boundBytes} of ${peak}`);
});

t.test("on a lossy line only what is lost beyond the usual counts", async (t) => {
  const guard = new CongestionGuard();
  let now = rounds(guard, 0, 60, { queueMs: 0, lostBlocks: 3 });
  now = rounds(guard, now, 1, { queueMs: 20 });
  t.notOk(round(guard, now, { queueMs: 20, lostBlocks: 4 }).overflowed);
  t.ok(round(guard, now + 100, { queueMs: 20, lostBlocks: 12 }).overflowed);
});

t.test("loss in masses always counts, whatever queue was seen before", async (t) => {
  const guard = new CongestionGuard();
  let now = rounds(guard, 0, 3, { queueMs: 400 });
  now = rounds(guard, now, 3, { queueMs: 50 });
  t.ok(round(guard, now, { queueMs: 50, lostBlocks: 30 }).overflowed);
  const after = rounds(guard, now + 100, 2, { queueMs: 50 });
  t.ok(round(guard, after, { queueMs: 50, lostBlocks: 1 }).overflowed, "and the queue is known from then on");
});

t.test("beside others a queue at its longest is a reason to give way, once each time the bound has grown back", async (t) => {
  const guard = new CongestionGuard();
  let now = rounds(guard, 0, 9, { queueMs: 60 });
  t.notOk(guard.contested);
  now = rounds(guard, now, 1, { queueMs: 60 });
  t.ok(guard.contested);
  const peak = bytesPerMs * 160;
  t.equal(Math.round(guard.boundBytes), 0.7 * peak);
  now = rounds(guard, now, 10, { queueMs: 60 });
  t.ok(guard.boundBytes > 0.7 * peak && guard.boundBytes <= peak, "no second cut before that");
  let cuts = 0;
  for (let each = 0, before = guard.boundBytes; each < 100; each++, before = guard.boundBytes) {
    round(guard, now + 100 * each, { queueMs: 60 });
    if (guard.boundBytes < before) cuts++;
  }
  t.ok(cuts >= 1 && cuts <= 6, `${cuts} cuts in ten seconds`);
});

t.test("alone, a queue at its longest is none", async (t) => {
  const guard = new CongestionGuard();
  let now = 0;
  for (let cycle = 0; cycle < 10; cycle++) {
    now = rounds(guard, now, 4, { queueMs: 60 });
    now = rounds(guard, now, 1, { queueMs: 0 });
  }
  t.notOk(guard.contested);
  t.equal(guard.boundBytes, Number.POSITIVE_INFINITY);
});
