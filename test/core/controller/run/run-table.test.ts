/** What is kept of finished runs, and for how long. */
import t from "tap";
import { limits } from "../../../../src/core/upgrade/limits.js";
import { branch, type ControllerLab, mac, start } from "../../../support/controller-lab.js";

const runRows = (lab: ControllerLab): string[] => lab.records.flatMap(({ key }) => (/^(?:run|member)\//.test(key) ? [key] : []));

/** As many finished runs of an AP outside all groups as are kept. */
function fillWithRuns(lab: ControllerLab, number: number): void {
  for (let run = 0; run < limits.runsKept; run++) {
    lab.do({ type: "ap-predownload", ap: mac(number), release: "primary" });
    lab.report(number, "complete", { path: "wan", wanBytes: 1000 });
  }
}

t.test("a run that was forgotten stays so, whatever its APs still say of it", async (t) => {
  const lab = branch(2);
  lab.join({ number: 3 });
  lab.do(start);
  lab.report(1, "complete", { path: "wan", wanBytes: 1000 });
  lab.report(2, "complete", { path: "lan", lanBytes: 1000 });
  lab.do({ type: "group-ap-delete", group: "G", mac: mac(1) });
  lab.do(start);
  lab.report(2, "complete", { path: "wan", wanBytes: 1000 });
  fillWithRuns(lab, 3);
  const isOfFirst = (key: string): boolean => key === "run/1" || key.startsWith("member/1/");
  t.notOk(runRows(lab).some(isOfFirst));
  lab.serves(1, 2);
  lab.domain.wanCarried(lab.now, mac(1), 100, 90);
  lab.pass(10_000);
  t.notOk(runRows(lab).some(isOfFirst), "the store does not grow by rows that nobody reads");
});

t.test("runs of groups that are gone are forgotten like any other", async (t) => {
  const lab = branch(1);
  for (let run = 0; run < limits.runsKept + 10; run++) {
    const group = `G${run}`;
    lab.do({ type: "group-ap-delete", group: run === 0 ? "G" : `G${run - 1}`, mac: mac(1) });
    if (run > 0) lab.do({ type: "group-delete", group: `G${run - 1}` });
    lab.do({ type: "group-add", group });
    lab.do({ type: "group-predownload", group, enabled: true });
    lab.do({ type: "group-ap-add", group, mac: mac(1) });
    lab.do({ type: "group-start", group, release: "primary" });
    lab.report(1, "complete", { path: "wan", wanBytes: 1000 });
  }
  t.equal(lab.do({ type: "show-run-summary" }).length, limits.runsKept);
  t.equal(lab.group(`G${limits.runsKept + 9}`).run?.state, "complete");
});
