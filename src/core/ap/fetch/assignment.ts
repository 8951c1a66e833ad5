/** The run in hand at this AP: its latest order, the stage it has reached and what it has counted. */
import type { Endpoint } from "../../../base/endpoint.js";
import type { FinalReport, RunJournal, RunOrder, RunProgress } from "../contract.js";
import { isOpen, type Stage, stageFacts } from "./stage.js";

export interface Assignment {
  order: RunOrder;
  stage: Stage;
  /** Where the current or last transfer comes from. */
  path: "none" | "wan" | "lan";
  /** Tries at the primary spent so far. */
  tries: number;
  /** Image bytes in the current transfer. */
  bytesDone: number;
  /** Image bytes of the whole run over each path, failed tries included. */
  wanBytes: number;
  lanBytes: number;
  /** The last server that sent a wrong chunk. */
  fault?: { readonly server: Endpoint; readonly chunk: number };
}

export const isLan = (order: RunOrder): boolean => order.role === "subordinate";

export const newAssignment = (order: RunOrder): Assignment => ({
  order,
  stage: { name: "held" },
  path: "none",
  tries: 0,
  bytesDone: 0,
  wanBytes: 0,
  lanBytes: 0,
});

export function progressOf({ stage, path, tries, wanBytes, lanBytes }: Assignment): RunProgress {
  const { state } = stageFacts[stage.name];
  return { state, path, tries, wanBytes, lanBytes, ...reasonOf(stage) };
}

function reasonOf(stage: Stage): Pick<RunProgress, "reason" | "detail"> {
  if ("reason" in stage) return { reason: stage.reason, detail: stage.detail };
  return { reason: stage.name === "aborted" ? "aborted" : "none", detail: "" };
}

/** Undefined for an assignment by RFC 5415 alone, which has no run number and is not reported on. */
export const reportOf = (assignment: Assignment): FinalReport | undefined =>
  assignment.order.runId === 0 ? undefined : { ...progressOf(assignment), runId: assignment.order.runId, bytesDone: assignment.bytesDone };

/** The part that outlives the process; null for an assignment by RFC 5415 alone. */
export const journalled = (assignment: Assignment): RunJournal["run"] =>
  assignment.order.runId === 0 ? null : { order: assignment.order, progress: progressOf(assignment) };

/** The assignment in hand when the process ended; no transfer survives that. */
export function restored({ order, progress }: NonNullable<RunJournal["run"]>): Assignment {
  const { state, path, tries, wanBytes, lanBytes, reason, detail } = progress;
  const counts = { path, tries, wanBytes, lanBytes, bytesDone: state === "complete" ? order.sizeBytes : 0 };
  return { order, stage: restoredStage(state, reason, detail), ...counts };
}

function restoredStage(state: RunProgress["state"], reason: RunProgress["reason"], detail: string): Stage {
  if (isOpen(state)) return { name: "held" };
  if (state === "needs-wan" || state === "failed") return { name: state, reason, detail };
  return { name: state === "complete" ? "complete" : "aborted" };
}
