import t from "tap";
import { branch, mac, servingBranch, start } from "../../../support/controller-lab.js";

t.test("bytes that were sent again after the AP's last report are in the row, in the store and in an event", async (t) => {
  const lab = servingBranch(1);
  lab.domain.wanCarried(lab.now, mac(1), 300, 250);
  lab.pass(5_000);
  t.match(lab.row(1), { wanBytes: 1_250, wanWireBytes: 1_300 });
  t.match(lab.events.at(-1), { type: "ap-bytes", mac: mac(1), wanBytes: 1_250, lanBytes: 0 });
  lab.restart();
  t.match(lab.do({ type: "show-runs", group: "G" }), [{ wanBytes: 1_250, wanWireBytes: 1_300 }]);
});

t.test("an image that arrived was carried, whatever a kill took of the counts", async (t) => {
  const lab = branch(2);
  lab.do(start);
  lab.report(1, "fetching", { path: "wan" });
  lab.domain.wanCarried(lab.now, mac(1), 450, 400);
  lab.restart();
  lab.join({ number: 1 });
  lab.pass(2_000);
  lab.domain.wanCarried(lab.now, mac(1), 650, 600);
  lab.report(1, "complete", { path: "wan", wanBytes: 600 });
  t.match(lab.row(1), { wanBytes: 1_000, wanWireBytes: 1_050 }, "400 octets and what carried them are not known");
  t.match(lab.group().run, { wanBytes: 1_000, wanWireBytes: 1_050 });
});

t.test("a former primary that completes is no fallback, one that fetches again has a new source", async (t) => {
  const lab = branch(2);
  lab.do(start);
  lab.report(1, "fetching", { path: "wan", bytesDone: 500, wanBytes: 500 });
  lab.fail(1, "checksum-mismatch");
  t.match(lab.row(1), { role: "subordinateLocal", source: null });
  const served = servingBranch(2);
  served.leave(1);
  served.pass(3_000);
  t.match(served.row(1), { role: "primaryCentral", source: "wan", status: "Complete" });
});
