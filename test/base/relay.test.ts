import t from "tap";
import { relay } from "../../src/base/relay.js";

/** Doubles what it is given, one output for each copy. */
class Copier {
  copies(text: string, outputs: string[]): void {
    outputs.push(`${text}1`, `${text}2`);
  }
}

t.test("each output is handled in order", async (t) => {
  const handled: string[] = [];
  relay(
    new Copier(),
    (child, outputs: string[]) => child.copies("a", outputs),
    (output) => handled.push(output),
  );
  t.same(handled, ["a1", "a2"]);
});

t.test("what a handler causes is handled before the rest", async (t) => {
  const handled: string[] = [];
  const copier = new Copier();
  const copy = (text: string): void =>
    relay(
      copier,
      (child, outputs: string[]) => child.copies(text, outputs),
      (output) => {
        handled.push(output);
        if (output === "a1") copy("b");
      },
    );
  copy("a");
  t.same(handled, ["a1", "b1", "b2", "a2"]);
});

t.test("outputs of one call never appear in another", async (t) => {
  for (let round = 0; round < 100; round++) {
    const handled: string[] = [];
    relay(
      new Copier(),
      (child, outputs: string[]) => child.copies(`${round}-`, outputs),
      (output) => handled.push(output),
    );
    t.same(handled, [`${round}-1`, `${round}-2`]);
  }
});

t.test("a call that throws leaves nothing behind for the next", async (t) => {
  t.throws(() =>
    relay(
      new Copier(),
      (child, outputs: string[]) => {
        child.copies("lost", outputs);
        throw new Error("our own bug");
      },
      () => t.fail("nothing is handled"),
    ),
  );
  const handled: string[] = [];
  relay(
    new Copier(),
    (child, outputs: string[]) => child.copies("kept", outputs),
    (output) => handled.push(output),
  );
  t.same(handled, ["kept1", "kept2"]);
});
