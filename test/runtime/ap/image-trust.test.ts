/** An AP that trusts a root, whatever its controller orders: what it takes, activates and boots, and what outlives a power cut. */
import { join } from "node:path";
import t from "tap";
import type { BootRecord } from "../../../src/core/ap/contract.js";
import { slotToBoot } from "../../../src/core/ap/image-slots.js";
import { canonicalBytes, type JsonObject } from "../../../src/runtime/trust/canonical-json.js";
import { Flash, folder, makeImage, type TestImage } from "../../support/flash.js";
import { MemoryDisk, powerCut } from "../../support/memory-disk.js";
import { dayMs, type SignedAs, Vendor, vendorNowMs } from "../../support/vendor.js";

t.testdir();
let vendors = 0;
const newVendor = () => new Vendor(join(t.testdirName, `vendor-${++vendors}`));
const trusting = (vendor: Vendor, version = 1) => ({
  factoryVersion: "8.5",
  trustedRoot: { root: vendor.root(version), family: "ap3g3", builtAtMs: vendorNowMs - 100 * dayMs },
});
const signed = (vendor: Vendor, { bytes, version }: TestImage, as: SignedAs = {}) => vendor.sign(bytes, { version, ...as });
const withRoots = (bundle: Buffer, roots: readonly JsonObject[]): Buffer =>
  canonicalBytes({ ...JSON.parse(bundle.toString()), roots: [...roots] });
const booting = (record: BootRecord, bootSlot: "a" | "b"): BootRecord => ({ ...record, bootSlot, swapOrderId: record.swapOrderId + 1 });
const bootedVersion = ({ state: { record } }: Flash) => record.slots[slotToBoot(record)]?.version;
const reasonOf = (answer: { readonly type: string; readonly reason?: string }) => answer.reason ?? answer.type;

/** An AP that has fetched an image of this security version into slot b. */
async function fetched(vendor: Vendor, disk: MemoryDisk, image: TestImage, securityVersion: number) {
  const flash = await Flash.open(disk, trusting(vendor));
  if ((await flash.check(image, await signed(vendor, image, { securityVersion }))) !== "admitted") throw new Error("not admitted");
  const { record } = await flash.fetch(image, "b", flash.state.record);
  return { flash, record };
}

t.test("an image is taken with its bundle, and committed only then", async (t) => {
  const vendor = newVendor();
  const image = makeImage("8.6", 50_000);
  const bundle = await signed(vendor, image);
  const flash = await Flash.open(new MemoryDisk(), trusting(vendor));
  t.equal(bootedVersion(flash), "8.5", "the image that was there when the root came boots");
  t.equal(await flash.check(image, null), "not-signed");
  await t.rejects(flash.fetch(image, "b", flash.state.record), { message: /^not-signed: / }, "not even where nobody had asked before");
  t.equal(await flash.check(image, bundle), "admitted");
  t.equal(await flash.check(image, null), "admitted", "the bundle is kept for the order's repeats");
  const { record } = await flash.fetch(image, "b", flash.state.record);
  t.equal((await flash.saveRecord(booting(record, "b"))).type, "boot-record-saved");
});

t.test("forged orders of a taken-over controller", async (t) => {
  const [vendor, attacker] = [newVendor(), newVendor()];
  const [image, foreign] = [makeImage("8.6", 50_000), makeImage("8.6", 50_000)];
  const flash = await Flash.open(new MemoryDisk(), trusting(vendor));
  const bundle = await signed(vendor, image);
  t.equal(await flash.check(foreign, await signed(attacker, foreign)), "signature-invalid", "signed by somebody else");
  t.equal(await flash.check(foreign, bundle), "not-signed", "with the bundle of another image");
  t.equal(await flash.check({ ...image, version: "9.9" }, bundle), "not-signed", "under another version");
  t.equal(await flash.check(image, await signed(vendor, image, { families: ["c3700"] })), "wrong-family");
  t.equal(await flash.check(image, Buffer.alloc(10_000_000, "{")), "bundle-malformed");
  t.equal(await flash.check(image, bundle), "admitted", "what was refused leaves no trace");
});

