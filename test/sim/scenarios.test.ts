/** Plays every text of fixtures/scenarios. `FLEXUP_REWRITE=1` writes down what the code does now: read the difference before it is committed. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { playScenario } from "../../src/sim/scenario.js";

const folder = fileURLToPath(new URL("../../../fixtures/scenarios/", import.meta.url));

for (const name of readdirSync(folder)) {
  t.test(name, async (t) => {
    const expected = readFileSync(join(folder, name), "utf8");
    const played = playScenario(expected);
    if (process.env["FLEXUP_REWRITE"] === "1") writeFileSync(join(folder, name), played);
    else t.equal(played, expected);
  });
}
