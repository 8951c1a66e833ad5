/** A run member's state in the words of the views. */
import type { Instant } from "../../../base/time.js";
import { type MemberPhase, roleOf } from "../run/member-state.js";
import { type Family, type Member, type Run, wanBytesOf, wanWireBytesOf } from "../run/run.js";
import type { ApImageRow, ModelView, PredownloadRole, PredownloadStatus, TransferView } from "./views.js";

export const statusOfPhase = {
  pending: "Initiated",
  queued: "Initiated",
  ordered: "Initiated",
  active: "Predownloading",
  complete: "Complete",
  failed: "Failed",
  aborted: "None",
  unsupported: "NotSupported",
} as const satisfies Record<MemberPhase, PredownloadStatus>;

export const statusOf = ({ state, heard }: Member): PredownloadStatus =>
  state.phase === "active" && heard.state === "initiated" ? "Initiated" : statusOfPhase[state.phase];

/** The four roles of the vendor's MIB; "central" gets its image from the controller. */
export function predownloadRole({ mac, run, family, state, source, fallbacks }: Member): PredownloadRole | null {
  if (run.group === null) return null;
  const role = roleOf(state);
  if (role === "primary") return source === "lan" ? "primaryLocal" : "primaryCentral";
  // It fetched over the WAN as the primary that it was.
  if (role === "subordinate" && source === "wan" && family.steppedDown.has(mac) && fallbacks === 0) return "primaryCentral";
  return role === "fallback" || source === "wan" ? "subordinateCentral" : "subordinateLocal";
}

export const isManual = ({ state }: Family): boolean => state.phase !== "none" && state.manual;

/** Why it failed, or why it waits for another try. */
export function reasonOf({ state, heard, heldBack }: Member): ApImageRow["failureReason"] {
  if (state.phase === "failed") return state.reason;
  if (heldBack) return heldBack.reason;
  return state.phase === "active" ? heard.waitsBecause : null;
}

export const noCounts = (): Record<PredownloadStatus, number> => ({
  None: 0,
  Initiated: 0,
  Predownloading: 0,
  Complete: 0,
  Failed: 0,
  NotSupported: 0,
});

export const isTransferring = ({ state, heard }: Member): boolean => state.phase === "active" && heard.state === "fetching";

export const paceOf = (now: Instant, { rate }: Member, bytesTotal: number): Pick<TransferView, "bytesPerSecond" | "secondsLeft"> => {
  const bytesPerSecond = rate.bytesPerSecond(now);
  return { bytesPerSecond: bytesPerSecond && Math.round(bytesPerSecond), secondsLeft: rate.secondsLeft(now, bytesTotal) };
};

export function sumsOf(members: readonly Member[]): Pick<ModelView, "wanCopies" | "wanBytes" | "lanBytes" | "wanWireBytes"> {
  let wanCopies = 0;
  let wanWireBytes = 0;
  let wanBytes = 0;
  let lanBytes = 0;
  for (const member of members) {
    if (member.state.phase === "complete" && member.source === "wan") wanCopies++;
    wanBytes += wanBytesOf(member);
    lanBytes += member.lanBytes;
    wanWireBytes += wanWireBytesOf(member);
  }
  return { wanCopies, wanBytes, lanBytes, wanWireBytes };
}

export function membersByFamily(run: Run): Map<string, Member[]> {
  const members = new Map<string, Member[]>();
  for (const member of run.members.values()) {
    const list = members.get(member.family.family);
    if (list) list.push(member);
    else members.set(member.family.family, [member]);
  }
  return members;
}
