import t from "tap";
import { RateMeter } from "../../../src/core/upgrade/rate-meter.js";

t.test("rate and time left of a steady transfer, within 20 % after a quarter", async (t) => {
  const meter = new RateMeter();
  const bytesTotal = 40_000_000;
  const bytesPerMs = 1_000;
  for (let now = 0; now <= 40_000; now += 1_000) {
    // Reports come a little early or late; their counts are of their own moment.
    const at = now + (now % 3_000 === 0 ? 150 : 0);
    meter.note(at, at * bytesPerMs);
    if (now < 10_000 || now > 39_000) continue;
    const secondsLeft = meter.secondsLeft(at, bytesTotal) ?? Number.NaN;
    const truth = (bytesTotal / bytesPerMs - at) / 1000;
    t.ok(Math.abs(secondsLeft - truth) <= Math.max(1, 0.2 * truth), `${secondsLeft} s left, truly ${truth}`);
  }
  t.ok(Math.abs((meter.bytesPerSecond(40_000) ?? 0) - 1_000_000) < 10_000);
});

t.test("nothing is guessed from one count, and a restart begins again", async (t) => {
  const meter = new RateMeter();
  t.equal(meter.bytesPerSecond(0), null);
  meter.note(0, 500);
  t.equal(meter.secondsLeft(100, 1000), null);
  meter.note(1_000, 900);
  t.equal(meter.bytesPerSecond(1_000), 400);
  meter.note(2_000, 100);
  t.equal(meter.bytesPerSecond(2_000), null);
});

t.test("a stalled transfer slows down to nothing", async (t) => {
  const meter = new RateMeter();
  meter.note(0, 0);
  meter.note(1_000, 1_000);
  t.equal(meter.bytesPerSecond(5_000), 1_000);
  t.equal(meter.bytesPerSecond(100_000), 10);
});

t.test("a rate follows a change within its window", async (t) => {
  const meter = new RateMeter();
  for (let now = 0; now <= 20_000; now += 100) meter.note(now, now);
  for (let now = 20_100; now <= 35_000; now += 100) meter.note(now, 20_000 + 3 * (now - 20_000));
  const rate = meter.bytesPerSecond(35_000) ?? 0;
  t.ok(rate > 2_700 && rate <= 3_050, `${rate} bytes a second`);
});