t.test("rollback: what was signed earlier needs a downgrade, what is below the floor never boots", async (t) => {
  const vendor = newVendor();
  const [older, newer] = [makeImage("8.6", 40_000), makeImage("8.7", 40_000)];
  const before = await signed(vendor, older, { securityVersion: 1 });
  const disk = new MemoryDisk();
  const { flash, record } = await fetched(vendor, disk, newer, 2);
  t.equal(await flash.check(older, before), "metadata-rollback");
  t.equal(await flash.check(older, before, true), "admitted", "above the floor, since nothing newer has booted");
  await flash.saveRecord(booting(record, "b"));
  t.equal(await flash.check(older, before, true), "below-security-floor");
  t.equal(reasonOf(await flash.saveRecord(booting(record, "a"))), "below-security-floor", "nor is the unsigned factory image swapped back");
  const next = await Flash.open(disk.reborn("lasting"), trusting(vendor));
  t.equal(bootedVersion(next), "8.7");
  t.match(next.state.barred, [{ slot: "a", reason: "below-security-floor" }]);
});

t.test("an order that the AP then refuses takes no bundle away from the one in hand", async (t) => {
  const vendor = newVendor();
  const [inHand, refused] = [makeImage("8.6", 30_000), makeImage("8.7", 30_000)];
  const flash = await Flash.open(new MemoryDisk(), trusting(vendor));
  t.equal(await flash.check(inHand, await signed(vendor, inHand)), "admitted");
  t.equal(await flash.check(refused, await signed(vendor, refused), false, inHand.sha256), "admitted");
  await flash.fetch(inHand, "b", flash.state.record);
});

t.test("bundles of images that are gone, and those cut off by a power cut, leave the flash", async (t) => {
  const vendor = newVendor();
  const [first, second] = [makeImage("8.6", 30_000), makeImage("8.7", 30_000)];
  const disk = new MemoryDisk();
  const flash = await Flash.open(disk, trusting(vendor));
  await flash.check(first, await signed(vendor, first));
  const cutOff = `${"ab".repeat(32)}.bundle.new`;
  await (await disk.open(join(folder, cutOff), "create")).close();
  await flash.check(second, await signed(vendor, second));
  t.same(
    disk.names.filter((name) => name.includes(".bundle")),
    [join(folder, `${second.sha256}.bundle`)],
  );
});

t.test("freeze: a controller that withholds timestamps", async (t) => {
  const vendor = newVendor();
  const image = makeImage("8.6", 40_000);
  const [first, second] = [await signed(vendor, image, { timestampDays: 30 }), await signed(vendor, image, { timestampDays: 30 })];
  const bare = await signed(vendor, image);
  const late = await signed(vendor, image, { timestampDays: 30, nowMs: vendorNowMs + 60 * dayMs });
  const flash = await Flash.open(new MemoryDisk(), trusting(vendor));
  t.equal(await flash.check(image, first), "admitted");
  t.equal(await flash.check(image, second), "admitted");
  t.equal(await flash.check(image, first), "metadata-rollback");
  t.equal(await flash.check(image, bare), "metadata-rollback", "without a timestamp");
  t.equal(await flash.check(image, late), "admitted");
  t.equal(await flash.check(image, second, true), "metadata-expired", "the newest signed date says so");
});

