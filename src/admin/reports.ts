/** Reports of runs for people and spreadsheets. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { RunReport, RunReportRow } from "../core/controller/operator/views.js";
import { httpStatusOf } from "./http-status.js";
import { apiPrefix } from "./order-paths.js";
import type { OperatorPortFor } from "./order-routes.js";
import { decimal } from "./schema.js";

const columns: readonly (readonly [title: string, cell: (row: RunReportRow) => string | number | null])[] = [
  ["AP", (row) => row.name],
  ["MAC address", (row) => row.mac],
  ["Model", (row) => row.model],
  ["Role", (row) => row.role],
  ["Status", (row) => row.status],
  ["Source", (row) => row.source],
  ["Started", (row) => time(row.startedAt)],
  ["Ended", (row) => time(row.endedAt)],
  ["WAN bytes", (row) => row.wanBytes],
  ["WAN bytes on the wire", (row) => row.wanWireBytes],
  ["LAN bytes", (row) => row.lanBytes],
  ["Tries", (row) => row.tries],
  ["Reason", (row) => row.failureReason],
  ["Detail", (row) => row.detail],
];

/** The report of a run as `report.csv` and as a page to print. */
export function registerReports(app: FastifyInstance, portFor: OperatorPortFor): void {
  const params = z.object({ run: decimal });
  const find = async (request: FastifyRequest, reply: FastifyReply, show: (run: RunReport) => FastifyReply): Promise<FastifyReply> => {
    const { run } = request.params as { run: number };
    const report = await portFor(request).order({ type: "show-run", run });
    return report.ok ? show(report.value) : reply.status(httpStatusOf(report.failure)).send(report.failure);
  };
  const schema = (operationId: string, summary: string) => ({ operationId, summary, tags: ["runs"], params });
  app.get(`${apiPrefix}/runs/:run/report.csv`, { schema: schema("run-report-csv", "Report of one run as CSV") }, (request, reply) =>
    find(request, reply, (run) =>
      reply
        .header("content-type", "text/csv; charset=utf-8")
        .header("content-disposition", `attachment; filename="flexup-run-${run.id}.csv"`)
        .send(reportCsv(run)),
    ),
  );
  app.get(
    `${apiPrefix}/runs/:run/report.html`,
    { schema: schema("run-report-page", "Report of one run as a page to print") },
    (request, reply) =>
      find(request, reply, (run) =>
        reply
          .header("content-type", "text/html; charset=utf-8")
          .header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
          .send(reportPage(run)),
      ),
  );
}

const formula = /^["'\s]*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]/u;

/**
 * RFC 4180. APs choose their names: a cell with a semicolon is quoted too, since spreadsheets in many locales split there, and none begins with
 * what a spreadsheet would evaluate, full-width forms and leading blanks included.
 */
export function reportCsv(run: RunReport): string {
  const cell = (value: string | number | null): string => {
    if (typeof value === "number") return String(value);
    if (value === null) return "";
    const text = formula.test(value) ? `'${value}` : value;
    return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns.map(([title]) => title), ...run.aps.map((row) => columns.map(([, value]) => value(row)))]
    .map((row) => `${row.map(cell).join(",")}\r\n`)
    .join("");
}

export function reportPage(run: RunReport): string {
  const facts: readonly (readonly [string, string | number])[] = [
    ["Group", run.group ?? "none (over the WAN)"],
    ["Image", run.release],
    ["Ended", run.state],
    ["Started", time(run.startedAt)],
    ["Finished", time(run.finishedAt)],
    ["WAN bytes", run.wanBytes],
    ["WAN bytes on the wire", run.wanWireBytes],
    ["WAN bytes saved", run.wanBytesSaved],
  ];
  const row = (tag: "td" | "th", cells: readonly (string | number | null)[]): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join("")}</tr>`;
  const models = run.models.map(({ family, primary, wanCopies, wanBytes, wanWireBytes, lanBytes }) => [
    family,
    primary?.name ?? "none",
    wanCopies,
    wanBytes,
    wanWireBytes,
    lanBytes,
  ]);
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>flexup run ${run.id}</title>
<style>body{font:14px sans-serif;margin:2em}table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #999;padding:.2em .5em;text-align:left}</style></head>
<body><h1>Upgrade run ${run.id}</h1>
<table>${facts.map(([name, value]) => `<tr><th>${escaped(name)}</th><td>${escaped(value)}</td></tr>`).join("")}</table>
<h2>Models</h2><table>${row("th", ["Family", "Primary", "WAN copies", "WAN bytes", "WAN bytes on the wire", "LAN bytes"])}${models.map((cells) => row("td", cells)).join("")}</table>
<h2>APs</h2><table>${row(
    "th",
    columns.map(([title]) => title),
  )}${run.aps
    .map((ap) =>
      row(
        "td",
        columns.map(([, value]) => value(ap)),
      ),
    )
    .join("\n")}</table>
</body></html>
`;
}

const time = (at: number | null): string => (at === null ? "" : new Date(at).toISOString());
const escaped = (value: string | number | null): string =>
  String(value ?? "").replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
