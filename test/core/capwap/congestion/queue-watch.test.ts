import t from "tap";
import { QueueWatch } from "../../../../src/core/capwap/congestion/queue-watch.js";

const minRttMs = 100;
const bytesPerMs = 1_250;

/** Samples every 10 ms for `forMs`. @returns when it is over */
function feed(watch: QueueWatch, from: number, forMs: number, queueMs: number): number {
  for (let at = from; at < from + forMs; at += 10) watch.onRtt(at, queueMs, minRttMs);
  return from + forMs;
}

t.test("free, neither, full", async (t) => {
  const watch = new QueueWatch();
  let now = feed(watch, 0, 200, 0);
  t.ok(watch.isFree);
  t.notOk(watch.isFull, "an empty queue is never full");
  now = feed(watch, now, 200, 50);
  t.ok(watch.isFull, "as long as any that was seen");
  now = feed(watch, now, 200, 20);
  t.notOk(watch.isFree);
  t.notOk(watch.isFull);
});

t.test("a process that slept is no queue", async (t) => {
  const watch = new QueueWatch();
  let now = feed(watch, 0, 200, 40);
  // What came meanwhile is read at once: each of it looks late, the oldest most.
  for (let each = 0; each < 20; each++) watch.onRtt(now, 200 - 10 * each, minRttMs);
  now = feed(watch, now + 1, 200, 40);
  t.ok(watch.isFull, "40 ms are still the longest");
});

t.test("loss in masses teaches how long the queue gets", async (t) => {
  const watch = new QueueWatch();
  let now = feed(watch, 0, 200, 150);
  now = feed(watch, now, 300, 45);
  t.notOk(watch.isFull);
  watch.learnFull(now);
  t.ok(watch.isFull);
});

t.test("the longest is forgotten", async (t) => {
  const watch = new QueueWatch();
  const now = feed(watch, 0, 200, 150);
  feed(watch, now, 25_000, 45);
  t.ok(watch.isFull);
});

t.test("contested is a queue that stays for ten rounds", async (t) => {
  const watch = new QueueWatch();
  let now = 0;
  for (let round = 0; round < 10; round++) {
    t.notOk(watch.isContested);
    now = feed(watch, now, 100, 30);
    watch.onRound(bytesPerMs);
  }
  t.ok(watch.isContested);
  watch.onRound(bytesPerMs);
  t.ok(watch.isContested, "a round without a sample says nothing");
  watch.onRtt(now, 1, minRttMs);
  watch.onRound(bytesPerMs);
  t.notOk(watch.isContested, "once empty, it was ours");
});

t.test("a few blocks of our own are no neighbour", async (t) => {
  const watch = new QueueWatch();
  const slow = 125;
  let now = 0;
  for (let round = 0; round < 20; round++) {
    now = feed(watch, now, 100, 60);
    watch.onRound(slow);
  }
  t.notOk(watch.isContested, "60 ms are five blocks there");
});
