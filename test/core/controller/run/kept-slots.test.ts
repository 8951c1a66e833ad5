/** A primary keeps its TFTP slots for the subordinates of its run. */
import t from "tap";
import { branch, mac, servingBranch, start } from "../../../support/controller-lab.js";

t.test("the primary is told whom it serves, and of those that come later", async (t) => {
  const lab = servingBranch(3);
  t.same(lab.keptSlots.splice(0), [["10.0.0.2", "10.0.0.3"]]);
  lab.report(2, "complete", { path: "lan", lanBytes: 1000 });
  t.same(lab.keptSlots, [], "one that needs none any more changes nothing");
  lab.join({ number: 4 });
  lab.do({ type: "group-ap-add", group: "G", mac: mac(4) });
  t.same(lab.keptSlots.splice(0), [["10.0.0.3", "10.0.0.4"]]);
});

t.test("a primary that is back is told again", async (t) => {
  const lab = servingBranch(2);
  lab.keptSlots.length = 0;
  lab.leave(1);
  lab.join({ number: 1, backup: "a" });
  lab.answer(1, 17);
  t.same(lab.keptSlots, [["10.0.0.2"]]);
});

t.test("a list that is too long for one element is told in parts", async (t) => {
  const lab = branch(250, { platform: "unlimited" });
  lab.do(start);
  lab.report(1, "complete", { path: "wan", wanBytes: 1000 });
  const [told = []] = lab.keptSlots.splice(0);
  t.ok(told.length < 249 && told.reduce((octets, address) => octets + address.length + 1, 0) <= 2_000);
  lab.report(2, "complete", { path: "lan", lanBytes: 1000 });
  t.match(lab.keptSlots, [{ length: told.length }], "the next one has come into it");
  t.same(lab.keptSlots[0]?.slice(0, -1), told.slice(1));
});
