/** `--watch`: a picture that moves on a terminal, lines of what changed elsewhere. */
import type { OperatorPort } from "../admin/operator-port.js";
import type { Result } from "../base/failure.js";
import type { ApImageRow } from "../core/controller/operator/views.js";
import type { RunState } from "../core/controller/run/run.js";
import type { Outcome } from "./command.js";
import { LiveScreen, type Screen } from "./live-screen.js";
import { runEndText, runPicture } from "./run-picture.js";

export interface WatchOptions {
  readonly screen: Screen;
  readonly json: boolean;
  /** Resolves when it is time to look again; false to stop looking. */
  readonly pause: () => Promise<boolean>;
}

/** Shows the result of `look`, again whenever it differs, until `pause` returns stop. */
export async function watchOutcome(look: () => Promise<Outcome>, { screen, json, pause }: WatchOptions): Promise<Outcome> {
  const live = screen.isTTY && !json ? new LiveScreen(screen) : undefined;
  let shown = "";
  try {
    for (;;) {
      const outcome = await look();
      if (!outcome.ok) return outcome;
      const text = json ? `${JSON.stringify(outcome.value)}\n` : outcome.text;
      // A terminal is drawn each time: it may have been resized.
      if (live !== undefined) live.draw(text.replace(/\n$/, "").replaceAll("\t", "        ").split("\n"));
      else if (text !== shown) screen.write(text);
      shown = text;
      if (!(await pause())) return { ...outcome, text: "" };
    }
  } finally {
    live?.close();
  }
}

/** Follows the run of a group to its end. @returns how it ended; `running` if `pause` returned stop */
export async function watchRun(operator: OperatorPort, group: string, { screen, json, pause }: WatchOptions): Promise<Result<RunState>> {
  const live = screen.isTTY && !json ? new LiveScreen(screen) : undefined;
  const shown = new Map<string, string>();
  try {
    for (;;) {
      const view = await operator.order({ type: "show-group", group });
      if (!view.ok) return view;
      const images = await operator.order({ type: "show-ap-image", ap: "all" });
      if (!images.ok) return images;
      const rows = images.value.aps.filter((row) => row.group === group);
      const { run } = view.value;
      const state = run?.state ?? "complete";
      if (live !== undefined) live.draw(runPicture(view.value, rows, live));
      else for (const row of rows) showChange(row, shown, screen, json);
      if (state === "running" && (await pause())) continue;
      live?.close();
      if (live !== undefined)
        screen.write(`${runPicture(view.value, rows, { columns: live.columns, rows: Number.POSITIVE_INFINITY }).join("\n")}\n`);
      if (json) screen.write(`${JSON.stringify(run)}\n`);
      else screen.write(`${runEndText(view.value)}\n`);
      return { ok: true, value: state };
    }
  } finally {
    live?.close();
  }
}

/** A line for each step of an AP; progress in bytes is not a step. */
function showChange(row: ApImageRow, shown: Map<string, string>, screen: Screen, json: boolean): void {
  const line = [row.name, row.status, row.role ?? "", row.source ?? "", `tries ${row.retryCount ?? 0}`, row.failureReason ?? ""]
    .join(" ")
    .trimEnd();
  if (shown.get(row.mac) === line) return;
  shown.set(row.mac, line);
  screen.write(`${json ? JSON.stringify(row) : line}\n`);
}
