/** Which signatures count: chains of roots, revoked keys, thresholds, parts of different bundles. */
import { join } from "node:path";
import t from "tap";
import { verifyRelease } from "../../../src/runtime/trust/verify-release.js";
import { mixed, read, Vendor } from "../../support/vendor.js";

const image = Buffer.alloc(1_500_000, 3);
let vendors = 0;
const newVendor = () => new Vendor(join(t.testdirName, `vendor-${++vendors}`));
t.testdir();

function outcome(trusted: Parameters<typeof verifyRelease>[0], bundle: Uint8Array): string {
  const verified = verifyRelease(trusted, read(bundle));
  return verified.ok ? `root ${verified.value.roots.at(-1)?.signed.version}` : `${verified.fault.reason}: ${verified.fault.detail}`;
}

t.test("what is signed is what is read", async (t) => {
  const vendor = newVendor();
  const verified = verifyRelease(
    vendor.root(),
    read(await vendor.sign(image, { version: "8.5.1.0", families: ["c3700", "ap3g3"], securityVersion: 3 })),
  );
  const [signed] = verified.ok ? verified.value.release.images : [];
  t.match(signed, { version: "8.5.1.0", families: ["c3700", "ap3g3"], securityVersion: 3, sizeBytes: image.length });
  t.equal(signed?.chunks.sha256s.length, 2);
});

t.test("a revoked release key", async (t) => {
  const vendor = newVendor();
  const before = await vendor.sign(image);
  const first = vendor.root();
  vendor.rotate("release");
  const after = await vendor.sign(image);
  t.equal(outcome(first, before), "root 1");
  t.equal(outcome(first, after), "root 2", "the bundle brings the new root along");
  t.match(outcome(vendor.root(), before), /^signature-invalid: .*root version 2/);
  t.match(outcome(first, mixed({ roots: after, targets: before, freshness: null })), /^signature-invalid/, "the newest root decides");
});

t.test("a chain of roots is followed without a gap, by the keys of each", async (t) => {
  const vendor = newVendor();
  const first = vendor.root();
  const [lost] = first.signed.roles["root"]?.keyIDs ?? [];
  vendor.rotate("root", lost?.slice(0, 8));
  vendor.rotate("release");
  const bundle = await vendor.sign(image);
  t.equal(outcome(first, bundle), "root 3");
  t.equal(outcome(vendor.root(2), bundle), "root 3");
  const { roots, ...rest } = JSON.parse(bundle.toString());
  const { canonicalBytes } = await import("../../../src/runtime/trust/canonical-json.js");
  t.match(outcome(first, canonicalBytes({ ...rest, roots: [roots[0], roots[2]] })), /root version 2 is missing/);
  roots[1].signatures = roots[1].signatures.slice(0, 1);
  t.match(outcome(first, canonicalBytes({ ...rest, roots })), /signature-invalid: root was signed by 1\/2 keys/);
});

t.test("another vendor's bundle", async (t) => {
  t.match(outcome(newVendor().root(), await newVendor().sign(image)), /^signature-invalid/);
});

t.test("mixed bundles: a timestamp proves the targets that it came with", async (t) => {
  const vendor = newVendor();
  const older = await vendor.sign(image, { timestampDays: 30 });
  const newer = await vendor.sign(image, { timestampDays: 30, version: "8.5.999.0" });
  t.equal(outcome(vendor.root(), newer), "root 1");
  t.match(outcome(vendor.root(), mixed({ roots: newer, targets: older, freshness: newer })), /targets.json belongs to another bundle/);
  const json = JSON.parse(newer.toString());
  json.snapshot = JSON.parse(older.toString()).snapshot;
  const { canonicalBytes } = await import("../../../src/runtime/trust/canonical-json.js");
  t.match(outcome(vendor.root(), canonicalBytes(json)), /snapshot.json belongs to another bundle/);
});

t.test("who has no key of the role signs in vain", async (t) => {
  const vendor = newVendor();
  const bundle = await vendor.sign(image);
  const raise = (signed: Record<string, unknown>) => {
    signed["version"] = 1000;
  };
  t.equal(outcome(vendor.root(), vendor.resign(bundle, raise)), "root 1", "the release key signs targets");
  for (const key of ["freshness-1", "root-1"])
    t.match(outcome(vendor.root(), vendor.resign(bundle, raise, key)), /^signature-invalid/, `${key} does not`);
});

t.test("an image that is not described whole is refused though it is signed", async (t) => {
  const vendor = newVendor();
  const bundle = await vendor.sign(image);
  const [path] = Object.keys(read(bundle).targets.signed.targets) as [string];
  for (const change of [
    { securityVersion: -1 },
    { families: [] },
    { families: ["ap 3g3"] },
    { version: "8 5" },
    { chunks: ["ab".repeat(32)] },
  ]) {
    const resigned = vendor.resign(bundle, (signed) => {
      const target = (signed["targets"] as Record<string, { custom: Record<string, unknown> }>)[path];
      Object.assign(target?.custom ?? {}, change);
    });
    t.match(outcome(vendor.root(), resigned), /is not described as an image/, JSON.stringify(change));
  }
});
