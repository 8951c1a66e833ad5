import t from "tap";
import { SmoothedRate } from "../../../../src/web/page/state/smoothed-rate.js";

t.test("a steady counter has its rate", async (t) => {
  const meter = new SmoothedRate();
  for (let second = 0; second <= 5; second++) meter.report(second * 1000, second * 1000);
  t.equal(meter.bytesPerSecond(5000), 1000);
});

t.test("reports in quick succession do not shake it", async (t) => {
  const meter = new SmoothedRate();
  meter.report(0, 0);
  meter.report(1000, 1000);
  meter.report(1400, 1010);
  t.equal(meter.bytesPerSecond(1010), 1000);
});

t.test("silence is no rate", async (t) => {
  const meter = new SmoothedRate();
  t.equal(meter.bytesPerSecond(0), 0);
  meter.report(0, 0);
  meter.report(1000, 1000);
  t.equal(meter.bytesPerSecond(6001), 0);
});

t.test("a new transfer starts again", async (t) => {
  const meter = new SmoothedRate();
  meter.report(5000, 0);
  meter.report(10_000, 1000);
  meter.report(100, 2000);
  t.equal(meter.bytesPerSecond(2000), 0);
  meter.report(600, 3000);
  t.equal(meter.bytesPerSecond(3000), 500);
});
