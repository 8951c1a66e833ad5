/** Expected figures: a published analysis of the same rules (3 slots, back-off 100 to 300 s, 44 back-offs), mean of 400 to 2,000 rounds. */
import t from "tap";
import { forecastLanPhase, type LanPhase } from "../../../src/core/upgrade/forecast.js";

const phase = (aps: number, transferSeconds: number, retryCountMax = 44): LanPhase => ({
  subordinates: aps - 1,
  sessionsMax: 3,
  lanTransferSeconds: transferSeconds,
  wanTransferSeconds: transferSeconds,
  wanTransfersAtFullSpeed: Number.POSITIVE_INFINITY,
  backoffSecondsMin: 100,
  backoffSecondsMax: 300,
  retryCountMax,
});

const expected = [
  { aps: 10, transferSeconds: 30, seconds: 322, fallbacks: 0 },
  { aps: 25, transferSeconds: 120, seconds: 1266, fallbacks: 0 },
  { aps: 50, transferSeconds: 600, seconds: 9698, fallbacks: 3.3 },
  { aps: 100, transferSeconds: 600, seconds: 10223, fallbacks: 50.35 },
];
for (const { aps, transferSeconds, seconds, fallbacks } of expected) {
  t.test(`${aps} APs, ${transferSeconds} s a transfer`, async (t) => {
    const forecast = forecastLanPhase(phase(aps, transferSeconds));
    t.ok(Math.abs(forecast.seconds - seconds) / seconds < 0.06, `${forecast.seconds} s for ${seconds} s`);
    t.ok(Math.abs(forecast.fallbacks - fallbacks) <= 1, `${forecast.fallbacks} fallbacks for ${fallbacks}`);
  });
}

t.test("few tries burn the WAN", async (t) => {
  const forecast = forecastLanPhase(phase(100, 30, 1));
  t.ok(Math.abs(forecast.fallbacks - 76.5) < 2, `${forecast.fallbacks}`);
});

t.test("nobody to serve takes no time", async (t) => {
  t.same(forecastLanPhase(phase(1, 30)), { seconds: 0, fallbacks: 0 });
});

t.test("the same question has the same answer", async (t) => {
  t.same(forecastLanPhase(phase(25, 30)), forecastLanPhase(phase(25, 30)));
});
