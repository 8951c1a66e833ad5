import t from "tap";
import { Prng } from "../../../src/base/prng.js";
import { drawBackoffMs } from "../../../src/core/upgrade/backoff.js";
import fc from "../../support/properties.js";

t.test("whole milliseconds in (min, max]", async () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 3_600_000 }), fc.nat(3_600_000), (seed, minMs, spanMs) => {
      const random = new Prng(seed);
      for (let draw = 0; draw < 20; draw++) {
        const waitMs = drawBackoffMs(random, minMs, minMs + spanMs + 1);
        if (!Number.isInteger(waitMs) || waitMs <= minMs || waitMs > minMs + spanMs + 1) return false;
      }
      return true;
    }),
  );
});

t.test("the draws spread over the whole range", async (t) => {
  const random = new Prng(7);
  const draws = Array.from({ length: 4000 }, () => drawBackoffMs(random, 100_000, 300_000));
  for (let tenth = 0; tenth < 10; tenth++) {
    const from = 100_000 + tenth * 20_000;
    const share = draws.filter((wait) => wait > from && wait <= from + 20_000).length;
    t.ok(share > 320 && share < 480, `${share} of 4000 draws above ${from} ms`);
  }
});
