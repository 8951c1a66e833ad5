import type { ActResult } from "../../core/controller/operator/order-results.js";

/** One line a refusal, one for the rest. */
export function actText(verb: string, { done, boots, refused, pending }: ActResult): string {
  const names = (label: string, all: readonly string[]): string[] => (all.length === 0 ? [] : [`${label}: ${all.join(", ")}`]);
  const all = [
    ...names(verb, done),
    ...bootLines(boots),
    ...names("No answer yet", pending),
    ...refused.map(({ ap, message }) => `Refused by ${ap}: ${message}`),
    ...(done.length + refused.length + pending.length === 0 ? ["No AP is joined"] : []),
  ];
  return `${all.join("\n")}\n`;
}

/** A line for each version. */
function bootLines(boots: ActResult["boots"]): string[] {
  const aps = new Map<string, string[]>();
  for (const { ap, version } of boots) aps.set(version, [...(aps.get(version) ?? []), ap]);
  return [...aps].map(([version, names]) => `Boots ${version} next: ${names.join(", ")}`);
}
