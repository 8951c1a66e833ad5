/** A controller's database is backed up while it runs, damaged, refused, and put back. */
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { Fleet, must } from "../support/fleet.js";
import { flexup } from "../support/flexup-process.js";

t.test("backup, damage, refusal in one line, rebuild and restore", async (t) => {
  const fleet = await Fleet.start(t);
  const data = join(fleet.folder, "controller");
  const database = join(data, "flexup.db");
  const backup = join(fleet.folder, "backup.db");
  for (const group of ["Branch 1", "Branch 2"]) must(await fleet.admin.order({ type: "group-add", group }));
  t.match(await fleet.flexup("config", "backup", backup), { code: 0, stdout: /^Backup written to .*backup\.db \(\d+ bytes\)/, stderr: "" });
  t.equal((await stat(backup)).mode & 0o777, 0o600, "for its owner alone");
  must(await fleet.admin.order({ type: "group-delete", group: "Branch 2" }));
  t.match(await flexup(process.env, "data", "restore", backup, "--data", data), { code: 1, err: /is in use by another flexup controller/ });
  await fleet.controller.stop();

  const bytes = await readFile(database);
  const name = '"name":"Branch 1"';
  t.ok(bytes.includes(name));
  for (let at = bytes.indexOf(name); at >= 0; at = bytes.indexOf(name, at + 1)) bytes[at + 9] = 0x78;
  await writeFile(database, bytes);
  const refused = await flexup(process.env, "controller", "--data", data, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0");
  t.equal(refused.code, 1);
  t.match(refused.err, /^\S+flexup\.db is damaged \(group\/Branch 1 is not as it was written\); "flexup data restore" .*\n$/);
  t.equal(refused.err.trimEnd().includes("\n"), false, "one line and no stack");

  t.match(await flexup(process.env, "data", "rebuild", "--data", data), {
    code: 0,
    out: /^Lost: group\/Branch 1\nRebuilt: \d+ rows, 1 users/,
  });
  await fleet.restartController();
  t.same(must(await fleet.admin.order({ type: "show-group-summary" })), [], "what was sound is there");
  await fleet.controller.stop();

  t.match(await flexup(process.env, "data", "restore", backup, "--data", data), {
    code: 0,
    out: /^Restored: 2 groups, 0 images; before: /,
  });
  await fleet.restartController();
  t.match(must(await fleet.admin.order({ type: "show-group-summary" })), [{ name: "Branch 1" }, { name: "Branch 2" }]);
  t.match(await fleet.flexup("show", "sysinfo"), { code: 0, stdout: /Storage\.+ Writable\n[\s\S]*Certificate\.+ None \(plain HTTP\)/ });
});
