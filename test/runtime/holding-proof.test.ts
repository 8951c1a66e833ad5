import { createHash, createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { type MacAddress, macToBytes, parseMac } from "../../src/base/mac-address.js";
import { HoldingProver } from "../../src/runtime/holding-proof.js";

const mac = parseMac("00:00:5e:00:53:01") as MacAddress;
const otherMac = parseMac("00:00:5e:00:53:02") as MacAddress;
const nonce = new Uint8Array(16).fill(7);

/** As `wire/capwap/vendor.ts` describes it. */
const due = (image: Uint8Array, by: MacAddress): Buffer =>
  createHmac("sha256", createHash("sha256").update(nonce).update(image).digest()).update(macToBytes(by)).digest();

t.test("the proof is over the nonce, the whole file and the AP's address", async (t) => {
  const image = Buffer.alloc((1 << 20) + 12_345, "flexup");
  const path = join(t.testdir(), "image");
  writeFileSync(path, image);
  const prover = new HoldingProver();
  t.same(await prover.prove(path, nonce, mac), due(image, mac));
  t.same(await prover.prove(path, nonce, otherMac), due(image, otherMac), "another AP has another proof");
  t.not(Buffer.compare(due(image, mac), due(image, otherMac)), 0);
});

t.test("one file is read once for all APs and at a time", async (t) => {
  const path = join(t.testdir(), "image");
  writeFileSync(path, "first");
  const prover = new HoldingProver();
  const first = prover.prove(path, nonce, mac);
  await first;
  writeFileSync(path, "later");
  t.same(await prover.prove(path, nonce, otherMac), due(Buffer.from("first"), otherMac));
});

t.test("a file that cannot be read gives no proof, and is read again when it can", async (t) => {
  const path = join(t.testdir(), "image");
  const prover = new HoldingProver();
  t.equal(await prover.prove(path, nonce, mac), null);
  writeFileSync(path, "there");
  t.same(await prover.prove(path, nonce, mac), due(Buffer.from("there"), mac));
});

t.test("the event loop does not wait for a large file", async (t) => {
  const path = join(t.testdir(), "image");
  writeFileSync(path, Buffer.alloc(64 << 20));
  let turns = 0;
  const counting = setInterval(() => turns++, 1);
  await new HoldingProver().prove(path, nonce, mac);
  clearInterval(counting);
  t.ok(turns > 5, `${turns} turns of the loop meanwhile`);
});
