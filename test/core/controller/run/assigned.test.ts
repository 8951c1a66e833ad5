/** The `assigned` distribution: the controller releases a subordinate when the primary has a slot for it. */
import t from "tap";
import { branch, start } from "../../../support/controller-lab.js";

function assignedBranch(aps: number) {
  const lab = branch(aps);
  lab.do({ type: "group-set", group: "G", settings: { distribution: "assigned" } });
  lab.do(start);
  lab.report(1, "complete", { path: "wan" });
  return lab;
}

const from = (...numbers: number[]): string[] => numbers.map((number) => `${number} subordinate from 10.0.0.1`);

t.test("as many are released as the primary has slots, and each end frees one", async (t) => {
  const lab = assignedBranch(7);
  t.same(lab.takeTold(), ["1 primary", ...from(2, 3, 4)]);
  lab.report(2, "fetching", { path: "lan", bytesDone: 10, lanBytes: 10 });
  t.same(lab.takeTold(), []);
  lab.report(3, "complete", { path: "lan" });
  t.same(lab.takeTold(), from(5));
  lab.report(4, "failed", { path: "lan", reason: "flash-write-error" });
  t.same(lab.takeTold(), from(6));
  lab.report(2, "fetching", { path: "lan", bytesDone: 1000, lanBytes: 1000 });
  t.same(lab.takeTold(), from(7), "an AP with every byte no longer needs its slot");
});

t.test("an AP that waits for another try has no slot; one that left may still have one", async (t) => {
  const lab = assignedBranch(8);
  lab.takeTold();
  lab.serves(1, 2, 3, 4);
  lab.report(2, "waiting", { path: "lan", tries: 1, nextRetryMs: 100_000, reason: "primary-busy" });
  lab.serves(1, 3, 4);
  t.same(lab.takeTold(), from(5));
  lab.serves(1, 3, 4, 5);
  lab.leave(3);
  t.same(lab.takeTold(), [], "its session is still open by the primary's report");
  lab.serves(1, 4, 5);
  t.same(lab.takeTold(), from(6));
});

t.test("slots that other clients use are not assigned", async (t) => {
  const lab = assignedBranch(5);
  lab.takeTold();
  lab.serves(1, 2, 3, 99);
  lab.report(2, "complete", { path: "lan" });
  t.same(lab.takeTold(), []);
  lab.serves(1, 3, 4);
  t.same(lab.takeTold(), from(5));
});

t.test("a group that turns to classic releases all; one that turns to assigned, no more", async (t) => {
  const lab = assignedBranch(6);
  lab.takeTold();
  lab.do({ type: "group-set", group: "G", settings: { distribution: "classic" } });
  t.same(lab.takeTold(), from(5, 6));
});
