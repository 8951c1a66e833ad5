/** A group's run as lines for a terminal: its sum, then an AP a line with a bar, the busiest first. */
import type { ApImageRow, GroupView, PredownloadRole, PredownloadStatus } from "../core/controller/operator/views.js";
import { columns } from "./layouts/columns.js";
import { decimalBytesText } from "./tftp/units.js";

interface Size {
  readonly columns: number;
  readonly rows: number;
}

const roleWords: Readonly<Record<PredownloadRole, string>> = {
  primaryCentral: "primary",
  primaryLocal: "primary",
  subordinateLocal: "subordinate",
  subordinateCentral: "fallback",
};
/** The order in which APs are drawn if there is not room for all. */
const order: Readonly<Record<PredownloadStatus, number>> = {
  Predownloading: 0,
  Initiated: 1,
  Failed: 2,
  NotSupported: 3,
  Complete: 4,
  None: 5,
};

const gap = "  ";
const percentColumns = " 100%".length;

interface Cell {
  readonly title: string;
  readonly width: number;
  /** Left out on a terminal with fewer columns. */
  readonly from?: number;
  readonly text: (row: ApImageRow) => string;
}

/** The text left of the bar, and right of it. */
const left: readonly Cell[] = [
  { title: "Role", width: 11, from: 64, text: ({ role }) => (role === null ? "" : roleWords[role]) },
  { title: "From", width: 4, from: 44, text: ({ source }) => source?.toUpperCase() ?? "" },
];
const right: readonly Cell[] = [
  { title: "Rate", width: 10, from: 76, text: ({ bytesPerSecond }) => (bytesPerSecond ? `${decimalBytesText(bytesPerSecond)}/s` : "") },
  { title: "Tries", width: 5, from: 50, text: ({ retryCount }) => String(retryCount ?? 0) },
  {
    title: "Status",
    width: 14,
    text: ({ nextRetrySeconds, failureReason, status }) =>
      nextRetrySeconds === null ? (failureReason ?? status) : `next in ${nextRetrySeconds} s`,
  },
];
const nameColumns = { min: 8, max: 24 } as const;
const barColumns = { min: 5, max: 30 } as const;

/** @param size of the terminal: no line is wider, and as many lines as there are rows at most */
export function runPicture(group: GroupView, rows: readonly ApImageRow[], size: Size): string[] {
  const head = [headline(group), sums(group, rows), ""];
  const room = Math.max(1, size.rows - head.length - 2);
  const sorted = rows.toSorted((a, b) => order[a.status] - order[b.status]);
  const drawn = new Set(sorted.length <= room + 1 ? sorted : sorted.slice(0, room));
  const hidden = sorted.filter((row) => !drawn.has(row));
  const fits = ({ from = 0 }: Cell): boolean => size.columns >= from;
  const [before, after] = [left.filter(fits), right.filter(fits)];
  const others = [...before, ...after].reduce((sum, { width }) => sum + width + gap.length, gap.length);
  const free = size.columns - others - percentColumns;
  const longestName = Math.max(nameColumns.min, ...rows.map(({ name }) => name.length));
  const name = Math.min(longestName, nameColumns.max, Math.max(nameColumns.min, free - barColumns.min));
  const bar = Math.max(barColumns.min, Math.min(barColumns.max, free - name));
  const cells: readonly Cell[] = [
    { title: "AP Name", width: name, text: (row) => (row.name.length > name ? `${row.name.slice(0, name - 1)}…` : row.name) },
    ...before,
    { title: "Progress", width: bar + percentColumns, text: (row) => barText(row, bar) },
    ...after,
  ];
  const widths = cells.map(({ width }) => width);
  const line = (texts: readonly string[]): string => columns(widths, texts, gap).slice(0, size.columns).trimEnd();
  return [
    ...head.map((text) => text.slice(0, size.columns)),
    line(cells.map(({ title }) => title)),
    ...rows.filter((row) => drawn.has(row)).map((row) => line(cells.map(({ text }) => text(row)))),
    ...(hidden.length === 0 ? [] : [`… and ${hidden.length} more: ${countsText(hidden)}`.slice(0, size.columns)]),
  ];
}

/** The last line of a watch. */
export function runEndText(group: GroupView): string {
  const { run, name } = group;
  if (run === null) return `${name}: no run`;
  if (run.state === "running") return `Run ${run.id} of group ${name} continues; "flexup show flexconnect group detail ${name}" shows it`;
  return `Run ${run.id} of group ${name} ended: ${run.state}, ${run.counts.Complete} of ${group.aps.length} APs complete`;
}

function headline({ name, run }: GroupView): string {
  return run === null ? `${name}: no run` : `${name}: run ${run.id} ${run.state}, ${run.release} image`;
}

function sums({ models }: GroupView, rows: readonly ApImageRow[]): string {
  const sum = (of: "wanBytes" | "lanBytes"): string => decimalBytesText(models.reduce((total, model) => total + model[of], 0));
  return `${countsText(rows)} | WAN ${sum("wanBytes")}, LAN ${sum("lanBytes")}`;
}

function countsText(rows: readonly ApImageRow[]): string {
  const counts = new Map<string, number>();
  for (const { status } of rows.toSorted((a, b) => order[b.status] - order[a.status])) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${count} ${status}`).join(", ");
}

function barText({ status, bytesDone, bytesTotal }: ApImageRow, width: number): string {
  const part = status === "Complete" ? 1 : bytesTotal === 0 ? 0 : Math.min(1, bytesDone / bytesTotal);
  const full = Math.floor(part * width);
  return `${"#".repeat(full)}${".".repeat(width - full)} ${String(Math.floor(part * 100)).padStart(3)}%`;
}
