import t from "tap";
import { Prng } from "../../../src/base/prng.js";
import { BlockRing } from "../../../src/runtime/tftp/block-ring.js";

t.test("what goes in comes out in order, over the end of the buffer and again", async (t) => {
  for (let seed = 0; seed < 50; seed++) {
    const prng = new Prng(seed);
    const blksize = 1 + prng.below(20);
    const unwrittenMax = 1 + prng.below(200);
    const file = prng.bytes(prng.below(2000));
    const ring = new BlockRing(blksize, unwrittenMax);
    const out: Buffer[] = [];
    let written = 0;
    for (let offset = 0; written < file.length; ) {
      if (prng.below(2) === 0 && offset < file.length && ring.received - written < unwrittenMax) {
        const block = file.subarray(offset, offset + blksize);
        if (block.length === blksize && prng.below(2) === 0) {
          // As the native receiver does.
          ring.buffer.set(block, offset % ring.buffer.length);
          ring.advance(offset + blksize);
        } else {
          ring.put(block);
        }
        offset += block.length;
      } else {
        const chunks = ring.take(1 + prng.below(100));
        out.push(...chunks.map((chunk) => Buffer.from(chunk)));
        written += chunks.reduce((sum, chunk) => sum + chunk.length, 0);
        ring.release(written);
      }
    }
    if (!Buffer.concat(out).equals(file)) t.fail(`seed ${seed}`);
    if (!ring.empty) t.fail(`seed ${seed}: something is left`);
  }
  t.pass("50 files");
});

t.test("nothing is overwritten that is not written, nothing put behind a short block", async (t) => {
  const ring = new BlockRing(10, 20);
  t.equal(ring.buffer.length, 30);
  for (let block = 0; block < 3; block++) ring.put(new Uint8Array(10));
  t.throws(() => ring.put(new Uint8Array(10)), /overwritten/);
  t.throws(() => ring.release(1), /taken/);
  t.equal(ring.take(15).length, 1);
  ring.release(15);
  ring.put(new Uint8Array(10));
  t.throws(() => ring.advance(30), /overwritten/, "nor does it go back");
  ring.take(100);
  ring.release(40);
  ring.put(new Uint8Array(3));
  t.throws(() => ring.put(new Uint8Array(3)), /whole/);
});
