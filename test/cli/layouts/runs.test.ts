import t from "tap";
import { runsText } from "../../../src/cli/layouts/runs.js";
import type { RunReport } from "../../../src/core/controller/operator/views.js";

const report = (id: number) => ({ id, state: "complete", group: "G", release: "primary", startedAt: 0, finishedAt: 1, aps: [] }) as unknown;
const reports = (count: number): RunReport[] => Array.from({ length: count }, (_, index) => report(100 - index) as RunReport);

t.test("reports say how to see the older ones, where there may be some", async (t) => {
  t.equal(runsText([], "show flexconnect reports"), "No run yet\n");
  t.notMatch(runsText(reports(19), "show flexconnect reports"), "Older runs");
  t.match(runsText(reports(20), "show flexconnect reports"), /\n\nOlder runs, if there are any: "show flexconnect reports before 81"\n$/);
});
