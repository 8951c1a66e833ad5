/** What operators set, as a document that can be kept, compared and put back. */
import type { GroupRecord } from "./records.js";

/** A group's settings. MAC addresses in any usual spelling. */
export interface GroupConfig extends Omit<GroupRecord, "aps" | "manualPrimaries" | "forcedSubordinates"> {
  readonly aps: readonly string[];
  readonly manualPrimaries: readonly string[];
  readonly forcedSubordinates: readonly string[];
}

/** One line a difference, for people: `+ group G`, `- group G`, `~ group G: retryCount 44 -> 20`. Empty when both are the same. */
export function groupDifferences(before: readonly GroupConfig[], after: readonly GroupConfig[]): string[] {
  const was = new Map(before.map((group) => [group.name, group]));
  const is = new Map(after.map((group) => [group.name, group]));
  return [
    ...before.filter(({ name }) => !is.has(name)).map(({ name }) => `- group ${name}`),
    ...after.flatMap((group) => {
      const known = was.get(group.name);
      const lines = settingDifferences(known, group);
      return known === undefined ? [`+ group ${group.name}`, ...lines] : lines;
    }),
  ];
}

function settingDifferences(before: GroupConfig | undefined, after: GroupConfig): string[] {
  const was: Readonly<Record<string, string>> = before === undefined ? {} : flat(before);
  return Object.entries(flat(after))
    .filter(([setting, value]) => was[setting] !== value)
    .map(
      ([setting, value]) =>
        `${before === undefined ? "+" : "~"} group ${after.name}: ${setting} ${was[setting] === undefined ? "" : `${was[setting]} -> `}${value}`,
    );
}

const flat = ({ name: _, wan, ...settings }: GroupConfig): Record<string, string> =>
  Object.fromEntries(
    [...Object.entries(settings), ...Object.entries(wan).map(([setting, value]) => [`wan.${setting}`, value] as const)].map(
      ([setting, value]) => [setting, Array.isArray(value) ? `[${value.join(" ")}]` : String(value)],
    ),
  );
