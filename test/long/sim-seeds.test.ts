/** Thousands of runs drawn from their seeds. `FLEXUP_SEED` moves the start, `FLEXUP_SEEDS` sets how many. */
import t from "tap";
import { drawRun, runFleet } from "../../src/sim/run-fleet.js";

const first = Number(process.env["FLEXUP_SEED"] ?? 1);
const count = Number(process.env["FLEXUP_SEEDS"] ?? 2000);

t.test(
  "runs drawn from seeds keep every rule",
  { skip: process.env["FLEXUP_LONG"] !== "1" && "npm run test:long", timeout: 3_600_000 },
  async (t) => {
    for (let seed = first; seed < first + count; seed++) {
      const { faults } = runFleet(drawRun(seed));
      if (faults.length > 0) t.fail(`seed ${seed}: ${faults.join("; ")}`);
    }
    t.pass(`${count} seeds from ${first}`);
  },
);
