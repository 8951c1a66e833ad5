/** The vendor's folder: keys that only their owner reads, nothing overwritten, thresholds that hold. */
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { initReleaseFolder } from "../../../src/runtime/trust/vendor/init.js";
import { measureImage } from "../../../src/runtime/trust/vendor/measure-image.js";
import { rotateKey } from "../../../src/runtime/trust/vendor/rotate.js";
import { signRelease } from "../../../src/runtime/trust/vendor/sign.js";
import { Vendor, vendorNowMs } from "../../support/vendor.js";

const open = { passphrase: undefined, keyFiles: [], nowMs: vendorNowMs };
const code = (result: { readonly ok: boolean; readonly failure?: { readonly code: string } }) =>
  result.ok ? "done" : result.failure?.code;
const toSign = (file: string) => ({ file, version: "8.5.182.0", families: ["ap3g3"], securityVersion: undefined });
const validity = { days: 10, timestampDays: undefined };

t.test("keys are files of their owner alone, and a folder is made once", async (t) => {
  const { folder } = new Vendor(join(t.testdir(), "vendor"));
  const keys = readdirSync(join(folder, "keys"));
  t.same(keys.sort(), ["freshness-1.pem", "release-1.pem", "root-1.pem", "root-2.pem", "root-3.pem"]);
  for (const name of keys) t.equal(statSync(join(folder, "keys", name)).mode & 0o777, 0o600, name);
  t.equal(statSync(join(folder, "keys")).mode & 0o777, 0o700);
  t.equal(code(initReleaseFolder(folder, { keys: 3, threshold: 2 }, open)), "folder-in-use");
});

t.test("a bundle is never overwritten", async (t) => {
  const folder = join(t.testdir({ "image.bin": "x".repeat(1000) }), "vendor");
  new Vendor(folder);
  const out = join(folder, "out.bundle");
  t.equal(code(await signRelease(folder, toSign(join(folder, "..", "image.bin")), validity, out, open)), "done");
  const before = readFileSync(out);
  t.equal(code(await signRelease(folder, toSign(join(folder, "..", "image.bin")), validity, out, open)), "file-exists");
  t.same(readFileSync(out), before);
});

t.test("versions count up, and the security version is kept", async (t) => {
  const vendor = new Vendor(join(t.testdir(), "vendor"));
  const custom = (bundle: Buffer) => {
    const { version, targets } = JSON.parse(bundle.toString()).targets.signed;
    return [version, (Object.values(targets) as { custom: { securityVersion: number } }[])[0]?.custom.securityVersion];
  };
  t.same(custom(await vendor.sign(Buffer.alloc(10))), [1, 0]);
  t.same(custom(await vendor.sign(Buffer.alloc(10), { securityVersion: 4 })), [2, 4]);
  t.same(custom(await vendor.sign(Buffer.alloc(10))), [3, 4]);
});

t.test("a passphrase", async (t) => {
  const folder = join(t.testdir({ "image.bin": "x" }), "vendor");
  const image = toSign(join(folder, "..", "image.bin"));
  const locked = { ...open, passphrase: "correct horse" };
  t.equal(code(initReleaseFolder(folder, { keys: 1, threshold: 1 }, locked)), "done");
  t.match(readFileSync(join(folder, "keys", "release-1.pem"), "utf8"), /ENCRYPTED/);
  t.equal(code(await signRelease(folder, image, validity, join(folder, "a"), open)), "passphrase-needed");
  t.equal(code(await signRelease(folder, image, validity, join(folder, "a"), { ...open, passphrase: "wrong" })), "key-unreadable");
  t.equal(code(await signRelease(folder, image, validity, join(folder, "a"), locked)), "done");
});

t.test("root keys kept elsewhere: fewer than the threshold make no root", async (t) => {
  const { folder } = new Vendor(join(t.testdir(), "vendor"));
  const away = join(folder, "..", "away");
  mkdirSync(away);
  for (const name of ["root-1.pem", "root-2.pem", "root-3.pem"]) renameSync(join(folder, "keys", name), join(away, name));
  const keyFiles = [join(away, "root-2.pem")];
  t.equal(code(rotateKey(folder, "release", undefined, open)), "keys-missing");
  t.equal(code(rotateKey(folder, "release", undefined, { ...open, keyFiles })), "keys-missing");
  t.same(readdirSync(join(folder, "keys")), ["freshness-1.pem", "release-1.pem"], "no key was made in vain");
  t.equal(code(rotateKey(folder, "release", undefined, { ...open, keyFiles: [...keyFiles, join(away, "root-3.pem")] })), "done");
  t.same(readdirSync(join(folder, "roots")), ["1.root.json", "2.root.json"]);
  t.equal(code(rotateKey(folder, "root", undefined, open)), "key-unnamed");
  t.equal(code(rotateKey(folder, "root", "ffff", open)), "key-unknown");
});

t.test("the chunk list has a digest for each MiB", async (t) => {
  const file = (bytes: number) => join(t.testdir({ "image.bin": Buffer.alloc(bytes) }), "image.bin");
  for (const [bytes, chunks] of [
    [1, 1],
    [1 << 20, 1],
    [(1 << 20) + 1, 2],
    [5 << 20, 5],
  ] as const) {
    const measured = await measureImage(file(bytes));
    t.equal(measured.ok && measured.value.chunks.sha256s.length, chunks, `${bytes} bytes`);
    t.equal(measured.ok && measured.value.sizeBytes, bytes);
  }
  t.equal(code(await measureImage(file(0))), "image-unreadable");
});
