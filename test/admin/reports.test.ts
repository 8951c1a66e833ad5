import t from "tap";
import { reportCsv } from "../../src/admin/reports.js";
import { failure, success } from "../../src/base/failure.js";
import type { RunReport } from "../../src/core/controller/operator/views.js";
import { serving } from "../support/admin.js";
import { FakeOperatorPort } from "../support/fake-operator-port.js";

const run: RunReport = {
  id: 7,
  state: "complete",
  release: "primary",
  startedAt: 1_700_000_000_000,
  finishedAt: 1_700_000_060_000,
  waits: [],
  stepsDown: [],
  counts: { None: 0, Initiated: 0, Predownloading: 0, Complete: 1, Failed: 0, NotSupported: 0 },
  group: "Branch <12>",
  models: [
    {
      family: "ap3g3",
      models: ["AIR-AP2802I"],
      primary: null,
      manual: false,
      warning: null,
      wanCopies: 1,
      wanBytes: 100,
      wanWireBytes: 120,
      lanBytes: 0,
    },
  ],
  wanBytes: 100,
  lanBytes: 0,
  wanWireBytes: 120,
  wanBytesSaved: 0,
  apCount: 1,
  aps: [
    {
      name: '=HYPERLINK("x"),<b>',
      mac: "00:0a:b8:3b:0b:c2",
      model: "AIR-AP2802I",
      role: "primaryCentral",
      status: "Complete",
      source: "wan",
      startedAt: 1_700_000_000_000,
      endedAt: null,
      wanBytes: 100,
      wanWireBytes: 120,
      lanBytes: 0,
      tries: 0,
      failureReason: null,
      detail: "",
    },
  ],
};

t.test("a run's report as JSON, CSV and a page, none of which runs what an AP calls itself", async (t) => {
  const operator = new FakeOperatorPort();
  operator.answer = (order) =>
    order.type === "show-run" && order.run === 7 ? success(run) : failure("unknown-run", "There is no such report");
  const { app } = await serving(t, { operator });
  t.same((await app.inject("/api/v1/runs/7")).json(), run);
  const csv = await app.inject("/api/v1/runs/7/report.csv");
  t.equal(csv.headers["content-disposition"], 'attachment; filename="flexup-run-7.csv"');
  t.equal(
    csv.payload,
    "AP,MAC address,Model,Role,Status,Source,Started,Ended,WAN bytes,WAN bytes on the wire,LAN bytes,Tries,Reason,Detail\r\n" +
      `"'=HYPERLINK(""x""),<b>",00:0a:b8:3b:0b:c2,AIR-AP2802I,primaryCentral,Complete,wan,2023-11-14T22:13:20.000Z,,100,120,0,0,,\r\n`,
  );
  const page = await app.inject("/api/v1/runs/7/report.html");
  t.match(page.payload, "<td>Branch &#60;12&#62;</td>");
  t.notMatch(page.payload, "<b>");
  const missing = await app.inject("/api/v1/runs/8");
  t.equal(missing.statusCode, 404);
  t.equal(missing.json().code, "unknown-run");
});

t.test("a CSV cell is never a formula, in no locale", async (t) => {
  const cellOf = (name: string): string => {
    const aps = run.aps.map((row) => ({ ...row, name }));
    return (
      reportCsv({ ...run, aps })
        .split("\r\n")[1]
        ?.split(",00:0a")[0] ?? ""
    );
  };
  t.equal(cellOf("AP1"), "AP1");
  t.equal(cellOf("a;=1+1"), '"a;=1+1"', "quoted, since a semicolon separates cells in many locales");
  for (const name of ["=1", "+1", "-1", "@x", " =1", "\uff1d1", '"=1']) t.match(cellOf(name), /^"?'/, name);
});
