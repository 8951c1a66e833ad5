/** Half-open: `start` is in, `end` is not. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** A set of whole numbers kept as sorted, disjoint, non-touching ranges. Finding costs O(log n), adding at the end O(1). */
export class RangeSet {
  #ranges: Range[];

  constructor(ranges: Iterable<Range> = []) {
    this.#ranges = [];
    for (const { start, end } of ranges) this.add(start, end);
  }

  /** Sorted, disjoint, non-touching. */
  get ranges(): readonly Range[] {
    return this.#ranges;
  }

  /** How many numbers are in the set. */
  get total(): number {
    return this.#ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /** The range that holds `number`. */
  rangeOf(number: number): Range | undefined {
    const range = this.#ranges[this.#indexAfter(number)];
    return range !== undefined && range.start <= number ? range : undefined;
  }

  /** First number from `start` on that is not in the set. */
  firstGap(start = 0): number {
    return this.rangeOf(start)?.end ?? start;
  }

  covers(start: number, end: number): boolean {
    return start >= end || this.firstGap(start) >= end;
  }

  /** Calls `visit` with each part of `[start, end)` that is not in the set, in order. The set must not change meanwhile. */
  forEachGap(start: number, end: number, visit: (start: number, end: number) => void): void {
    let at = start;
    for (let index = this.#indexAfter(start); at < end; index++) {
      const range = this.#ranges[index];
      if (range === undefined || range.start >= end) break;
      if (range.start > at) visit(at, range.start);
      at = range.end;
    }
    if (at < end) visit(at, end);
  }

  add(start: number, end: number): void {
    if (start >= end) return;
    const last = this.#ranges.at(-1);
    if (last === undefined || start > last.end) {
      this.#ranges.push({ start, end });
      return;
    }
    // The ranges that overlap or touch become one.
    const first = this.#indexAfter(start - 1);
    let next = first;
    let merged = { start, end };
    for (let range = this.#ranges[next]; range !== undefined && range.start <= end; range = this.#ranges[++next]) {
      merged = { start: Math.min(merged.start, range.start), end: Math.max(merged.end, range.end) };
    }
    if (next === first + 1) this.#ranges[first] = merged;
    else this.#ranges.splice(first, next - first, merged);
  }

  /** Drops everything from `end` on. */
  cutAt(end: number): void {
    const index = this.#indexAfter(end);
    const last = this.#ranges[index];
    this.#ranges.length = Math.min(this.#ranges.length, index);
    if (last !== undefined && last.start < end) this.#ranges.push({ start: last.start, end });
  }

  /** Drops everything before `start`. */
  cutBefore(start: number): void {
    this.#ranges.splice(0, this.#indexAfter(start));
    const first = this.#ranges[0];
    if (first !== undefined && first.start < start) this.#ranges[0] = { start, end: first.end };
  }

  /** Index of the first range that ends behind `number`: the one that holds it, or else the next. */
  #indexAfter(number: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle] as Range).end > number) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
