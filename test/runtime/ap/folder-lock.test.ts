import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { lockFolder } from "../../../src/runtime/ap/folder-lock.js";
import { temporaryFolder } from "../../support/folder.js";

t.test("one holder at a time, also in one process", async (t) => {
  const folder = join(temporaryFolder(t), "new");
  const first = lockFolder(folder);
  t.ok(first.ok);
  t.match(lockFolder(folder), { ok: false, failure: { code: "data-folder-in-use" } });
  if (first.ok) first.value.release();
  const again = lockFolder(folder);
  t.ok(again.ok);
  if (again.ok) again.value.release();
});

t.test("a killed holder leaves no lock", async (t) => {
  const folder = temporaryFolder(t);
  const module = new URL("../../../src/runtime/ap/folder-lock.js", import.meta.url).href;
  const script = `const { lockFolder } = await import(${JSON.stringify(module)}); console.log(lockFolder(${JSON.stringify(folder)}).ok); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  t.equal(line.toString(), "true\n");
  t.match(lockFolder(folder), { ok: false, failure: { code: "data-folder-in-use" } });
  child.kill("SIGKILL");
  await once(child, "exit");
  const after = lockFolder(folder);
  t.ok(after.ok);
  if (after.ok) after.value.release();
});

t.test("a folder that cannot be made is a failure with its reason", async (t) => {
  const file = join(temporaryFolder(t), "file");
  writeFileSync(file, "");
  t.match(lockFolder(join(file, "folder")), { ok: false, failure: { code: "data-folder-unusable", message: /ENOTDIR/ } });
});
