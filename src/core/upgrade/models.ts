/**
 * What is known of the vendor's models: their generation, and which usually share an image. The second is a suggestion for whoever adds
 * an image and a name for a family; which image an AP gets is what the operator said (`model-pattern.ts`).
 *
 * Sources: public lists of the vendor's AP image names, releases from 8.5 on. A model that no row knows is a family of its own and
 * not Wave 2.
 */
import { utf8 } from "../../base/bytes.js";

/** Wi-Fi generation in the vendor's words; the source document has a rule of its own for Wave 2. */
export type Generation = "before-wave-1" | "wave-1" | "wave-2" | "later" | "unknown";

interface ModelRow {
  readonly family: string;
  readonly generation: Generation;
  /** Model numbers: `28..` is 2800 to 2899. */
  readonly numbers: readonly string[];
}

const table: readonly ModelRow[] = [
  { family: "ap1g1", generation: "before-wave-1", numbers: ["70.", "71.", "72.", "73.", "74."] },
  { family: "ap1g2", generation: "before-wave-1", numbers: ["16.."] },
  { family: "ap1g3", generation: "before-wave-1", numbers: ["153."] },
  { family: "ap3g1", generation: "before-wave-1", numbers: ["126.", "35.."] },
  { family: "ap3g2", generation: "before-wave-1", numbers: ["26..", "36.."] },
  { family: "c3700", generation: "wave-1", numbers: ["17..", "27..", "37.."] },
  { family: "c1570", generation: "wave-1", numbers: ["157."] },
  { family: "ap3g3", generation: "wave-2", numbers: ["28..", "38..", "48..", "156."] },
  { family: "ap1g5", generation: "wave-2", numbers: ["1800", "1815", "1840", "154."] },
  { family: "ap1g4", generation: "wave-2", numbers: ["1810", "183.", "185."] },
  { family: "ap1g7", generation: "later", numbers: ["9115", "9120"] },
  { family: "ap1g6", generation: "later", numbers: ["9117"] },
  { family: "ap1g6a", generation: "later", numbers: ["9124", "9130"] },
  { family: "ap1g6b", generation: "later", numbers: ["9136", "9162", "9164", "9166"] },
];

/** `AIR-CAP3702I-A-K9`, `AIR-AP2802I`, `C9120AXI-B`, `AP1832`, `2800`: the number, between a prefix of letters and anything but a digit. */
const patterns = table.map((row) => ({ ...row, pattern: new RegExp(`^(?:AIR-)?[A-Z]*(?:${row.numbers.join("|")})(?!\\d)`, "i") }));
const families: ReadonlyMap<string, readonly string[]> = new Map(
  table.map(({ family }) => [family, table.filter((row) => row.family === family).flatMap(({ numbers }) => numbers)]),
);

/** The numbers of a family of the table; undefined for another name. */
export const familyNumbers = (family: string): readonly string[] | undefined => families.get(family);

/** `2800` → `28..`: the digits that a whole series shares. Undefined for what is not the number of a series. */
export function seriesNumber(number: string): string | undefined {
  if (!/^\d{4}$/.test(number)) return undefined;
  const listed = table.flatMap(({ numbers }) => numbers).find((digits) => digits.replaceAll(".", "0") === number);
  return listed ?? (number.endsWith("00") ? number.replace(/00$/, "..") : undefined);
}

/** Longest family name in octets: what the upgrade order's field holds. */
export const familyNameMax = 32;

export interface ModelFacts {
  readonly family: string;
  readonly generation: Generation;
}

/** @param model as the AP's Board Data gives it: foreign text of any content */
export function modelFacts(model: string): ModelFacts {
  const row = patterns.find(({ pattern }) => pattern.test(model.trim()));
  return row ? { family: row.family, generation: row.generation } : { family: ownFamily(model), generation: "unknown" };
}

/** The family that an operator means by a family or model name. */
export function familyOfName(name: string): string {
  const lower = name.trim().toLowerCase();
  return families.has(lower) ? lower : modelFacts(name).family;
}

/** Lower-case letters, digits and `. _ -`; a model that does not fit is made unique by a digest of its name. */
export function ownFamily(model: string): string {
  const plain = model.trim().toLowerCase();
  if (/^[a-z0-9._-]{1,32}$/.test(plain)) return plain;
  let hash = 0x811c9dc5;
  for (const octet of utf8(plain)) hash = Math.imul(hash ^ octet, 0x01000193) >>> 0;
  const readable = plain.replace(/[^a-z0-9._-]+/g, "-").slice(0, familyNameMax - 9);
  return `${readable}-${hash.toString(16).padStart(8, "0")}`;
}
