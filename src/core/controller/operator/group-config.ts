/** What operators set about groups, as a document that can be kept, compared and put back. */
import type { GroupRecord } from "../records.js";
import { differenceLines, differences, type NamedSettings } from "./differences.js";

/** A group's settings and members. MAC addresses in any usual spelling. */
export interface GroupConfig extends Omit<GroupRecord, "aps" | "manualPrimaries" | "forcedSubordinates"> {
  readonly aps: readonly string[];
  readonly manualPrimaries: readonly string[];
  readonly forcedSubordinates: readonly string[];
}

/** In the lines of `differenceLines`. */
export const groupDifferences = (before: readonly GroupConfig[], after: readonly GroupConfig[]): string[] =>
  differences("group", before.map(namedGroup), after.map(namedGroup)).flatMap(differenceLines);

export const namedGroup = ({ name, wan, ...settings }: GroupConfig): NamedSettings => ({
  name,
  settings: { ...settings, ...Object.fromEntries(Object.entries(wan).map(([setting, value]) => [`wan.${setting}`, value])) },
});
