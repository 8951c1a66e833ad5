import t from "tap";
import type { RunReport, RunReportRow } from "../../../../src/core/controller/views.js";
import { csvOf } from "../../../../src/web/page/state/report-csv.js";

const row: RunReportRow = {
  name: "AP1",
  mac: "00:0a:b8:00:00:01",
  model: "AIR-AP2802I",
  role: "subordinateLocal",
  status: "Complete",
  source: "lan",
  startedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
  endedAt: null,
  wanBytes: 0,
  lanBytes: 12,
  wanWireBytes: 0,
  tries: 3,
  failureReason: null,
  detail: "",
};
const report = (...aps: RunReportRow[]) => ({ aps }) as unknown as RunReport;

t.test("a header and one line for each AP", async (t) => {
  t.equal(
    csvOf(report(row)),
    '"name","mac","model","role","status","source","startedAt","endedAt","wanBytes","lanBytes","tries","failureReason","detail"\r\n' +
      '"AP1","00:0a:b8:00:00:01","AIR-AP2802I","subordinateLocal","Complete","lan","2026-01-02T03:04:05.000Z","","0","12","3","",""\r\n',
  );
});

t.test("an AP's name cannot break out of its cell or become a formula", async (t) => {
  const line = csvOf(report({ ...row, name: '=cmd("x"),\r\nnext' }))
    .split("\r\n")
    .slice(1)
    .join("\r\n");
  t.ok(line.startsWith(`"'=cmd(""x""),\r\nnext",`), line);
});
