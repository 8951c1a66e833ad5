import t from "tap";
import { Prng } from "../../src/base/prng.js";

t.test("the same seed gives the same draws, another seed others", async (t) => {
  const draws = (prng: Prng): number[] => Array.from({ length: 8 }, () => prng.u32());
  t.same(draws(new Prng(7)), draws(new Prng(7)));
  t.notSame(draws(new Prng(7)), draws(new Prng(8)));
  t.notSame(draws(new Prng(7)), draws(new Prng(7 + 2 ** 40)), "seeds above 32 bits count");
});

t.test("a split generator depends on its name and not on later draws of its parent's other children", async (t) => {
  const parent = new Prng(1);
  const [a, b] = [parent.split("a"), parent.split("b")];
  t.not(a.u32(), b.u32());
  t.equal(new Prng(1).split("a").u32(), new Prng(1).split("a").u32());
});

t.test("ranges: above() excludes the lower bound and includes the upper", async (t) => {
  const prng = new Prng(3);
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (let index = 0; index < 20_000; index++) {
    const draw = prng.above(100, 300);
    least = Math.min(least, draw);
    most = Math.max(most, draw);
  }
  t.ok(least > 100 && least < 101, `least ${least}`);
  t.ok(most <= 300 && most > 299, `most ${most}`);
});

t.test("draws are spread evenly", async (t) => {
  const prng = new Prng(11);
  const bins = new Array<number>(16).fill(0);
  for (let index = 0; index < 16_000; index++) {
    const bin = prng.below(16);
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  const chiSquared = bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  t.ok(chiSquared < 45, `chi squared ${chiSquared} with 15 degrees of freedom`);
  t.equal(prng.bytes(5).length, 5);
});
