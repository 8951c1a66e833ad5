/** What a bundle may look like: one spelling, bounded in every direction, refused with a reason and never with an exception. */

import { join } from "node:path";
import t from "tap";
import { Prng } from "../../../src/base/prng.js";
import { bundleBytesMax } from "../../../src/core/trust/release.js";
import { readBundle } from "../../../src/runtime/trust/bundle.js";
import { canonicalBytes, parseCanonical } from "../../../src/runtime/trust/canonical-json.js";
import { verifyRelease } from "../../../src/runtime/trust/verify-release.js";
import { Vendor } from "../../support/vendor.js";

const vendor = new Vendor(join(t.testdir(), "vendor"));
const bundle = await vendor.sign(Buffer.alloc(2_500_000, 7), { timestampDays: 30 });
const text = bundle.toString();
const refusal = (bytes: Uint8Array): string => {
  const read = readBundle(bytes);
  return read.ok ? "read" : `${read.fault.reason}: ${read.fault.detail}`;
};
const changed = (from: string | RegExp, to: string): string => {
  const other = text.replace(from, to);
  if (other === text) throw new Error(`nothing to replace: ${from}`);
  return refusal(Buffer.from(other));
};

t.test("a bundle as it was signed", async (t) => {
  t.equal(refusal(bundle), "read");
});

t.test("10 MB of metadata is refused by its size alone", async (t) => {
  const started = process.cpuUsage();
  t.equal(refusal(Buffer.alloc(10_000_000, "[")), `bundle-malformed: the bundle has 10000000 bytes, more than ${bundleBytesMax}`);
  t.ok(process.cpuUsage(started).user < 50_000, "nothing was parsed");
});

t.test("another spelling of the same JSON is refused", async (t) => {
  const notCanonical = "bundle-malformed: the bundle is not canonical JSON";
  t.equal(changed('"targets":{"signatures"', '"targets": {"signatures"'), notCanonical, "a blank");
  t.equal(changed('"_type":"targets"', '"_type":"targets","_type":"targets"'), notCanonical, "a key twice");
  t.equal(changed('"securityVersion":0', '"securityVersion":9,"securityVersion":0'), notCanonical, "a key twice, the first one another");
  t.equal(changed('"securityVersion":0', '"securityVersion":0.0'), notCanonical, "a fraction");
  t.equal(changed('"securityVersion":0', '"securityVersion":1e2'), notCanonical, "an exponent");
  t.equal(changed('"securityVersion":0', '"securityVersion":-0'), notCanonical, "minus nothing");
  t.equal(changed('"securityVersion":0', '"securityVersion":0.5'), notCanonical, "half a version");
  t.equal(changed('"securityVersion":0', '"securityVersion":99999999999999999999'), notCanonical, "more than a double holds");
  t.equal(changed("8.5.182.0", "8.5.182.\\u0030"), notCanonical, "an escape");
  t.equal(changed('"format":', '"__proto__":{},"format":'), "bundle-malformed: the bundle has an unknown field __proto__");
  const notAscii = "bundle-malformed: the bundle holds characters other than printable ASCII";
  t.equal(changed("8.5.182.0", "8.5.182.٠"), notAscii, "another digit");
  t.equal(changed("ap3g3", "ap3\u200bg3"), notAscii, "an invisible character");
  t.equal(refusal(Buffer.concat([bundle, Buffer.from("\n")])), notAscii, "a line feed at the end");
  t.equal(refusal(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bundle])), notAscii, "a byte order mark");
});

t.test("shapes that no vendor writes", async (t) => {
  t.match(changed(/"version":1(?=\}\}\],"snapshot")/, '"version":0'), /root: its version is not a whole number from 1/);
  t.match(changed(/2\d{3}-\d\d-\d\dT/, "2030-13-45T"), /root: a date is not like/);
  t.match(changed(/"public":"[0-9a-f]/, '"public":"Z'), /root: a key is not an Ed25519 key/);
  t.match(changed('"threshold":2', '"threshold":9'), /root: the threshold of root cannot be met/);
  t.match(changed('"threshold":2', '"threshold":0'), /root: threshold must be at least 1/);
  t.match(changed("flexup-bundle-1", "flexup-bundle-2"), /format/);
  t.match(refusal(Buffer.from("[]")), /not a JSON object/);
  t.match(refusal(Buffer.from("{}")), /format/);
  t.match(refusal(Buffer.alloc(0)), /not a JSON object/);
  t.match(refusal(Buffer.from(`{"a":${"[".repeat(100_000)}`)), /nested deeper/);
  t.match(refusal(Buffer.from(`{"a":"${"]".repeat(1000)}","b":${"[".repeat(100_000)}`)), /nested deeper/, "brackets in text do not count");
  const { snapshot, ...withoutSnapshot } = JSON.parse(text);
  t.match(refusal(canonicalBytes(withoutSnapshot)), /snapshot: missing/, "a timestamp without its snapshot");
  const crowded = JSON.parse(text);
  for (let count = 0; count < 100; count++) crowded.roots[0].signed.keys[`key ${count}`] = {};
  t.match(refusal(canonicalBytes(crowded)), /root: more than 64 keys, signatures or images/);
});

t.test("a signature covers every byte: whichever is changed, nothing is verified", async (t) => {
  const root = vendor.root();
  const prng = new Prng(12);
  t.ok(verifyRelease(root, value(readBundle(bundle))).ok);
  let parsed = 0;
  for (let round = 0; round < 400; round++) {
    const bytes = Buffer.from(bundle);
    const at = prng.below(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << prng.below(7));
    const read = readBundle(bytes);
    if (!read.ok) continue;
    parsed++;
    const verified = verifyRelease(root, read.value);
    // The anchor is the root that is trusted: what a bundle says of that version is not looked at.
    const inRoots = at > text.indexOf('"roots"') && at < text.indexOf('"snapshot":{"signatures"');
    if (verified.ok && !inRoots) t.fail(`byte ${at} changed and verified`);
  }
  t.ok(parsed > 100, `${parsed} of them were still JSON`);
});

t.test("canonical JSON of other things than bundles", async (t) => {
  t.ok(parseCanonical(Buffer.from('{"a":[1,true,null,"b\\"\\\\"]}'), 100, "it").ok);
  t.notOk(parseCanonical(Buffer.from('{"b":1,"a":2}'), 100, "it").ok, "keys out of order");
});

function value<T>(verdict: { readonly ok: true; readonly value: T } | { readonly ok: false }): T {
  if (!verdict.ok) throw new Error("refused");
  return verdict.value;
}
