import { isTakingPart, type Run, type RunState, wasLost } from "./run.js";

/** How a run ended that was not aborted as a whole; undefined while an AP takes part. */
export function outcomeOf(run: Run): RunState | undefined {
  const members = [...run.members.values()];
  if (members.some(isTakingPart)) return undefined;
  const complete = members.filter(({ state }) => state.phase === "complete").length;
  if (complete === members.length) return "complete";
  if (complete > 0) return "partial";
  const present = members.filter((member) => !wasLost(member) && member.state.phase !== "unsupported");
  return present.length > 0 && present.every(({ state }) => state.phase === "aborted") ? "aborted" : "failed";
}
