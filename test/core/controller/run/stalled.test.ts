/** An AP that reports but gets no further: its order ends, so that no run lasts for ever. */
import t from "tap";
import { labTimings } from "../../../../src/core/controller/timings.js";
import { branch, type ControllerLab, servingBranch, start } from "../../../support/controller-lab.js";

/** The AP reports the same bytes again and again until it is stopped, or for that long. */
function stuck(lab: ControllerLab, number: number, path: "wan" | "lan", ms: number): void {
  for (let waited = 0; waited < ms && !lab.told.some(({ command }) => command.type === "abort"); waited += 500) {
    lab.report(number, "fetching", { path, bytesDone: 62, [`${path}Bytes`]: 62 });
    lab.pass(500);
  }
}
const patienceMs = 2 * labTimings.silenceMs;

t.test("a subordinate: reminded, stopped and ordered again, three times", async (t) => {
  const lab = servingBranch(2);
  t.same(lab.takeTold(), ["2 subordinate from 10.0.0.1"]);
  stuck(lab, 2, "lan", labTimings.silenceMs + 1_000);
  t.same(lab.takeTold(), ["2 subordinate from 10.0.0.1"], "reminded");
  stuck(lab, 2, "lan", patienceMs);
  t.same(lab.takeTold(), ["2 abort"]);
  lab.report(2, "aborted", { path: "lan", lanBytes: 62 });
  t.same(lab.takeTold(), [], "that is the order before");
  lab.pass(labTimings.resyncMs);
  t.same(lab.takeTold(), ["2 subordinate from 10.0.0.1"]);
  for (const _ of [2, 3]) {
    stuck(lab, 2, "lan", 2 * patienceMs);
    t.equal(lab.takeTold().at(-1), "2 abort");
    lab.pass(labTimings.resyncMs);
  }
  t.match(lab.row(2), { status: "Failed", failureReason: "transfer-timeout" });
  t.match(lab.group().run, { state: "partial" });
  t.match(lab.do({ type: "show-runs", group: "G" })[0]?.aps[1]?.detail, /got no further for 40 s/);
});

t.test("slow is not stuck", async (t) => {
  const lab = servingBranch(2);
  lab.takeTold();
  for (let lanBytes = 1; lanBytes < 20; lanBytes++) {
    lab.report(2, "fetching", { path: "lan", bytesDone: lanBytes, lanBytes });
    lab.pass(labTimings.silenceMs - 1);
  }
  t.same(lab.takeTold(), []);
});

t.test("a back-off is not stuck, however long; a wait that never ends is", async (t) => {
  const lab = servingBranch(2);
  lab.takeTold();
  const wait = () => lab.report(2, "waiting", { path: "lan", tries: 1, nextRetryMs: 600_000, reason: "primary-busy" });
  for (let waited = 0; waited < 600_000; waited += 10_000) {
    wait();
    lab.pass(10_000);
  }
  t.same(lab.takeTold(), []);
  for (let waited = 0; waited < patienceMs + 10_000; waited += 2_000) {
    wait();
    lab.pass(2_000);
  }
  t.same(lab.takeTold(), ["2 subordinate from 10.0.0.1", "2 abort", "2 subordinate from 10.0.0.1"]);
});

t.test("a primary: the next AP follows", async (t) => {
  const lab = branch(2);
  lab.do(start);
  lab.takeTold();
  stuck(lab, 1, "wan", 2 * patienceMs);
  t.same(lab.takeTold(), ["1 primary", "1 abort", "2 primary"]);
  lab.report(1, "aborted", { path: "wan", wanBytes: 62 });
  lab.report(2, "complete", { path: "wan", wanBytes: 1000 });
  t.same(lab.takeTold(), ["1 subordinate from 10.0.0.2"]);
});

t.test("the only candidate is tried again", async (t) => {
  const lab = branch(1);
  lab.do(start);
  lab.takeTold();
  stuck(lab, 1, "wan", 2 * patienceMs);
  t.same(lab.takeTold(), ["1 primary", "1 abort"]);
  lab.report(1, "fetching", { path: "wan", wanBytes: 62 });
  lab.report(1, "aborted", { path: "wan", wanBytes: 62 });
  t.same(lab.takeTold(), [], "reports of the aborted order");
  lab.pass(labTimings.resyncMs);
  t.same(lab.takeTold(), ["1 primary"]);
});
