/** `--watch`: a table that is drawn again on a terminal, lines of what changed elsewhere. */
import type { Door } from "../admin/door.js";
import type { Result } from "../base/failure.js";
import type { ApImageRow, GroupView, RunState } from "../core/controller/views.js";
import type { Outcome } from "./command.js";
import { columns } from "./layouts/columns.js";

export interface Screen {
  write(text: string): unknown;
  /** A terminal that can be drawn over. */
  readonly isTTY?: boolean;
}

export interface WatchOptions {
  readonly screen: Screen;
  readonly json: boolean;
  /** Resolves when it is time to look again; false to stop looking. */
  readonly pause: () => Promise<boolean>;
}

const clearScreen = "\u001b[H\u001b[2J\u001b[3J";
const barWidth = 24;
const widths = [18, 20, 8, barWidth + 7, 6, 14];

/** Shows what `look` gives, again whenever it differs, until `pause` says stop. */
export async function watchOutcome(look: () => Promise<Outcome>, { screen, json, pause }: WatchOptions): Promise<Outcome> {
  let shown = "";
  for (;;) {
    const outcome = await look();
    if (!outcome.ok) return outcome;
    const text = json ? `${JSON.stringify(outcome.value)}\n` : outcome.text;
    if (text !== shown) screen.write(screen.isTTY && !json ? clearScreen + text : text);
    shown = text;
    if (!(await pause())) return { ...outcome, text: "" };
  }
}

/** Follows the run of a group to its end. @returns how it ended */
export async function watchRun(door: Door, group: string, { screen, json, pause }: WatchOptions): Promise<Result<RunState>> {
  const told = new Map<string, string>();
  for (;;) {
    const view = await door.order({ type: "show-group", group });
    if (!view.ok) return view;
    const images = await door.order({ type: "show-ap-image", ap: "all" });
    if (!images.ok) return images;
    const rows = images.value.aps.filter((row) => row.group === group);
    const state = view.value.run?.state ?? "complete";
    if (screen.isTTY && !json) screen.write(clearScreen + runPicture(view.value, rows));
    else for (const row of rows) tellChange(row, told, screen, json);
    if (state !== "running" || !(await pause())) return { ok: true, value: state };
  }
}

/** A line for each step of an AP; bytes alone are no step. */
function tellChange(row: ApImageRow, told: Map<string, string>, screen: Screen, json: boolean): void {
  const line = [row.name, row.status, row.role ?? "", row.source ?? "", `tries ${row.retryCount ?? 0}`, row.failureReason ?? ""]
    .join(" ")
    .trimEnd();
  if (told.get(row.mac) === line) return;
  told.set(row.mac, line);
  screen.write(`${json ? JSON.stringify(row) : line}\n`);
}

export function runPicture(group: GroupView, rows: readonly ApImageRow[]): string {
  const { run } = group;
  const head = run === null ? `${group.name}: no run` : `${group.name}: run ${run.id} ${run.state}, ${run.release} image`;
  const cells = (row: ApImageRow): string[] => [
    row.name,
    row.role ?? "",
    row.source ?? "",
    bar(row),
    String(row.retryCount ?? 0),
    row.nextRetrySeconds === null ? (row.failureReason ?? row.status) : `next try ${row.nextRetrySeconds} s`,
  ];
  return [
    head,
    "",
    columns(widths, ["AP Name", "Role", "Source", "Progress", "Tries", "Status"]).trimEnd(),
    ...rows.map((row) => columns(widths, cells(row)).trimEnd()),
    "",
  ].join("\n");
}

function bar({ status, bytesDone, bytesTotal }: ApImageRow): string {
  const part = status === "Complete" ? 1 : bytesTotal === 0 ? 0 : Math.min(1, bytesDone / bytesTotal);
  const full = Math.floor(part * barWidth);
  return `[${"#".repeat(full)}${".".repeat(barWidth - full)}] ${String(Math.floor(part * 100)).padStart(3)}%`;
}
