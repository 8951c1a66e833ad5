/** What an AP gets that has no tries left at its primary, or no primary: the WAN, within the group's policy and budget. */
import type { GroupRecord } from "../records.js";
import type { Member } from "./run.js";

export type Fallback =
  | { readonly type: "wan" }
  /** Another round of tries. `because` of the group's limit, in words; null where the policy is to wait. */
  | { readonly type: "wait"; readonly because: string | null }
  | { readonly type: "fail" };

export function fallbackFor(member: Member, { wan }: GroupRecord): Fallback {
  if (wan.fallback === "fail") return { type: "fail" };
  if (wan.fallback === "wait") return { type: "wait", because: null };
  const because = limitReached(member, wan);
  return because === null ? { type: "wan" } : { type: "wait", because };
}

/** The limit of the group that has no room for one fallback more, null where there is room. */
function limitReached(
  { run, family, fallbacks }: Member,
  { fallbackApsMax, fallbackBytesMax }: Pick<GroupRecord["wan"], "fallbackApsMax" | "fallbackBytesMax">,
): string | null {
  let aps = fallbacks === 0 ? 1 : 0;
  let bytes = family.image?.sizeBytes ?? 0;
  for (const other of run.members.values()) {
    if (other.fallbacks > 0) aps++;
    bytes += other.fallbacks * (other.family.image?.sizeBytes ?? 0);
  }
  if (aps > (fallbackApsMax ?? aps)) return `the group's WAN limit of ${fallbackApsMax} ${fallbackApsMax === 1 ? "AP" : "APs"} is used`;
  return bytes > (fallbackBytesMax ?? bytes) ? `the group's WAN limit of ${fallbackBytesMax} bytes is used` : null;
}
