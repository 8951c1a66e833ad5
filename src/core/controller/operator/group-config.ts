/** What operators set, as a document that can be kept, compared and put back. */

import type { GroupRecord } from "../records.js";
import { differences, type NamedSettings } from "./differences.js";

/** A group's settings. MAC addresses in any usual spelling. */
export interface GroupConfig extends Omit<GroupRecord, "aps" | "manualPrimaries" | "forcedSubordinates"> {
  readonly aps: readonly string[];
  readonly manualPrimaries: readonly string[];
  readonly forcedSubordinates: readonly string[];
}

/** One line a difference, see `differences`. */
export const groupDifferences = (before: readonly GroupConfig[], after: readonly GroupConfig[]): string[] =>
  differences("group", before.map(named), after.map(named));

const named = ({ name, wan, ...settings }: GroupConfig): NamedSettings => ({
  name,
  settings: { ...settings, ...Object.fromEntries(Object.entries(wan).map(([setting, value]) => [`wan.${setting}`, value])) },
});
