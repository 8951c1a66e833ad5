/** Bundles in parts: bounded, in order, one at a time. */
import t from "tap";
import { bytesOfHex } from "../../../src/base/hex.js";
import type { ApEffect, RunOrder } from "../../../src/core/ap/contract.js";
import { plainOrder } from "../../../src/core/ap/order.js";
import { ReleaseCheck } from "../../../src/core/ap/release-check.js";

const sha256 = "ab".repeat(32);
const part = (offset: number, bytes: string, totalBytes = 6, of = sha256) => ({
  sha256: bytesOfHex(of),
  totalBytes,
  offset,
  bytes: Buffer.from(bytes),
});
const order = (of = sha256): RunOrder => ({ ...plainOrder({ vendor: 1, name: "8.6" }), runId: 1, sha256: of, sizeBytes: 10 });

function bundleOf(check: ReleaseCheck, of = sha256): string | null {
  const out: ApEffect[] = [];
  check.begin(order(of), { allowsDowngrade: false, inHand: null }, out);
  const [effect] = out;
  if (effect?.type !== "check-release") throw new Error("no check");
  return effect.bundle && Buffer.from(effect.bundle).toString();
}

t.test("parts make a bundle, which goes with one order", async (t) => {
  const check = new ReleaseCheck();
  t.equal(check.part(part(0, "abc")), undefined);
  t.equal(bundleOf(check), null, "not before it is whole");
  t.equal(check.part(part(3, "def")), undefined);
  t.equal(bundleOf(check, "cd".repeat(32)), null, "not for another image");
  t.equal(bundleOf(check), "abcdef");
  t.equal(bundleOf(check), null, "storage has it now");
});

t.test("a new first part begins again", async (t) => {
  const check = new ReleaseCheck();
  check.part(part(0, "abc"));
  check.part(part(0, "uvwxyz"));
  t.equal(bundleOf(check), "uvwxyz");
});

t.test("parts that do not follow are refused, and what came before them is gone", async (t) => {
  for (const [name, wrong] of Object.entries({
    gap: part(4, "ef"),
    overlap: part(2, "cdef"),
    "too long": part(3, "defg"),
    "another length": part(3, "def", 7),
    "another image": part(3, "def", 6, "cd".repeat(32)),
    "no first part": part(3, "def"),
  })) {
    const check = new ReleaseCheck();
    if (name !== "no first part") check.part(part(0, "abc"));
    t.match(check.part(wrong), { reason: "bundle-malformed" }, name);
    t.match(check.part(part(3, "def")), { reason: "bundle-malformed" }, `${name}, then the right one`);
  }
});

t.test("10 MB are refused at the first part", async (t) => {
  t.match(new ReleaseCheck().part(part(0, "abc", 10_000_000)), { reason: "bundle-malformed" });
});
