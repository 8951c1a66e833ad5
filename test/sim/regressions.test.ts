/** Runs that once broke a rule or a promise; each file of fixtures/runs says what happened. `npm run sim -- --drawn --json --seed N` prints a run. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { type FleetRun, runFleet } from "../../src/sim/run-fleet.js";

const folder = fileURLToPath(new URL("../../../fixtures/runs/", import.meta.url));

for (const name of readdirSync(folder)) {
  const { why, run } = JSON.parse(readFileSync(join(folder, name), "utf8")) as { readonly why: string; readonly run: FleetRun };
  t.test(name, async (t) => t.same(runFleet(run).faults, [], why));
}
