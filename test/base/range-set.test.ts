import t from "tap";
import { RangeSet } from "../../src/base/range-set.js";
import fc from "../support/properties.js";

t.test("a range set is the set of the numbers that were added", async (t) => {
  const ranges = fc.array(fc.tuple(fc.nat(40), fc.nat(12)), { maxLength: 20 });
  const wrong = fc.check(
    fc.property(ranges, fc.nat(50), fc.nat(50), (added, cut, from) => {
      const set = new RangeSet();
      const model = new Set<number>();
      for (const [start, length] of added) {
        set.add(start, start + length);
        for (let number = start; number < start + length; number++) model.add(number);
      }
      const agrees = (): boolean => {
        const members = set.ranges.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, index) => start + index));
        const gaps = Array.from({ length: 60 }, (_, start) => {
          let gap = start;
          while (model.has(gap)) gap++;
          return gap;
        });
        return (
          members.length === model.size &&
          set.total === model.size &&
          members.every((member) => model.has(member)) &&
          set.ranges.every(({ start }, index) => index === 0 || (set.ranges[index - 1]?.end as number) < start) &&
          gaps.every((gap, start) => set.firstGap(start) === gap && set.covers(start, gap) && !set.covers(start, gap + 1))
        );
      };
      const whole = agrees();
      set.cutAt(cut);
      for (const number of model) if (number >= cut) model.delete(number);
      const afterCut = agrees();
      const missing: number[] = [];
      set.forEachGap(from, 60, (start, end) => {
        for (let number = start; number < end; number++) missing.push(number);
      });
      const gapsAgree =
        missing.every((number) => number >= from && number < 60 && !model.has(number)) &&
        missing.length === 60 - from - [...model].filter((number) => number >= from && number < 60).length;
      set.cutBefore(from);
      for (const number of model) if (number < from) model.delete(number);
      return whole && afterCut && gapsAgree && agrees() && new RangeSet(set.ranges).total === set.total;
    }),
  );
  t.equal(wrong.failed, false, JSON.stringify(wrong.counterexample));
});
