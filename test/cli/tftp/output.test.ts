/** Where `tftp get -o` writes: what is there stays what it is. */
import { lstatSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import t from "tap";
import { openOutput } from "../../../src/cli/tftp/output.js";
import { temporaryFolder } from "../../support/folder.js";

const nowhere = new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error("write EPIPE"), { code: "EPIPE" })) });
nowhere.on("error", () => {});
const bytes = Buffer.from("new content");

async function write(path: string, end: "commit" | "discard" = "commit"): Promise<void> {
  const opened = await openOutput(path, nowhere);
  if (!opened.ok) throw new Error(opened.failure.message);
  await opened.value.sink.write(0, [bytes.subarray(0, 4), bytes.subarray(4)]);
  await opened.value[end]();
}

t.test("a new file, a file that is there with its mode, a link's target", async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string): string => join(folder, name);
  await write(at("fresh"));
  writeFileSync(at("old"), "old", { mode: 0o640 });
  await write(at("old"));
  t.equal(statSync(at("old")).mode & 0o777, 0o640);
  writeFileSync(at("target"), "old");
  symlinkSync("target", at("link"));
  await write(at("link"));
  symlinkSync("later", at("dangling"));
  await write(at("dangling"));
  t.ok(lstatSync(at("link")).isSymbolicLink() && lstatSync(at("dangling")).isSymbolicLink());
  for (const name of ["fresh", "old", "target", "later"]) t.equal(readFileSync(at(name), "utf8"), "new content", name);
  t.same(readdirSync(folder).sort(), ["dangling", "fresh", "later", "link", "old", "target"], "and nothing else");
});

t.test("a failed fetch leaves what was there", async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "old"), "old");
  await write(join(folder, "old"), "discard");
  await write(join(folder, "fresh"), "discard");
  t.same(readdirSync(folder), ["old"]);
  t.equal(readFileSync(join(folder, "old"), "utf8"), "old");
});

t.test("a device stays one, a directory is refused, an ended reader is told", async (t) => {
  await write("/dev/null");
  t.ok(lstatSync("/dev/null").isCharacterDevice());
  t.match(await openOutput(temporaryFolder(t), nowhere), { ok: false, failure: { code: "tftp-storage" } });
  t.match(await openOutput(join(temporaryFolder(t), "none", "file"), nowhere), { ok: false, failure: { code: "tftp-storage" } });
  const piped = await openOutput("-", nowhere);
  if (piped.ok) await t.rejects(piped.value.sink.write(0, [bytes]), { code: "EPIPE" });
});