t.test("a floor is lasting before the image that sets it can boot, wherever the power goes", async (t) => {
  const vendor = newVendor();
  const disk = new MemoryDisk();
  const { record } = await fetched(vendor, disk, makeImage("8.6", 20_000), 3);
  const start = disk.reborn("lasting");
  const swap = async (on: MemoryDisk) => (await Flash.open(on, trusting(vendor))).saveRecord(booting(record, "b"));
  const whole = start.reborn("lasting");
  await swap(whole);
  const outcomes = new Set<string>();
  for (let step = 0; step <= whole.steps; step++) {
    const cut = start.reborn("lasting");
    cut.cutBeforeStep = step;
    await swap(cut).catch((error) => {
      if (error !== powerCut) throw error;
    });
    const after = cut.reborn("lasting");
    const bootSlot = JSON.parse(after.content(join(folder, "boot.json"))?.toString() ?? "").content.primary;
    const floor = Math.max(...["trust.json", "trust-copy.json"].map((name) => floorOf(after, name)));
    if (bootSlot === "b" && floor < 3) t.fail(`step ${step}: it boots with floor ${floor}`);
    outcomes.add(`${bootSlot} ${floor}`);
    const next = await Flash.open(after, trusting(vendor));
    if (bootedVersion(next) === undefined) t.fail(`step ${step}: nothing boots`);
  }
  t.same([...outcomes].sort(), ["a 0", "a 3", "b 3"], "before, between and after");
});

const floorOf = (disk: MemoryDisk, name: string): number =>
  Number(/"securityFloor":(\d+)/.exec(disk.content(join(folder, name))?.toString() ?? "")?.[1] ?? 0);

t.test("a factory reset leaves the floor", async (t) => {
  const vendor = newVendor();
  const disk = new MemoryDisk();
  const { flash, record } = await fetched(vendor, disk, makeImage("8.6", 40_000), 3);
  await flash.saveRecord(booting(record, "b"));
  for (const name of disk.names) if (!name.includes("trust")) await disk.remove(name);
  await disk.syncFolder();
  const reset = await Flash.open(disk.reborn("lasting"), trusting(vendor));
  t.equal(bootedVersion(reset), undefined, "the factory image is older than the floor");
  t.match(reset.state.barred, [{ slot: "a", reason: "below-security-floor" }]);
  const older = makeImage("8.5.9", 10_000);
  t.equal(await reset.check(older, await signed(vendor, older, { securityVersion: 2 })), "below-security-floor");
  const newer = makeImage("8.9", 10_000);
  t.equal(await reset.check(newer, await signed(vendor, newer, { securityVersion: 3 })), "admitted", "the way back");
});

t.test("what lies on the disk is verified again at swap and boot", async (t) => {
  const vendor = newVendor();
  const image = makeImage("8.6", 40_000);
  const bundle = join(folder, `${image.sha256}.bundle`);
  const file = join(folder, `slot-b-${image.sha256}.image`);
  const ready = async () => {
    const disk = new MemoryDisk();
    return { disk, ...(await fetched(vendor, disk, image, 1)) };
  };
  const damagedBundle = await ready();
  const securityVersionAt = (damagedBundle.disk.content(bundle) as Buffer).indexOf('"securityVersion":1') + '"securityVersion":'.length;
  damagedBundle.disk.flipBit(bundle, securityVersionAt);
  t.equal(reasonOf(await damagedBundle.flash.saveRecord(booting(damagedBundle.record, "b"))), "signature-invalid");
  t.match((await Flash.open(damagedBundle.disk.reborn("seen"), trusting(vendor))).state.barred, [{ slot: "b" }]);

  const damagedImage = await ready();
  damagedImage.disk.flipBit(file, 200);
  t.equal(reasonOf(await damagedImage.flash.saveRecord(booting(damagedImage.record, "b"))), "checksum-mismatch");

  const lost = await ready();
  await lost.disk.remove(bundle);
  t.equal(reasonOf(await lost.flash.saveRecord(booting(lost.record, "b"))), "not-signed");
  const next = await Flash.open(lost.disk.reborn("seen"), trusting(vendor));
  t.match(next.state.barred, [{ slot: "b", reason: "not-signed" }]);
  t.equal(bootedVersion(next), "8.5");
});

