import type { GroupWanPolicy } from "./orders.js";
import type { Run } from "./run.js";

/** Whether one more AP of `family` may give up its primary and take the image over the WAN in this run. */
export function budgetAllows({ fallbackApsMax, fallbackBytesMax }: GroupWanPolicy, run: Run, family: string): boolean {
  const sizeOf = (name: string): number => run.families.get(name)?.image?.sizeBytes ?? 0;
  let aps = 1;
  let bytes = sizeOf(family);
  for (const member of run.members.values()) {
    if (member.role !== "fallback") continue;
    aps++;
    bytes += sizeOf(member.family);
  }
  return aps <= (fallbackApsMax ?? aps) && bytes <= (fallbackBytesMax ?? bytes);
}
