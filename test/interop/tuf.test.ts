/** Our bundles read, and such bundles written, by Debian's python3-securesystemslib, the library that TUF's own client signs with. */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import t from "tap";
import { readRoot } from "../../src/runtime/trust/metadata.js";
import { verifyRelease } from "../../src/runtime/trust/verify-release.js";
import { read, Vendor } from "../support/vendor.js";

const run = promisify(execFile);
const python = "/usr/bin/python3";
const script = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "test", "interop", "tuf_bundle.py");
const foreign = async (...args: string[]): Promise<string> => (await run(python, [script, ...args], { maxBuffer: 1 << 24 })).stdout;
const present = await run(python, ["-c", "import securesystemslib, nacl"]).then(
  () => true,
  () => false,
);
const options = { skip: present ? false : "python3-securesystemslib or python3-nacl is not installed" };

t.test("a bundle of ours, after two rotations, with a timestamp", options, async (t) => {
  const folder = t.testdir();
  const vendor = new Vendor(join(folder, "vendor"));
  vendor.rotate("release");
  vendor.rotate("root", vendor.root().signed.roles["root"]?.keyIDs[0]);
  const file = join(folder, "it.bundle");
  const bundle = await vendor.sign(Buffer.alloc(3_000_000, 5), { securityVersion: 7, timestampDays: 20 });
  writeFileSync(file, bundle);
  const targets = JSON.parse(await foreign("check", file));
  const [target] = Object.values(targets.targets) as [{ length: number; custom: Record<string, unknown> }];
  t.equal(target.length, 3_000_000);
  t.match(target.custom, { version: "8.5.182.0", families: ["ap3g3"], securityVersion: 7 });
  writeFileSync(file, bundle.toString().replace('"securityVersion":7', '"securityVersion":8'));
  await t.rejects(foreign("check", file), /AssertionError: targets/, "it verifies, rather than believes");
});

t.test("a bundle that the foreign library signed", options, async (t) => {
  const folder = t.testdir();
  const template = join(folder, "ours.bundle");
  writeFileSync(template, await new Vendor(join(folder, "vendor")).sign(Buffer.alloc(1000)));
  const root = readRoot(Buffer.from(await foreign("sign", template, join(folder, "theirs.bundle"), "41")));
  if (!root.ok) throw new Error(root.fault.detail);
  const bundle = read(readFileSync(join(folder, "theirs.bundle")));
  const verified = verifyRelease(root.value, bundle);
  t.equal(verified.ok && verified.value.release.targets.version, 41);
  const ours = verifyRelease(root.value, read(readFileSync(template)));
  t.equal(ours.ok, false, "with their root, ours is a stranger's");
});