t.test("a revoked release key: nothing more is taken or activated, what runs starts again", async (t) => {
  const vendor = newVendor();
  const disk = new MemoryDisk();
  const [first, second, third] = [makeImage("8.6", 30_000), makeImage("8.7", 30_000), makeImage("8.8", 30_000)];
  const { flash, record } = await fetched(vendor, disk, first, 1);
  await flash.saveRecord(booting(record, "b"));
  const running = await Flash.open(disk, trusting(vendor));
  t.equal(await running.check(second, await signed(vendor, second)), "admitted");
  const { record: both } = await running.fetch(second, "a", running.state.record);
  const forged = await signed(vendor, third);
  vendor.rotate("release");
  t.equal(await running.check(third, await signed(vendor, third)), "admitted", "by the new key, with the new root");
  t.equal(await running.check(third, forged), "signature-invalid");
  t.equal(reasonOf(await running.saveRecord(booting(both, "a"))), "signature-invalid", "a swap to what the old key signed");
  const again = await Flash.open(disk.reborn("lasting"), trusting(vendor));
  t.equal(bootedVersion(again), "8.6");
  t.same(again.state.barred, []);
  t.equal(await again.check(third, forged), "signature-invalid", "the new root is remembered");
  t.equal(await again.check(second, await signed(vendor, second)), "admitted", "signed again, the image in the slot is good");
  t.equal(reasonOf(await again.saveRecord(booting(both, "a"))), "boot-record-saved");
});

t.test("a forged root beside the one that rotation brought is not trusted", async (t) => {
  const [vendor, attacker] = [newVendor(), newVendor()];
  const [image, foreign] = [makeImage("8.6", 30_000), makeImage("9.9", 30_000)];
  for (const each of [vendor, attacker]) each.rotate("release");
  const rootsOf = (bundle: Buffer) => JSON.parse(bundle.toString()).roots as JsonObject[];
  const [genuine, forged] = [await signed(vendor, image), await signed(attacker, foreign)];
  const both = [...rootsOf(genuine), ...rootsOf(forged).slice(1)];
  const disk = new MemoryDisk();
  const flash = await Flash.open(disk, trusting(vendor));
  t.equal(await flash.check(image, withRoots(genuine, both)), "admitted", "the roots that the chain leads past are ignored");
  t.equal(await flash.check(foreign, withRoots(forged, rootsOf(forged).slice(1))), "signature-invalid");
  const next = await Flash.open(disk.reborn("lasting"), trusting(vendor));
  t.equal(await next.check(foreign, withRoots(forged, rootsOf(forged).slice(1))), "signature-invalid", "nor after a restart");
});

t.test("an image that is signed again under another version stays bootable under its own", async (t) => {
  const vendor = newVendor();
  const image = makeImage("8.6", 30_000);
  const disk = new MemoryDisk();
  const { flash, record } = await fetched(vendor, disk, image, 1);
  await flash.saveRecord(booting(record, "b"));
  const renamed = { ...image, version: "8.6.1" };
  t.equal(await flash.check(renamed, await signed(vendor, renamed)), "admitted");
  const next = await Flash.open(disk.reborn("lasting"), trusting(vendor));
  t.same([next.state.barred.map(({ slot }) => slot), bootedVersion(next)], [["a"], "8.6"], "power went before the slot had its new name");
  t.equal(await next.check(image, null), "not-signed", "an order is held to the version that is signed");
});

t.test("a damaged trust.json", async (t) => {
  const vendor = newVendor();
  const disk = new MemoryDisk();
  const { flash, record } = await fetched(vendor, disk, makeImage("8.6", 40_000), 3);
  await flash.saveRecord(booting(record, "b"));
  disk.flipBit(join(folder, "trust.json"), 100);
  const next = await Flash.open(disk.reborn("seen"), trusting(vendor));
  const older = makeImage("8.4", 10_000);
  t.equal(await next.check(older, await signed(vendor, older, { securityVersion: 1 })), "below-security-floor", "its copy has the floor");
  disk.flipBit(join(folder, "trust-copy.json"), 100);
  await t.rejects(Flash.open(disk.reborn("seen"), trusting(vendor)), { message: /trust.json and trust-copy.json are damaged/ });
});
