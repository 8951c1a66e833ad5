import t from "tap";
import { covers, matchLength, modelKey, modelPattern, modelWithoutSuffix } from "../../../src/core/upgrade/model-pattern.js";
import fc from "../../support/properties.js";

const length = (pattern: string, model: string): number | undefined => matchLength(modelPattern(pattern), modelKey(model));

t.test("the regulatory suffix does not count", async (t) => {
  for (const [model, bare] of [
    ["C9105AXI-B", "C9105AXI"],
    ["CW9164I-ROW", "CW9164I"],
    ["AIR-CAP3702I-E-K9", "AIR-CAP3702I"],
    ["AIR-AP2802I-UXK9", "AIR-AP2802I"],
    ["AIR-AP1832I", "AIR-AP1832I"],
    ["ACME-1", "ACME-1"],
    ["lab", "lab"],
  ] as const) {
    t.equal(modelWithoutSuffix(model), bare, model);
    t.type(length(model, bare), "number", `${model} names ${bare}`);
    t.type(length(bare, model), "number", `${bare} names ${model}`);
  }
});

t.test("names match from their number on, and the longer one more", async (t) => {
  const cases: readonly (readonly [pattern: string, model: string, length: number | undefined])[] = [
    ["AIR-AP3702I", "AIR-CAP3702I-E-K9", 5],
    ["AIR-CAP3702", "AIR-CAP3702E-A-K9", 4],
    ["AIR-CAP3702I", "AIR-CAP3702E-A-K9", undefined],
    ["C9105AX", "C9105AXW-E", 6],
    ["2800", "AIR-AP2802I-D-K9", 2],
    ["2800", "AIR-AP3802I-D-K9", undefined],
    ["1850", "AIR-AP1852I", 3],
    ["1810", "AIR-AP1815I", undefined],
    ["ap3g3", "AIR-AP4800-B-K9", 2],
    ["ap3g2", "AIR-CAP3702I-E-K9", undefined],
    ["c3700", "AIR-CAP3702I-E-K9", 2],
    ["180", "AIR-AP1800I", undefined],
    ["ACME-1", "acme-1", 6],
    ["ACME-1", "ACME-2", undefined],
  ];
  for (const [pattern, model, expected] of cases) t.equal(length(pattern, model), expected, `${pattern} for ${model}`);
});

t.test("a pattern covers those that say more", async (t) => {
  const isCovered = (wide: string, narrow: string): boolean => covers(modelPattern(wide), modelPattern(narrow));
  t.ok(isCovered("c3700", "AIR-CAP3702I-E-K9"));
  t.ok(isCovered("C9105AX", "C9105AXI-B"));
  t.ok(isCovered("C9105AXI-E", "C9105AXI-B"));
  t.ok(isCovered("ap3g3", "3800"));
  t.notOk(isCovered("3800", "ap3g3"));
  t.notOk(isCovered("C9105AXI", "C9105AX"));
  t.notOk(isCovered("AIR-CAP2602I", "AIR-CAP3702I"));
});

t.test("what covers a pattern names every model that it names", async () => {
  const part = fc.constantFrom(
    "AIR-CAP3702I",
    "AIR-CAP3702",
    "3700",
    "c3700",
    "C9105AX",
    "C9105AXI-B",
    "ap3g3",
    "2800",
    "AIR-AP2802I-E-K9",
  );
  const model = fc.constantFrom("AIR-CAP3702I-E-K9", "AIR-CAP2702E", "C9105AXI-E", "C9105AXW-B", "AIR-AP2802I", "AIR-AP3802E-B-K9");
  fc.assert(
    fc.property(part, part, model, (wide, narrow, name) => {
      if (!covers(modelPattern(wide), modelPattern(narrow)) || length(narrow, name) === undefined) return true;
      return length(wide, name) !== undefined;
    }),
  );
});

t.test("any text makes a pattern and a key", async () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
      length(text, text);
      return true;
    }),
  );
});
