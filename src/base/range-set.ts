/** Half-open: `start` is in, `end` is not. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** A set of whole numbers kept as sorted, disjoint, non-touching ranges. Adding at the end, the usual case, costs O(1). */
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

  /** First number from `start` on that is not in the set. */
  firstGap(start = 0): number {
    return this.#ranges.find((range) => range.start <= start && start < range.end)?.end ?? start;
  }

  covers(start: number, end: number): boolean {
    return start >= end || this.firstGap(start) >= end;
  }

  add(start: number, end: number): void {
    if (start >= end) return;
    const last = this.#ranges.at(-1);
    if (last === undefined || start > last.end) {
      this.#ranges.push({ start, end });
      return;
    }
    if (start >= last.start) {
      if (end > last.end) this.#ranges[this.#ranges.length - 1] = { start: last.start, end };
      return;
    }
    const before = this.#ranges.filter((range) => range.end < start);
    const after = this.#ranges.filter((range) => range.start > end);
    const touched = this.#ranges.slice(before.length, this.#ranges.length - after.length);
    const merged = {
      start: Math.min(start, touched[0]?.start ?? start),
      end: Math.max(end, touched.at(-1)?.end ?? end),
    };
    this.#ranges = [...before, merged, ...after];
  }

  /** Drops everything from `end` on. */
  cutAt(end: number): void {
    this.#ranges = this.#ranges
      .filter((range) => range.start < end)
      .map((range) => (range.end <= end ? range : { start: range.start, end }));
  }
}
