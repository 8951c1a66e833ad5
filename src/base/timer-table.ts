import type { Instant } from "./time.js";

/**
 * Named deadlines in a binary heap: `set` and `clear` cost O(log n), `nextAt` costs nothing.
 * Equal instants fire in the order in which they were set, so that a run is the same run every time.
 */
export class TimerTable<Name> {
  readonly #heap: Entry<Name>[] = [];
  readonly #entries = new Map<Name, Entry<Name>>();
  #sequence = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** Sets or moves the deadline of `name`. */
  set(name: Name, at: Instant): void {
    this.clear(name);
    const entry: Entry<Name> = { name, at, sequence: this.#sequence++, index: this.#heap.length };
    this.#entries.set(name, entry);
    this.#heap.push(entry);
    this.#siftUp(entry);
  }

  clear(name: Name): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    this.#entries.delete(name);
    const last = this.#heap.pop() as Entry<Name>;
    if (last === entry) return;
    this.#place(last, entry.index);
    this.#siftUp(last);
    this.#siftDown(last);
  }

  clearAll(): void {
    this.#heap.length = 0;
    this.#entries.clear();
  }

  has(name: Name): boolean {
    return this.#entries.has(name);
  }

  at(name: Name): Instant | undefined {
    return this.#entries.get(name)?.at;
  }

  nextAt(): Instant | undefined {
    return this.#heap[0]?.at;
  }

  /** Removes and returns the earliest deadline that is due at `now`, or undefined. Call until it is. */
  takeDue(now: Instant): Name | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.clear(first.name);
    return first.name;
  }

  #siftUp(entry: Entry<Name>): void {
    while (entry.index > 0) {
      const parent = this.#heap[(entry.index - 1) >> 1] as Entry<Name>;
      if (!before(entry, parent)) return;
      this.#swap(entry, parent);
    }
  }

  #siftDown(entry: Entry<Name>): void {
    for (;;) {
      const left = this.#heap[2 * entry.index + 1];
      if (left === undefined) return;
      const right = this.#heap[2 * entry.index + 2];
      const child = right !== undefined && before(right, left) ? right : left;
      if (!before(child, entry)) return;
      this.#swap(entry, child);
    }
  }

  #swap(a: Entry<Name>, b: Entry<Name>): void {
    const index = a.index;
    this.#place(a, b.index);
    this.#place(b, index);
  }

  #place(entry: Entry<Name>, index: number): void {
    entry.index = index;
    this.#heap[index] = entry;
  }
}

interface Entry<Name> {
  readonly name: Name;
  readonly at: Instant;
  readonly sequence: number;
  index: number;
}

const before = (a: Entry<unknown>, b: Entry<unknown>): boolean => a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
