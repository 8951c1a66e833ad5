import t from "tap";
import { quotedIfNeeded, splitLast, splitWords } from "../../src/cli/words.js";
import fc from "../support/properties.js";

const texts = (line: string): string[] | undefined => splitWords(line)?.map(({ text }) => text);

t.test("a line splits at blanks outside quotes", async (t) => {
  t.same(texts("  show  flexconnect group detail  'Grp 1' "), ["show", "flexconnect", "group", "detail", "Grp 1"]);
  t.same(texts('config flexconnect group "a \\"b\\" \\\\" add'), ["config", "flexconnect", "group", 'a "b" \\', "add"]);
  t.same(texts('""'), [""]);
  t.same(texts(""), []);
  t.equal(texts('show "gr'), undefined, "the quote is still open");
});

t.test("any value comes back from the way it must be typed", async (t) => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (value) => {
      t.same(texts(`x ${quotedIfNeeded(value)} y`), ["x", value, "y"]);
    }),
  );
});

t.test("the word that is being typed, quoted or not", async (t) => {
  for (const [head, begun] of [
    ["", ""],
    ["", "sho"],
    ["show ", ""],
    ["show ap ", "im"],
    ["show group ", '"branch '],
    ["show group 'a b' ", "de"],
    ['x "a b" ', '"c d'],
  ] as const)
    t.same(splitLast(head + begun), { head, begun }, head + begun);
  fc.assert(
    fc.property(fc.string({ maxLength: 20, unit: fc.constantFrom("a", " ", '"', "'", "\\") }), (line) => {
      const { head, begun } = splitLast(line);
      return head + begun === line && splitWords(head) !== undefined;
    }),
  );
});
