import type { RunReport } from "../../../core/controller/views.js";

const csvFields = [
  "name",
  "mac",
  "model",
  "role",
  "status",
  "source",
  "startedAt",
  "endedAt",
  "wanBytes",
  "lanBytes",
  "tries",
  "failureReason",
  "detail",
] as const;

/** RFC 4180; a cell that a spreadsheet would take for a formula is defused. */
export function csvOf(report: RunReport): string {
  const cell = (value: string | number | null): string => {
    const text = value === null ? "" : String(value);
    return `"${(/^[=+\-@\t\r]/.test(text) && typeof value === "string" ? `'${text}` : text).replaceAll('"', '""')}"`;
  };
  const instants = new Set<string>(["startedAt", "endedAt"]);
  const lines = report.aps.map((row) =>
    csvFields.map((field) => {
      const value = row[field];
      return cell(instants.has(field) && typeof value === "number" ? new Date(value).toISOString() : value);
    }),
  );
  return [csvFields.map(cell), ...lines].map((cells) => `${cells.join(",")}\r\n`).join("");
}
