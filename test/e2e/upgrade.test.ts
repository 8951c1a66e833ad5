/** The main job with real processes: the source document's rules, one by one. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { after, apsOf, before, Fleet, must, until } from "../support/fleet.js";

const mebibyte = 2 ** 20;

/** Most of the time these wait, each in a network of its own. */
t.jobs = 2;

t.test("two models, one WAN copy each, then swap and reset", async (t) => {
  const fleet = await Fleet.start(t);
  const wave2 = apsOf("AIR-AP2802I", 3, 1);
  const wave1 = apsOf("AIR-CAP3702I", 2, 4);
  const plans = [...wave2, ...wave1];
  await fleet.join(plans);
  const images = [await fleet.addImage("AIR-AP2802I", 3 * mebibyte), await fleet.addImage("AIR-CAP3702I", 2 * mebibyte + 17)];
  await fleet.group("branch", plans);
  must(await fleet.admin.order({ type: "group-start", group: "branch", release: "primary" }));
  const view = await fleet.runOver("branch");

  t.match(view.run, { state: "complete", counts: { Complete: 5 } });
  for (const [model, plan, size] of [
    [view.models.find(({ family }) => family === "ap3g3"), wave2, 3 * mebibyte],
    [view.models.find(({ family }) => family === "c3700"), wave1, 2 * mebibyte + 17],
  ] as const) {
    t.equal(model?.primary?.mac, plan[0]?.mac, "the lowest MAC fetched");
    t.equal(model?.wanCopies, 1);
    t.equal(model?.wanBytes, size);
    t.equal(model?.lanBytes, size * (plan.length - 1));
    t.ok((model?.sessionsPeak ?? 9) <= 3);
  }
  for (const row of await fleet.rows()) {
    const primary = row.name === "AP1" || row.name === "AP4";
    t.match(row, {
      status: "Complete",
      version: after,
      primaryImage: before,
      backupImage: after,
      source: primary ? "wan" : "lan",
      role: primary ? "primaryCentral" : "subordinateLocal",
    });
  }

  t.match(must(await fleet.admin.order({ type: "ap-swap", ap: "all" })), {
    done: plans.map(({ name }) => name),
    refused: [],
    pending: [],
  });
  t.match(await fleet.row("AP1"), { primaryImage: after, backupImage: before });
  must(await fleet.admin.order({ type: "ap-reset", ap: "all" }));
  const back = await until("all back on the new version", async () => {
    const rows = must(await fleet.admin.order({ type: "show-ap-summary" }));
    return rows.every((row) => row.state === "Joined" && row.runningVersion === after && row.reset?.state === "confirmed")
      ? rows
      : undefined;
  });
  t.equal(back.length, 5);

  const digests = images.map(({ sha256 }) => sha256);
  for (const { name } of plans) {
    const folder = join(fleet.folder, name);
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    const contents = await Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name))));
    const stored = contents.map((content) => createHash("sha256").update(content).digest("hex"));
    t.ok(
      stored.some((digest) => digests.includes(digest)),
      `${name} holds the image byte for byte`,
    );
  }
  for (const ap of fleet.aps.values()) t.equal(await ap.stop(), 0, "an AP stops in order");
  t.equal(await fleet.controller.stop(), 0, "the controller stops in order");
});

t.test("a manual primary, a forced subordinate, and the feature switched off", async (t) => {
  const fleet = await Fleet.start(t);
  const plans = apsOf("AIR-CAP3702I", 3);
  await fleet.join(plans);
  await fleet.addImage("AIR-CAP3702I", mebibyte);
  await fleet.group("branch", plans);
  must(await fleet.admin.order({ type: "group-primary-add", group: "branch", ap: "AP3" }));
  t.match((await fleet.view("branch")).models, [{ primary: { name: "AP3" }, manual: true }]);
  must(await fleet.admin.order({ type: "group-subordinate-add", group: "branch", ap: "AP3" }));
  t.match((await fleet.view("branch")).models, [{ primary: { name: "AP1" }, manual: false }], "a forced subordinate is never primary");
  must(await fleet.admin.order({ type: "group-subordinate-remove", group: "branch", ap: "AP3" }));
  must(await fleet.admin.order({ type: "group-primary-add", group: "branch", ap: "AP2" }));
  must(await fleet.admin.order({ type: "group-start", group: "branch", release: "primary" }));
  await fleet.runOver("branch");
  t.match(await fleet.row("AP2"), { role: "primaryCentral", source: "wan", status: "Complete" });
  t.match(await fleet.row("AP1"), { role: "subordinateLocal", source: "lan", status: "Complete" });

  must(await fleet.admin.order({ type: "group-predownload", group: "branch", enabled: false }));
  await fleet.addImage("AIR-CAP3702I", mebibyte, "8.10.190.0");
  must(await fleet.admin.order({ type: "ap-predownload", ap: "all", release: "primary" }));
  await until("all three over the WAN", async () =>
    (await fleet.rows()).every(({ status, backupImage }) => status === "Complete" && backupImage === "8.10.190.0") ? true : undefined,
  );
  for (const row of await fleet.rows()) t.match(row, { source: "wan", wanBytes: mebibyte, lanBytes: 0 }, row.name);
});
