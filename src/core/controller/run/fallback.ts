/** What an AP gets that has no tries left at its primary, or no primary: the WAN, within the group's policy and budget. */
import type { GroupRecord } from "../records.js";
import type { Member } from "./run.js";

/** `wait`: another round of tries; `fail`: its end. */
export type Fallback = "wan" | "wait" | "fail";

export function fallbackFor(member: Member, { wan }: GroupRecord): Fallback {
  if (wan.fallback !== "fallback") return wan.fallback;
  return budgetAllows(member, wan) ? "wan" : "wait";
}

/** Whether the group's budget has room for one fallback more. */
function budgetAllows({ run, family, fallbacks }: Member, { fallbackApsMax, fallbackBytesMax }: GroupRecord["wan"]): boolean {
  if (fallbackApsMax === null && fallbackBytesMax === null) return true;
  let aps = fallbacks === 0 ? 1 : 0;
  let bytes = family.image?.sizeBytes ?? 0;
  for (const other of run.members.values()) {
    if (other.fallbacks > 0) aps++;
    bytes += other.fallbacks * (other.family.image?.sizeBytes ?? 0);
  }
  return aps <= (fallbackApsMax ?? aps) && bytes <= (fallbackBytesMax ?? bytes);
}
