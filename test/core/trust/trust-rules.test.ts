/** Which verified release an AP takes: rollback, freeze, floor, expiry without a clock. */
import t from "tap";
import type { SignedImage, VerifiedRelease } from "../../../src/core/trust/release.js";
import { admitRelease, barredFromBoot, emptyTrustMemory, type TrustMemory, withFloor } from "../../../src/core/trust/trust-rules.js";
import { imageChunkBytes } from "../../../src/core/upgrade/image-chunks.js";

const sha256 = "ab".repeat(32);
const ordered = { sha256, sizeBytes: 1000, version: "8.5.182.0" };
const image: SignedImage = {
  ...ordered,
  families: ["ap3g3"],
  securityVersion: 4,
  chunks: { chunkBytes: imageChunkBytes, sha256s: [sha256] },
};
const role = (version: number, signedAtMs = 100, expiresAtMs = 1000) => ({ version, signedAtMs, expiresAtMs });
const release = (change: Partial<VerifiedRelease> = {}): VerifiedRelease => ({
  root: role(1),
  targets: role(5),
  timestamp: null,
  images: [image],
  ...change,
});
const verdict = (change: Partial<VerifiedRelease>, memory: Partial<TrustMemory> = {}, allowsDowngrade = false, builtAtMs = 0) => {
  const facts = { family: "ap3g3", memory: { ...emptyTrustMemory, ...memory }, allowsDowngrade, builtAtMs };
  return admitRelease(release(change), ordered, facts);
};
const reason = (...args: Parameters<typeof verdict>) => {
  const admitted = verdict(...args);
  return admitted.ok ? "admitted" : admitted.fault.reason;
};

t.test("what is admitted is remembered, the floor is not raised yet", async (t) => {
  const admitted = verdict({ timestamp: role(7, 120) }, { rootVersion: 1, targetsVersion: 4, securityFloor: 2 });
  t.same(admitted.ok && admitted.value.memory, {
    rootVersion: 1,
    targetsVersion: 5,
    timestampVersion: 7,
    newestSignedAtMs: 120,
    securityFloor: 2,
  });
  t.equal(withFloor(emptyTrustMemory, 4).securityFloor, 4);
  t.equal(withFloor({ ...emptyTrustMemory, securityFloor: 9 }, 4).securityFloor, 9, "a floor never falls");
});

t.test("older metadata is a rollback unless a downgrade was asked for", async (t) => {
  t.equal(reason({ targets: role(5) }, { targetsVersion: 5 }), "admitted");
  t.equal(reason({ targets: role(5) }, { targetsVersion: 6 }), "metadata-rollback");
  t.equal(reason({ targets: role(5) }, { targetsVersion: 6 }, true), "admitted");
  const downgraded = verdict({ targets: role(5) }, { targetsVersion: 6 }, true);
  t.equal(downgraded.ok && downgraded.value.memory.targetsVersion, 6, "what was seen is not forgotten");
});

t.test("a root older than one that was accepted", async (t) => {
  t.equal(reason({ root: role(3) }, { rootVersion: 3 }), "admitted");
  t.equal(reason({ root: role(2) }, { rootVersion: 3 }), "metadata-rollback");
  t.equal(reason({ root: role(2) }, { rootVersion: 3 }, true), "metadata-rollback", "its keys may have been revoked since");
});

t.test("a downgrade does not reach below the floor", async (t) => {
  t.equal(reason({}, { securityFloor: 4 }), "admitted");
  t.equal(reason({}, { securityFloor: 5 }), "below-security-floor");
  t.equal(reason({}, { securityFloor: 5, targetsVersion: 9 }, true), "below-security-floor");
  t.equal(barredFromBoot(image, "ap3g3", 5)?.reason, "below-security-floor");
});

t.test("a frozen timestamp: an older one, or none where there was one", async (t) => {
  t.equal(reason({ timestamp: null }), "admitted", "a vendor need not use timestamps");
  t.equal(reason({ timestamp: role(3) }, { timestampVersion: 3 }), "admitted");
  t.equal(reason({ timestamp: role(2) }, { timestampVersion: 3 }), "metadata-rollback");
  t.equal(reason({ timestamp: null }, { timestampVersion: 3 }), "metadata-rollback");
});

t.test("expiry is judged by the newest signed date and the build date, never by a clock", async (t) => {
  t.equal(reason({ targets: role(5, 100, 1000) }, {}, false, 999), "admitted");
  t.equal(reason({ targets: role(5, 100, 1000) }, {}, false, 1000), "metadata-expired");
  t.equal(reason({ targets: role(5, 100, 1000) }, { newestSignedAtMs: 1000 }), "metadata-expired");
  t.equal(reason({ root: role(1, 100, 50) }), "metadata-expired", "by its own date");
  t.equal(reason({ timestamp: role(1, 100, 110), targets: role(5, 200, 1000) }), "metadata-expired");
});

t.test("the image must be the one that is ordered, for this family", async (t) => {
  t.equal(reason({ images: [] }), "not-signed");
  t.equal(reason({ images: [{ ...image, sizeBytes: 999 }] }), "not-signed");
  t.equal(reason({ images: [{ ...image, version: "8.5.999.0" }] }), "not-signed", "a controller cannot rename an image");
  t.equal(reason({ images: [{ ...image, families: ["c3700"] }] }), "wrong-family");
});
