import { createHash } from "node:crypto";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { AdminClient } from "../../src/admin/client.js";
import { failure, success } from "../../src/base/failure.js";
import type { NewImage } from "../../src/core/controller/operator/new-image.js";
import type { Order } from "../../src/core/controller/operator/orders.js";
import { serving } from "../support/admin.js";
import { FakeOperatorPort } from "../support/fake-operator-port.js";
import { temporaryFolder } from "../support/folder.js";
import { dayMs, Vendor, vendorNowMs } from "../support/vendor.js";

const content = Buffer.alloc(300_000, "flexup");
const digest = (algorithm: string): string => createHash(algorithm).update(content).digest("hex");
const description = { version: "8.5.161.0", models: ["AIR-AP2802I", "AIR-AP3802I"], release: "primary" as const };

const catalogued = (order: Order) => {
  const { image } = order as { image: NewImage };
  return success({ id: "1", ...image, families: ["ap3g3"], addedAt: 5, signature: null });
};

t.test("a file goes up, is measured and is offered to the catalogue", async (t) => {
  const operator = new FakeOperatorPort();
  operator.answer = catalogued;
  const { url, imageFolder } = await serving(t, { operator });
  const file = join(temporaryFolder(t), "ap3g3 k9w8.tar");
  writeFileSync(file, content);
  const progress: number[] = [];
  const image = {
    ...description,
    fileName: "ap3g3_k9w8.tar",
    sizeBytes: content.length,
    sha256: digest("sha256"),
    md5: digest("md5"),
  };
  t.same(
    await new AdminClient(url).addImage(file, description, (bytes) => progress.push(bytes)),
    success({ id: "1", ...image, families: ["ap3g3"], addedAt: 5, signature: null }),
  );
  t.same(operator.orders, [{ type: "image-add", image }]);
  t.equal(progress.at(-1), content.length);
  t.same(readdirSync(imageFolder), [image.sha256]);
});

t.test("the reason of a refusal reaches a client that still sends", async (t) => {
  const operator = new FakeOperatorPort();
  const { url, imageFolder } = await serving(t, { operator, imageBytesMax: 100_000 });
  const file = join(temporaryFolder(t), "big.tar");
  writeFileSync(file, Buffer.alloc(20_000_000));
  const client = new AdminClient(url);
  t.same(
    await client.addImage(file, description, () => {}),
    failure("image-too-large", "The image is larger than 100000 bytes, the most that this controller takes"),
  );
  t.same(operator.orders, []);
  operator.answer = () => failure("unknown-model", "no");
  writeFileSync(file, "x");
  t.same(await client.addImage(file, description, () => {}), failure("unknown-model", "no"));
  t.same(readdirSync(imageFolder), []);
});

t.test("a file that cannot be sent is refused where it lies", async (t) => {
  const operator = new FakeOperatorPort();
  const { url } = await serving(t, { operator });
  const folder = temporaryFolder(t);
  const client = new AdminClient(url);
  const add = (path: string) => client.addImage(path, description, () => {});
  const file = join(folder, "empty.tar");
  writeFileSync(file, "");
  t.same(await add(file), failure("image-empty", `${file} is empty; give the file that the vendor released`));
  t.same(await add(join(folder, "none.tar")), failure("image-file-missing", `There is no file ${join(folder, "none.tar")}`));
  t.same(await add(folder), failure("image-file-unreadable", `${folder} is not a regular file`));
  if (process.getuid?.() !== 0) {
    writeFileSync(join(folder, "sealed.tar"), "x", { mode: 0 });
    const sealed = join(folder, "sealed.tar");
    t.same(await add(sealed), failure("image-file-unreadable", `${sealed} cannot be read: permission denied`));
  }
  t.same(operator.orders, []);
});

