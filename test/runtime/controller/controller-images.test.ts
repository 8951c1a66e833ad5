import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { failure, success } from "../../../src/base/failure.js";
import { ImageFolder, type MeasuredImage } from "../../../src/runtime/controller/controller-images.js";
import { reserveBytes } from "../../../src/runtime/controller/store/reserve.js";
import { temporaryFolder } from "../../support/folder.js";

const content = Buffer.from("an image of some octets, cut into chunks");
const sha256 = createHash("sha256").update(content).digest("hex");
const md5 = createHash("md5").update(content).digest("hex");

async function* chunks(bytes: Uint8Array, size = 7): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const accept = async (image: MeasuredImage) => success(image);

function opened(folder: string): ImageFolder {
  const result = ImageFolder.open(folder);
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
}

function read(images: ImageFolder, image: string, offset: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(length);
  images.read(image, offset, bytes);
  return bytes;
}

t.test("a file is measured, stored under its digest and read in ranges", async (t) => {
  const folder = temporaryFolder(t);
  const images = opened(folder);
  t.teardown(() => images.close());
  t.same(await images.add(chunks(content), 1000, accept), success({ sizeBytes: content.length, sha256, md5 }));
  t.same(readdirSync(folder), [sha256]);
  t.same(readFileSync(join(folder, sha256)), content);
  t.same(read(images, sha256, 3, 5), content.subarray(3, 8));
  t.same(read(images, sha256, 0, content.length), content);
});

t.test("a refused image leaves nothing, unless it was there before", async (t) => {
  const folder = temporaryFolder(t);
  const images = opened(folder);
  t.teardown(() => images.close());
  const refusal = failure("unknown-model", "no");
  const refuse = async () => refusal;
  t.same(await images.add(chunks(content), 1000, refuse), refusal);
  t.same(readdirSync(folder), []);
  await images.add(chunks(content), 1000, accept);
  t.same(await images.add(chunks(content), 1000, refuse), refusal);
  t.same(readdirSync(folder), [sha256]);
});

t.test("empty, too large and broken-off files are refused and leave nothing", async (t) => {
  const folder = temporaryFolder(t);
  const images = opened(folder);
  t.teardown(() => images.close());
  t.same(
    await images.add(chunks(Buffer.alloc(0)), 1000, accept),
    failure("image-empty", "The image file is empty; give the file that the vendor released"),
  );
  t.same(
    await images.add(chunks(content), 20, accept),
    failure("image-too-large", "The image is larger than 20 bytes, the most that this controller takes"),
  );
  async function* broken(): AsyncIterable<Uint8Array> {
    yield content;
    throw new Error("the client went away");
  }
  t.same(await images.add(broken(), 1000, accept), failure("image-not-stored", "The image could not be stored: the client went away"));
  t.same(readdirSync(folder), []);
});

t.test("the disk keeps a reserve: an image that would use it is refused before a byte, or stopped on the way", async (t) => {
  const folder = temporaryFolder(t);
  let free = reserveBytes + 5 * 2 ** 20;
  const result = ImageFolder.open(folder, () => free);
  if (!result.ok) throw new Error(result.failure.message);
  const images = result.value;
  t.teardown(() => images.close());
  const noRoom = failure("image-not-stored", "The image could not be stored: no space is left in the controller's data folder; free some");
  let read = 0;
  async function* filling(): AsyncIterable<Uint8Array> {
    for (; read < 20 * 2 ** 20; read += 2 ** 18) {
      free -= 2 ** 18;
      yield Buffer.alloc(2 ** 18);
    }
  }
  const most = 2 ** 30;
  t.same(await images.add(filling(), most, accept, 6 * 2 ** 20), noRoom);
  t.equal(read, 0, "the announced length is enough");
  t.match(await images.add(filling(), 1000, accept, 1001), { failure: { code: "image-too-large" } });
  t.equal(read, 0, "here too");
  t.same(await images.add(filling(), most, accept), noRoom);
  t.ok(free > reserveBytes - 2 * 2 ** 20, `stopped with ${free} bytes left`);
  t.same(readdirSync(folder), [], "and nothing stays of it");
});

t.test("removal closes and deletes, but not an image whose upload is being decided", async (t) => {
  const folder = temporaryFolder(t);
  const images = opened(folder);
  t.teardown(() => images.close());
  await images.add(chunks(content), 1000, async (image) => {
    images.remove(sha256);
    t.ok(existsSync(join(folder, sha256)), "an image-gone that crosses the upload changes nothing");
    return success(image);
  });
  read(images, sha256, 0, 1);
  images.remove(sha256);
  t.same(readdirSync(folder), []);
  t.throws(() => read(images, sha256, 0, 1), /ENOENT/);
});

t.test("half an upload is cleared away at start; an image that no release lists is set aside", async (t) => {
  const folder = temporaryFolder(t);
  const orphan = "0".repeat(64);
  writeFileSync(join(folder, `${randomUUID()}.part`), "half an upload");
  writeFileSync(join(folder, orphan), "stored, but never in the catalogue");
  writeFileSync(join(folder, sha256), content);
  const images = opened(folder);
  t.teardown(() => images.close());
  t.same(readdirSync(folder).sort(), [sha256, orphan].sort());
  t.same(images.setAside(new Set([sha256])), [orphan]);
  t.same(readdirSync(folder).sort(), [sha256, "unlisted"].sort());
  t.same(readdirSync(join(folder, "unlisted")), [orphan]);
  t.same(images.setAside(new Set([sha256])), [], "once");
});

t.test("a file that got shorter is an error and not a wrong block", async (t) => {
  const folder = temporaryFolder(t);
  const images = opened(folder);
  t.teardown(() => images.close());
  await images.add(chunks(content), 1000, accept);
  truncateSync(join(folder, sha256), 10);
  t.throws(() => read(images, sha256, 8, 4), { message: `image ${sha256} is shorter than it was: 2 of 4 octets at 8` });
});

t.test("a folder that cannot be made is refused", async (t) => {
  const file = join(temporaryFolder(t), "file");
  writeFileSync(file, "");
  t.match(ImageFolder.open(file), {
    ok: false,
    failure: { code: "data-folder-unusable", message: /^\S+ cannot hold images: EEXIST.*; check that it is writable$/ },
  });
});

t.test("what is not ours in the folder, as on a disk that is mounted there, is let alone", async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "lost+found"));
  mkdirSync(join(folder, "old.part"));
  writeFileSync(join(folder, "notes.txt"), "mine");
  const images = opened(folder);
  t.teardown(() => images.close());
  await images.add(chunks(content), 1000, accept);
  images.setAside(new Set());
  t.same(readdirSync(folder).sort(), ["lost+found", "notes.txt", "old.part", "unlisted"]);
});
