/** What `tftp serve` finds, as it is at the moment of the request. */
import { chmodSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { ServedPaths } from "../../../src/runtime/tftp/served-paths.js";
import { errorCode } from "../../../src/wire/tftp/error-code.js";
import { temporaryFolder } from "../../support/folder.js";

async function served(...paths: string[]): Promise<ServedPaths> {
  const opened = await ServedPaths.of(paths);
  if (!opened.ok) throw new Error(opened.failure.message);
  return opened.value;
}

/** The content under a name, or the code of the refusal. */
const reader =
  (paths: ServedPaths) =>
  async (name: string): Promise<string | number> => {
    const found = await paths.open(name);
    if (found.type === "missing") return found.code;
    const content = await found.file.handle.readFile("utf8");
    await found.file.handle.close();
    return content;
  };

function folders(t: Test) {
  const outside = temporaryFolder(t);
  writeFileSync(join(outside, "secret"), "secret");
  const inside = temporaryFolder(t);
  mkdirSync(join(inside, "sub"));
  writeFileSync(join(inside, "f"), "old");
  writeFileSync(join(inside, "sub", "g"), "inner");
  symlinkSync("f", join(inside, "latest"));
  symlinkSync("nowhere", join(inside, "dangling"));
  symlinkSync(join(outside, "secret"), join(inside, "out"));
  symlinkSync(outside, join(inside, "outdir"));
  return { outside, inside };
}

t.test("files below a directory, by any spelling that stays in it", async (t) => {
  const { inside } = folders(t);
  const read = reader(await served(inside));
  for (const name of ["f", "//f", "./f", "/./f", "latest"]) t.equal(await read(name), "old", name);
  t.equal(await read("sub/g"), "inner");
  t.equal(await read("sub//./g"), "inner");
  for (const name of [
    "out",
    "outdir/secret",
    "../f",
    "sub/../f",
    "dangling",
    "sub",
    "f/",
    "",
    "/",
    ".",
    "..",
    "f\0",
    "F",
    "none",
    "n".repeat(5000),
  ])
    t.equal(await read(name), errorCode.fileNotFound, JSON.stringify(name.slice(0, 20)));
});

t.test("what comes, is replaced or cannot be read", async (t) => {
  const { inside } = folders(t);
  const read = reader(await served(inside));
  writeFileSync(join(inside, "new"), "new");
  t.equal(await read("new"), "new");
  renameSync(join(inside, "new"), join(inside, "f"));
  t.equal(await read("f"), "new");
  chmodSync(join(inside, "f"), 0);
  if (process.getuid?.() !== 0) t.equal(await read("f"), errorCode.accessViolation);
  t.equal(await read("sub/g"), "inner", "one bad file keeps nothing else from being served");
});

t.test("files that are named one by one have exactly their names", async (t) => {
  const { inside, outside } = folders(t);
  const read = reader(await served(join(inside, "f"), join(outside, "secret")));
  t.equal(await read("f"), "old");
  t.equal(await read("secret"), "secret");
  for (const name of ["./f", "latest", "sub/g", join(inside, "f")]) t.equal(await read(name), errorCode.fileNotFound, name);
  t.match(await ServedPaths.of([join(inside, "f"), join(inside, "f")]), { failure: { code: "name-taken" } });
  t.match(await ServedPaths.of([join(inside, "none")]), { failure: { code: "unreadable-file" } });
  t.match(await ServedPaths.of(["/dev/null"]), { failure: { code: "not-a-file" } });
});
