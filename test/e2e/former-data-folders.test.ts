/** What earlier commits stored opens, whole, and their runs continue. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { apsOf, Fleet, must } from "../support/fleet.js";

const folders = fileURLToPath(new URL("../../../test/data/controller", import.meta.url));

t.test("f488cdf: everything is there, and the run that was cut off completes", async (t) => {
  const data = join(folders, "f488cdf");
  const fleet = await Fleet.start(t, [], {}, data);
  const { admin } = fleet;
  t.match(must(await admin.order({ type: "show-group-summary" })), [
    { name: "Branch 1", apCount: 2 },
    { name: "Empty", apCount: 0 },
  ]);
  t.match(must(await admin.order({ type: "show-images" })), [
    { version: "8.10.183.0", release: "primary", models: ["AIR-AP2802I"], sizeBytes: 2100 },
    { version: "8.10.190.0", release: "primary", models: ["AIR-CAP3702I"], sizeBytes: 20_000 },
    { version: "8.5.161.0", release: "backup", models: ["AIR-CAP3702I"], sizeBytes: 1900 },
  ]);
  t.match(must(await admin.order({ type: "show-run", run: 1 })), {
    state: "complete",
    aps: [{ status: "Complete" }, { status: "Complete" }],
  });
  const get = async (path: string): Promise<unknown> => (await fetch(new URL(`/api/v1/${path}`, fleet.ready.admin))).json();
  t.match(await get("users"), [
    { name: "admin", role: "admin", sshKeys: [] },
    { name: "operator", role: "admin", sshKeys: [/^ssh-ed25519 /] },
  ]);
  t.match(await get("tokens"), [{ name: "monitoring", role: "read-only" }]);
  const login = await fetch(new URL("/api/v1/session", fleet.ready.admin), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "operator", password: "fixture-password-2" }),
  });
  t.ok(login.ok, `the password holds: ${await login.text()}`);

  must(await admin.order({ type: "group-wan", group: "Branch 1", wan: { bytesPerSecondMax: null } }));
  const plans = apsOf("AIR-CAP3702I", 2);
  await fleet.join(plans);
  const view = await fleet.runOver("Branch 1");
  t.match(view.run, { id: 2, state: "complete", counts: { Complete: 2 } });
  const sha256 = "812a63a14953c52b3e0209e4151dabb430ffdfbc38117e3954ad7732b3c1e91c";
  const image = await readFile(join(data, "images", sha256));
  for (const plan of plans) t.same(await fleet.stored(plan, sha256), image, `${plan.name} holds the image`);

  await fleet.controller.kill();
  await fleet.restartController();
  t.equal((await fleet.view("Branch 1")).run?.state, "complete", "and it is stored in today's format");
});
