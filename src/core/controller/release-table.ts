/** The images of one release by the models that their patterns name. */
import { contends, type ModelPattern, matchLength, modelKey, modelPattern, modelWithoutSuffix } from "../upgrade/model-pattern.js";
import { familyOfName, modelFacts, ownFamily } from "../upgrade/models.js";
import type { ImageRecord } from "./records.js";

/** APs that get the same image are one family; those without an image are one by model. */
export interface ImageFamily {
  readonly family: string;
  readonly image: ImageRecord | null;
}

interface Row {
  readonly pattern: ModelPattern;
  readonly entry: ImageFamily & { readonly image: ImageRecord };
}

/** Foreign APs name models at will. */
const rememberedMax = 10_000;

export class ReleaseTable {
  readonly #rows: readonly Row[];
  readonly #families: ReadonlySet<string>;
  readonly #remembered = new Map<string, ImageFamily>();

  /** @param images oldest first: a later one that would bear an older one's family name gets another */
  constructor(images: readonly ImageRecord[]) {
    const families = new Set<string>();
    const rows: Row[] = [];
    for (const image of images) {
      const family = freeName(image, families);
      families.add(family);
      for (const name of image.models) rows.push({ pattern: modelPattern(name), entry: { family, image } });
    }
    this.#rows = rows;
    this.#families = families;
  }

  familyFor(model: string): ImageFamily {
    const known = this.#remembered.get(model);
    if (known) return known;
    const found = this.#entryFor(modelKey(model)) ?? { family: this.#familyWithout(model), image: null };
    if (this.#remembered.size >= rememberedMax) this.#remembered.clear();
    this.#remembered.set(model, found);
    return found;
  }

  #entryFor(key: string): ImageFamily | undefined {
    let longest = -1;
    let entry: ImageFamily | undefined;
    for (const row of this.#rows) {
      const length = matchLength(row.pattern, key) ?? -1;
      if (length > longest) [longest, entry] = [length, row.entry];
    }
    return entry;
  }

  #familyWithout(model: string): string {
    const { family } = modelFacts(model);
    return this.#families.has(family) ? ownFamily(`${model} without image`) : family;
  }
}

function freeName({ models: [first = ""], sha256 }: ImageRecord, taken: ReadonlySet<string>): string {
  const names = [familyOfName(modelWithoutSuffix(first)), ownFamily(first)];
  return names.find((name) => !taken.has(name)) ?? `image-${sha256.slice(0, 12)}`;
}

/** Two patterns of two images that claim the same models with the same right. */
export function contention(images: readonly Pick<ImageRecord, "models">[]): { readonly one: string; readonly other: string } | undefined {
  const patterns = images.map(({ models }) => models.map(modelPattern));
  for (const [index, mine] of patterns.entries())
    for (const theirs of patterns.slice(index + 1))
      for (const one of mine) {
        const other = theirs.find((pattern) => contends(one, pattern));
        if (other) return { one: one.name, other: other.name };
      }
  return undefined;
}
