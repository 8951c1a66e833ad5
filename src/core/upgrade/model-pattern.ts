/**
 * Which AP models an image is for, as operators name them: a model with or without its regulatory suffix (`C9105AXI`,
 * `AIR-CAP3702I-E-K9`), the beginning of one (`C9105AX`), a series (`2800`) or an image family of the table (`ap3g2`).
 *
 * A name is compared by its number and what follows (`AIR-CAP3702I-E-K9`, `AP3702I` → `3702I`); `.` stands for any digit.
 */
import { familyNumbers, seriesNumber } from "./models.js";

export interface ModelPattern {
  /** As the operator wrote it. */
  readonly name: string;
  /** What a model's key may begin with; several for a family. */
  readonly beginnings: readonly string[];
}

export function modelPattern(name: string): ModelPattern {
  const family = familyNumbers(name.trim().toLowerCase());
  if (family !== undefined) return { name, beginnings: family };
  const key = modelKey(name);
  return { name, beginnings: [seriesNumber(key) ?? key] };
}

/** @param model foreign text of any content */
export function modelKey(model: string): string {
  const text = modelWithoutSuffix(model).toUpperCase();
  return /^(?:AIR-)?[A-Z]*(\d{3}.*)$/.exec(text)?.[1] ?? text;
}

/** `C9105AXI-B` → `C9105AXI`, `AIR-CAP3702I-E-K9` → `AIR-CAP3702I`: the same hardware for another regulatory domain. */
export const modelWithoutSuffix = (model: string): string => model.trim().replace(/(?<=\d.*)(?:-(?:[A-Z]|ROW|UX|MR))?(?:-?K9)?$/i, "");

/** How much of the key the pattern names, undefined where it does not match: the longest wins. */
export function matchLength({ beginnings }: ModelPattern, key: string): number | undefined {
  let longest: number | undefined;
  for (const beginning of beginnings) if (begins(beginning, key)) longest = Math.max(longest ?? 0, lengthOf(beginning));
  return longest;
}

/** Whether each model that `narrow` names is named by `wide`, too. */
export const covers = (wide: ModelPattern, narrow: ModelPattern): boolean =>
  narrow.beginnings.every((beginning) => wide.beginnings.some((other) => begins(other, beginning)));

/** Whether neither is the longer one where both match. */
export const contends = (one: ModelPattern, other: ModelPattern): boolean =>
  one.beginnings.some((beginning) => other.beginnings.includes(beginning));

const lengthOf = (beginning: string): number => beginning.replaceAll(".", "").length;
const isDigit = (character: string | undefined): boolean => character !== undefined && /[\d.]/.test(character);

function begins(beginning: string, key: string): boolean {
  for (let at = 0; at < beginning.length; at++) {
    const [expected, found] = [beginning[at], key[at]];
    if (expected !== found && !(expected === "." && isDigit(found))) return false;
  }
  // A number is named whole: 180 is not the beginning of 1800.
  return !(isDigit(beginning.at(-1)) && isDigit(key[beginning.length]));
}
