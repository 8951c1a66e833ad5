import { type Difference, differences, type NamedSettings, type ThingKind } from "./differences.js";

interface Sides {
  readonly kind: ThingKind;
  readonly before: NamedSettings | null;
  after: NamedSettings | null;
}

/** What an order changes, however many steps it takes: each thing as it was before the first and is after the last. */
export class ChangeLog {
  readonly #things = new Map<string, Sides>();

  /** @param before null for a new thing @param after null for one that is gone */
  note(kind: ThingKind, before: NamedSettings | null, after: NamedSettings | null): void {
    const key = `${kind} ${(after ?? before)?.name}`;
    const known = this.#things.get(key);
    if (known) known.after = after;
    else this.#things.set(key, { kind, before, after });
  }

  take(): Difference[] {
    const things = [...this.#things.values()];
    this.#things.clear();
    return things.flatMap(({ kind, before, after }) => differences(kind, before ? [before] : [], after ? [after] : []));
  }
}
