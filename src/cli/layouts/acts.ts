import type { ActResult } from "../../core/controller/operator/order-results.js";

/** One line a refusal, one for the rest. */
export function actText(verb: string, { done, refused, pending }: ActResult): string {
  const names = (label: string, all: readonly string[]): string[] => (all.length === 0 ? [] : [`${label}: ${all.join(", ")}`]);
  const all = [
    ...names(verb, done),
    ...names("No answer yet", pending),
    ...refused.map(({ ap, message }) => `Refused by ${ap}: ${message}`),
    ...(done.length + refused.length + pending.length === 0 ? ["No AP is joined"] : []),
  ];
  return `${all.join("\n")}\n`;
}
