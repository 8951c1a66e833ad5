/** Between a run and its rows: one for the run with its families, one for each member. */
import type { MacAddress } from "../../../base/mac-address.js";
import type { FamilyRecord, MemberRecord, RunRecord } from "../records.js";
import { hasEnded, type MemberState, noFault, roleOf, type Task } from "./member-state.js";
import { type Family, type FamilyState, type Member, newFamily, newMember, primaryOf, type Run } from "./run.js";

export const runRecord = ({ members: _, families, ...run }: Run): RunRecord => ({
  ...run,
  families: [...families.values()].map(familyRecord),
});

const familyRecord = (live: Family): FamilyRecord => {
  const { family, image, state, warning, steppedDown, sessionsPeak } = live;
  const manual = state.phase !== "none" && state.manual;
  return { family, image, primary: primaryOf(live), manual, warning, steppedDown: [...steppedDown], sessionsPeak };
};

export function memberRecord({ mac, family, state, ...member }: Member): MemberRecord {
  const { source, fallbacks, tries, failedOrders, wanBytes, lanBytes, wanSentBytes, wanWireBytes, startedAt } = member;
  const task: Task | null = "task" in state ? state.task : null;
  return {
    mac,
    family: family.family,
    role: roleOf(state),
    phase: state.phase,
    source,
    server: task?.role === "subordinate" ? task.server : null,
    refetch: task?.role === "primary" && task.refetch,
    fallbacks,
    tries,
    failedOrders,
    wanBytes,
    lanBytes,
    wanSentBytes,
    wanWireBytes,
    startedAt,
    endedAt: hasEnded(state) ? state.at : null,
    reason: hasEnded(state) ? state.reason : noFault.reason,
    detail: hasEnded(state) ? state.detail : noFault.detail,
  };
}

/** @returns the run, with no members yet */
export function runOfRecord({ families, ...record }: RunRecord): Run {
  const run: Run = { ...record, families: new Map(), members: new Map() };
  for (const { family, image, primary, manual, warning, steppedDown, sessionsPeak } of families) {
    const state: FamilyState = primary === null ? { phase: "none" } : { phase: "appointed", awaits: "image", primary, manual };
    run.families.set(family, { ...newFamily(run, family, image), state, warning, steppedDown: new Set(steppedDown), sessionsPeak });
  }
  return run;
}

/** No AP has a session when a controller starts. */
export function memberOfRecord(family: Family, row: MemberRecord): Member {
  const { source, fallbacks, tries, failedOrders, wanBytes, lanBytes, wanSentBytes, wanWireBytes, startedAt } = row;
  const counts = { source, fallbacks, tries, failedOrders, wanBytes, lanBytes, wanSentBytes, wanWireBytes, startedAt };
  return { ...newMember(family.run.startedAt, row.mac, family), ...counts, state: stateOf(row, family) };
}

function stateOf({ role, phase, server, refetch, endedAt, reason, detail, startedAt }: MemberRecord, { run }: Family): MemberState {
  const contact = "away";
  const task = taskOf(role, server, refetch);
  switch (phase) {
    case "queued":
      return task && task.role !== "subordinate" ? { phase, task, contact } : { phase: "pending", contact };
    case "ordered":
    case "active":
      return task ? { phase, task, contact, reminded: false } : { phase: "pending", contact };
    case "pending":
      return { phase, contact };
    default:
      return { phase, role, at: endedAt ?? startedAt ?? run.startedAt, reason, detail };
  }
}

/** Undefined for a subordinate without a server: it waits for one. */
function taskOf(role: MemberRecord["role"], server: MacAddress | null, refetch: boolean): Task | undefined {
  if (role === "primary") return { role, refetch };
  if (role === "fallback") return { role };
  return server === null ? undefined : { role, server };
}
