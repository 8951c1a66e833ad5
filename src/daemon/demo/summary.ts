import type { GroupView, RunReport } from "../../core/controller/operator/views.js";

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** What the run cost and saved, one line a model. */
export function summaryLines(group: GroupView, report: RunReport): string[] {
  const rows = [
    ["model", "primary", "WAN copies", "WAN", "LAN", "busiest moment"],
    ...group.models.map((model) => [
      model.models.join(", "),
      model.primary?.name ?? "none",
      String(model.wanCopies),
      mebibytes(model.wanBytes),
      mebibytes(model.lanBytes),
      `${model.sessionsPeak} of ${model.sessionsMax} sessions`,
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const wanBytes = group.models.reduce((sum, model) => sum + model.wanBytes, 0);
  return [
    ...rows.map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    ),
    `WAN bytes: ${mebibytes(wanBytes)}; saved against one copy per AP: ${mebibytes(report.wanBytesSaved)}`,
  ];
}