t.test("an upload without a file or without its facts is refused", async (t) => {
  const operator = new FakeOperatorPort();
  const { app } = await serving(t, { operator });
  const missing = await app.inject({ method: "POST", url: "/api/v1/images?version=1&models=a&release=primary" });
  t.equal(missing.statusCode, 400);
  t.equal(missing.json().code, "image-empty");
  const facts = await app.inject({
    method: "POST",
    url: "/api/v1/images?version=1&models=a&release=third",
    headers: { "content-type": "application/octet-stream" },
    payload: "x",
  });
  t.equal(facts.statusCode, 400);
  t.same(facts.json(), { code: "invalid-request", message: 'release: Invalid option: expected one of "primary"|"backup"' });
  t.same(operator.orders, []);
});

t.test("the name for TFTP holds harmless characters alone", async (t) => {
  const operator = new FakeOperatorPort();
  operator.answer = catalogued;
  const { app } = await serving(t, { operator });
  const offered = async (fileName: string): Promise<string> => {
    const query = new URLSearchParams({ version: "1", models: "a", release: "backup", fileName });
    const response = await app.inject({
      method: "POST",
      url: `/api/v1/images?${query}`,
      headers: { "content-type": "application/octet-stream" },
      payload: "x",
    });
    return response.json().fileName;
  };
  t.equal(await offered("../../etc/passwd"), "passwd");
  t.equal(await offered("C:\\images\\ap1g5.tar"), "ap1g5.tar");
  t.equal(await offered("..hidden"), "hidden");
  t.equal(await offered("grün.img"), "gr_n.img");
  t.equal(await offered(""), "image.bin");
});

t.test("a controller with a root keeps what a bundle proves, and nothing else", async (t) => {
  const vendor = new Vendor(join(temporaryFolder(t), "vendor"));
  const operator = new FakeOperatorPort();
  operator.answer = catalogued;
  let nowMs = vendorNowMs;
  const { url, imageFolder } = await serving(t, { operator, trustedRoot: vendor.root(), now: () => nowMs });
  const file = join(temporaryFolder(t), "ap3g3.tar");
  writeFileSync(file, content);
  const outcome = async (bundle?: Uint8Array) => {
    const added = await new AdminClient(url).addImage(file, bundle === undefined ? description : { ...description, bundle }, () => {});
    return added.ok ? "added" : added.failure.code;
  };
  const signed = await vendor.sign(content, { version: description.version, securityVersion: 6, days: 10 });
  t.equal(await outcome(), "not-signed");
  t.equal(await outcome(await vendor.sign(content, { version: "8.5.999.0" })), "not-signed", "another version");
  t.equal(await outcome(signed.subarray(0, 1000)), "bundle-malformed", "which is cut off");
  t.equal(await outcome(Buffer.alloc(300_000, 1)), "invalid-request", "larger than any bundle");
  nowMs += 10 * dayMs;
  t.equal(await outcome(signed), "metadata-expired");
  nowMs = vendorNowMs;
  t.same([operator.orders, readdirSync(imageFolder)], [[], []]);
  t.equal(await outcome(signed), "added");
  t.match(operator.orders, [{ image: { sizeBytes: content.length, sha256: digest("sha256") }, bundle: { securityVersion: 6 } }]);
  t.equal((operator.orders[0] as { bundle: { text: string } }).bundle.text, signed.toString());
});

t.test("without a root a bundle is passed on unverified, if it is about this image", async (t) => {
  const vendor = new Vendor(join(temporaryFolder(t), "vendor"));
  const operator = new FakeOperatorPort();
  operator.answer = catalogued;
  const { url } = await serving(t, { operator, now: () => vendorNowMs });
  const file = join(temporaryFolder(t), "ap3g3.tar");
  writeFileSync(file, content);
  const add = (bundle: Uint8Array) => new AdminClient(url).addImage(file, { ...description, bundle }, () => {});
  t.match(await add(await vendor.sign(Buffer.from("other"), { version: description.version })), { failure: { code: "not-signed" } });
  t.match(await add(await vendor.sign(content, { version: description.version })), { ok: true });
});
