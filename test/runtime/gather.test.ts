/** Small pieces become few large ones, and not a byte changes. */
import t from "tap";
import { Prng } from "../../src/base/prng.js";
import { Gather } from "../../src/runtime/gather.js";

t.test("what goes in comes out, in order, whenever it is taken", async (t) => {
  const prng = new Prng(3);
  const gather = new Gather();
  const added: Uint8Array[] = [];
  const taken: Uint8Array[] = [];
  for (let count = 0; count < 3000; count++) {
    const bytes = prng.bytes(prng.below(50) === 0 ? prng.below(400_000) : prng.below(1500));
    added.push(bytes);
    gather.add(bytes);
    if (prng.below(40) === 0) {
      taken.push(...gather.take());
      t.ok(gather.empty);
    }
  }
  const last = gather.take();
  t.ok(Buffer.concat([...taken, ...last]).equals(Buffer.concat(added)));
  t.same(gather.take(), []);
});

t.test("a hundred packets make one piece", async (t) => {
  const gather = new Gather();
  for (let count = 0; count < 100; count++) gather.add(new Uint8Array(1428).fill(count));
  t.notOk(gather.empty);
  t.equal(gather.take().length, 1);
});
