import type { ComponentChildren } from "preact";
import type { PredownloadStatus } from "../../../core/controller/operator/views.js";
import type { RunState } from "../../../core/controller/run/run.js";

/** A word with a shape and a colour, so that no meaning depends on colour alone. */
export type StatusTone = "idle" | "busy" | "waiting" | "good" | "bad";
const shapes: Readonly<Record<StatusTone, string>> = { idle: "○", busy: "◐", waiting: "◔", good: "●", bad: "▲" };

export function Status({ tone, children }: { tone: StatusTone; children: ComponentChildren }) {
  return (
    <span class={`status ${tone}`}>
      <span aria-hidden="true">{shapes[tone]}</span> {children}
    </span>
  );
}

const predownloadTones: Readonly<Record<PredownloadStatus, StatusTone>> = {
  None: "idle",
  Initiated: "waiting",
  Predownloading: "busy",
  Complete: "good",
  Failed: "bad",
  NotSupported: "bad",
};

export const PredownloadBadge = ({ status }: { status: PredownloadStatus }) => (
  <Status tone={predownloadTones[status]}>{status === "NotSupported" ? "Not Supported" : status}</Status>
);

/** With the reason of a failure below it. */
export const PredownloadCell = ({ status, reason }: { status: PredownloadStatus; reason: string | null }) => (
  <>
    <PredownloadBadge status={status} />
    {reason !== null && <span class="cell-detail">{reason}</span>}
  </>
);

const runTones: Readonly<Record<RunState, StatusTone>> = {
  running: "busy",
  complete: "good",
  partial: "waiting",
  failed: "bad",
  aborted: "idle",
};
const runWords: Readonly<Record<RunState, string>> = {
  running: "Running",
  complete: "Complete",
  partial: "Partly complete",
  failed: "Failed",
  aborted: "Aborted",
};

export const RunBadge = ({ state }: { state: RunState | null }) =>
  state === null ? <span class="muted">No run yet</span> : <Status tone={runTones[state]}>{runWords[state]}</Status>;

export const JoinBadge = ({ state }: { state: "Joined" | "Not Joined" }) => (
  <Status tone={state === "Joined" ? "good" : "idle"}>{state}</Status>
);
