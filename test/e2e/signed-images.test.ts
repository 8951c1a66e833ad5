/** Signed releases with real processes: what the controller takes, what APs take from it, and what a floor does after the reset. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { apsOf, before, Fleet, must, until } from "../support/fleet.js";
import { temporaryFolder } from "../support/folder.js";
import { Vendor } from "../support/vendor.js";

t.jobs = 2;
const mebibyte = 2 ** 20;
const model = "AIR-AP2802I";

/** A fleet and a vendor whose root it trusts. */
async function trustingFleet(t: Test, count: number) {
  const vendor = new Vendor(join(temporaryFolder(t), "vendor"));
  const fleet = await Fleet.start(t, ["--trust-root", vendor.rootFile]);
  const plans = apsOf(model, count);
  await fleet.join(plans, "--trust-root", vendor.rootFile);
  await fleet.group("branch", plans);
  const add = async (version: string, bundle: Uint8Array | undefined, content: Buffer) => {
    const path = join(fleet.folder, `${version}.img`);
    writeFileSync(path, content);
    const facts = { version, models: [model], release: "primary" as const };
    return fleet.admin.addImage(path, bundle === undefined ? facts : { ...facts, bundle }, () => {});
  };
  return { vendor, fleet, plans, add };
}

t.test("a signed image reaches a branch, and its floor outlives the reset", async (t) => {
  const { vendor, fleet, plans, add } = await trustingFleet(t, 3);
  // Larger than one message: parts of a bundle of some 8 kB.
  const content = randomBytes(40 * mebibyte);
  const bundle = await vendor.sign(content, { version: "8.9", securityVersion: 2, timestampDays: 30 });
  t.ok(bundle.length > 6_000, `${bundle.length} bytes`);

  t.match(await add("8.9", undefined, content), { ok: false, failure: { code: "not-signed" } });
  t.match(await add("8.9", await vendor.sign(randomBytes(100), { version: "8.9" }), content), { failure: { code: "not-signed" } });
  const stranger = new Vendor(join(temporaryFolder(t), "stranger"));
  t.match(await add("8.9", await stranger.sign(content, { version: "8.9" }), content), { failure: { code: "signature-invalid" } });
  t.same(must(await fleet.admin.order({ type: "show-images" })), [], "nothing of what was refused is kept");
  t.match(await add("8.9", bundle, content), { ok: true, value: { signature: { securityVersion: 2 } } });
  t.match(must(await fleet.admin.order({ type: "show-system" })), { signatures: "required" });
  t.match(must(await fleet.admin.order({ type: "show-ap-summary" })), [
    { signature: "required" },
    { signature: "required" },
    { signature: "required" },
  ]);

  await fleet.start("branch");
  const view = await fleet.runOver("branch");
  t.match(view.run, { state: "complete", counts: { Complete: 3 } });
  t.equal(view.models[0]?.wanCopies, 1, "one copy of the image over the WAN");
  must(await fleet.admin.order({ type: "ap-swap", ap: "all" }));
  must(await fleet.admin.order({ type: "ap-reset", ap: "all" }));
  await until("all back on the new version", async () => {
    const rows = must(await fleet.admin.order({ type: "show-ap-summary" }));
    return rows.every((row) => row.state === "Joined" && row.runningVersion === "8.9") || undefined;
  });
  const [first] = plans;
  t.match(await fleet.row(first?.name as string), { primaryImage: "8.9", backupImage: "0.0.0.0" }, "the unsigned factory image is gone");

  const older = randomBytes(mebibyte);
  t.match(await add("8.8", await vendor.sign(older, { version: "8.8", securityVersion: 1 }), older), { ok: true });
  await fleet.start("branch");
  const refused = await fleet.runOver("branch");
  t.match(refused.run, { state: "failed", counts: { Failed: 3 } });
  t.match(await fleet.row(first?.name as string), { failureReason: "metadata-rollback", primaryImage: "8.9" }, "it has no timestamp");
});

t.test("a controller that trusts nobody: its APs do not take what is unsigned", async (t) => {
  const vendor = new Vendor(join(temporaryFolder(t), "vendor"));
  const fleet = await Fleet.start(t);
  const [trusting, trustless] = apsOf(model, 2);
  if (trusting === undefined || trustless === undefined) throw new Error("two APs");
  await fleet.join([trusting], "--trust-root", vendor.rootFile);
  await fleet.join([trustless]);
  await fleet.group("branch", [trusting, trustless]);
  await fleet.addImage(model, mebibyte, "8.9");
  t.match(must(await fleet.admin.order({ type: "show-system" })), { signatures: "unverified" });
  await fleet.start("branch");
  await fleet.runOver("branch");
  t.match(await fleet.row(trusting.name), { status: "Failed", failureReason: "not-signed", primaryImage: before });
  t.match(await fleet.row(trustless.name), { status: "Complete" });
  const signatures = must(await fleet.admin.order({ type: "show-ap-summary" })).map(({ name, signature }) => [name, signature]);
  t.same(signatures, [
    [trusting.name, "required"],
    [trustless.name, "unsigned"],
  ]);
});
