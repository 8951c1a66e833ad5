import t from "tap";
import { Rate } from "../../../src/core/tftp/rate.js";

/** An Instant of our day: its steps are a quarter of a microsecond. */
const now = 1_767_225_600_000;

t.test("a bucket fills at its rate up to its burst", async (t) => {
  const rate = new Rate(1000, 100);
  t.equal(rate.available(now), 100);
  rate.take(100);
  t.equal(rate.available(now + 50), 50);
  t.equal(rate.availableAt(now + 50, 80), now + 80);
  t.equal(rate.available(now + 10_000), 100);
});

t.test("who waits for tokens has them after as many waits as it takes, and no wait is void", async (t) => {
  const rate = new Rate(4_000_000 / 600, 1428);
  let at = now;
  for (let block = 0; block < 1000; block++) {
    rate.available(at);
    rate.take(1428);
    for (let due = rate.availableAt(at, 1428); due > at; due = rate.availableAt(at, 1428)) at = due;
    if (rate.available(at) < 1428) t.fail(`block ${block}: told to continue without tokens`);
  }
  t.ok(at - now > 214_000 && at - now < 215_500, `${at - now} ms for 1000 blocks`);
});

t.test("a wait too short for the clock is a millisecond", async (t) => {
  const rate = new Rate(1e9, 1000);
  rate.available(now);
  rate.take(1e-4);
  t.equal(rate.availableAt(now, 1000), now + 1);
});
