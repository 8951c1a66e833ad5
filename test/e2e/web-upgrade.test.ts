/**
 * The source document's GUI procedure, step by step with the mouse, against a real controller and AP processes, to the end of the upgrade
 * and on to the new version.
 */
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { AdminClient } from "../../src/admin/client.js";
import type { ResultOf } from "../../src/core/controller/operator/order-results.js";
import type { Order } from "../../src/core/controller/operator/orders.js";
import { DaemonProcess } from "../../src/daemon/process.js";
import { apReady, controllerReady } from "../../src/daemon/ready.js";
import { temporaryFolder } from "../support/folder.js";
import { launchBrowser, openPage, skipWithoutChromium } from "../support/web/browser.js";

t.setTimeout(600_000);

const before = "8.5.161.0";
const after = "8.10.183.0";

/** Five APs of one model and two of another: more subordinates than slots, and two lanes. */
const plans = Array.from({ length: 7 }, (_, index) => ({
  name: `AP${index + 1}`,
  mac: `00:00:5e:00:53:0${index + 1}`,
  model: index < 5 ? "AIR-AP2802I" : "AIR-CAP3702I",
  address: `127.91.0.${index + 1}`,
}));

/** A controller and the APs, each a process of its own. */
async function startBranch(t: Pick<Test, "teardown">) {
  const folder = temporaryFolder(t);
  const fleet: DaemonProcess[] = [];
  t.teardown(() => Promise.all(fleet.map((daemon) => daemon.stop())));
  const start = (...args: string[]): DaemonProcess => {
    const daemon = new DaemonProcess(args);
    fleet.push(daemon);
    return daemon;
  };
  const listen = ["--listen", "127.91.1.1:0", "--admin", "127.0.0.1:0", "--lab"];
  const ready = await start("controller", "--data", join(folder, "controller"), ...listen).line(controllerReady);
  const aps = plans.map(({ name, mac, model, address }) => {
    const identity = ["--name", name, "--mac", mac, "--model", model, "--version", before];
    const network = ["--bind", address, "--controller", ready.capwap, "--tftp-port", "0", "--on-reset", "restart", "--lab"];
    return start("ap", "--data", join(folder, name), ...identity, ...network);
  });
  await Promise.all(aps.map((ap) => ap.line(apReady)));
  const admin = new AdminClient(new URL(ready.admin));
  const ask = async <T extends Order>(order: T): Promise<ResultOf<T["type"]>> => {
    const answer = await admin.order(order);
    if (!answer.ok) throw new Error(answer.failure.message);
    return answer.value;
  };
  /** Until every AP is joined on that version. */
  const allOn = async (version: string): Promise<void> => {
    for (const deadline = performance.now() + 180_000; ; await sleep(200)) {
      const rows = await ask({ type: "show-ap-summary" });
      if (rows.filter(({ state, runningVersion }) => state === "Joined" && runningVersion === version).length === plans.length) return;
      if (performance.now() > deadline) throw new Error(`not every AP came to ${version}: ${JSON.stringify(rows)}`);
    }
  };
  await allOn(before);
  return { url: ready.admin, folder, admin, ask, allOn };
}

t.test("configuring FlexConnect AP upgrades (GUI)", skipWithoutChromium, async (t) => {
  const { url, ask, allOn } = await startBranch(t);
  const page = await openPage(t, await launchBrowser(t));
  await page.goto(url);
  const menu = page.getByRole("navigation", { name: "Main" });

  await menu.getByRole("link", { name: "Images" }).click();
  for (const model of ["AIR-AP2802I", "AIR-CAP3702I"]) {
    const file = { name: `${model}.tar`, mimeType: "application/x-tar", buffer: randomBytes(3_000_000) };
    await page.getByLabel("Image file").setInputFiles(file);
    await page.getByLabel("Version").fill(after);
    await page.getByLabel("AP models or image families").fill(model);
    await page.getByRole("button", { name: "Upload" }).click();
    await page.getByText(`${model}.tar is in the primary release as ${after}`).waitFor();
  }

  // Step 1: Wireless > FlexConnect Groups.
  await menu.getByRole("link", { name: "FlexConnect Groups" }).click();
  await page.getByLabel("New group").fill("Lyon 7");
  await page.getByRole("button", { name: "Add group" }).click();
  // Step 2: the Group Name link; then the members, and back-off as short as a test needs.
  await page.getByRole("link", { name: "Lyon 7" }).click();
  for (const { mac } of plans) {
    await page.getByLabel("AP MAC address").fill(mac);
    await page.getByRole("button", { name: "Add AP" }).click();
    await page.getByRole("cell", { name: mac }).waitFor();
  }
  await page.getByLabel("more than").fill("0.2");
  await page.getByLabel("up to").fill("0.5");
  await page.getByRole("button", { name: "Save rules" }).click();
  await page.getByText("Rules of Lyon 7 were saved").waitFor();
  // Step 3: the Image Upgrade tab.
  await page.getByRole("tab", { name: "Image Upgrade" }).click();
  // Step 4: the FlexConnect AP Upgrade check box.
  await page.getByLabel("FlexConnect AP Upgrade").check();
  // Step 5: its parameters.
  await page.getByLabel("Slave Maximum Retry Count").fill("30");
  await page.getByRole("combobox", { name: "Upgrade Image" }).selectOption("Primary");
  // Step 6: AP Name, Add Master.
  const master = plans[2];
  if (master === undefined) throw new Error("no third AP");
  await page.getByRole("combobox", { name: "AP Name" }).selectOption(master.mac);
  await page.getByRole("button", { name: "Add Master" }).click();
  // Step 7: Apply.
  await page.getByRole("button", { name: "Apply" }).click();
  await page.getByText("were applied").waitFor();
  t.match(await ask({ type: "show-group", group: "Lyon 7" }), { predownload: true, retryCount: 30 });
  const preview = page.getByRole("region", { name: "What would happen" });
  await preview.getByText("instead of 20.0 MiB").waitFor();
  t.match(await preview.innerText(), /Over the WAN\s+5\.7 MiB/);
  // Step 8: FlexConnect Upgrade.
  await page.getByRole("button", { name: "FlexConnect Upgrade" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Start upgrade" }).click();
  await page.getByRole("region", { name: /^The run,/ }).waitFor();
  await page
    .getByRole("heading", { name: /^Run \d+/ })
    .getByText("Complete")
    .waitFor({ timeout: 180_000 });

  const rows = page.getByRole("table", { name: "APs of Lyon 7 in this run" });
  await rows.getByRole("row", { name: new RegExp(`^${master.name} .*Complete.*Primary Central`) }).waitFor();
  await rows.getByRole("row", { name: /^AP1 .*Complete.*Subordinate Local/ }).waitFor();
  const { models } = await ask({ type: "show-group", group: "Lyon 7" });
  t.same(models.map(({ wanCopies }) => wanCopies).sort(), [1, 1], "one copy of each model's image crossed the WAN");

  await menu.getByRole("link", { name: "Access Points" }).click();
  for (const [item, action] of [
    ["Swap images…", "Swap images"],
    ["Reset…", "Reset all APs"],
  ] as const) {
    await page.getByText("All APs", { exact: true }).click();
    await page.getByRole("button", { name: item }).click();
    await page.getByRole("dialog").getByRole("button", { name: action }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
  }
  await allOn(after);
  await page.getByRole("link", { name: "AP1", exact: true }).click();
  const images = page.getByRole("region", { name: "Images" });
  // Until the AP's next report the version that it ran before its reset may stand beside the other slot's.
  await images
    .filter({ hasText: new RegExp(`Primary Image\\s*${after}`) })
    .filter({ hasText: before })
    .waitFor();
});

t.test("activation by mouse: the canary first, the others after Resume", skipWithoutChromium, async (t) => {
  const { url, folder, admin, ask, allOn } = await startBranch(t);
  const group = "Lyon 7";
  for (const model of ["AIR-AP2802I", "AIR-CAP3702I"]) {
    const path = join(folder, `${model}.tar`);
    await writeFile(path, randomBytes(500_000));
    await admin.addImage(path, { version: after, models: [model], release: "primary" }, () => {});
  }
  await ask({ type: "group-add", group });
  for (const { mac } of plans) await ask({ type: "group-ap-add", group, mac });
  await ask({ type: "group-set", group, settings: { predownload: true, backoffSecondsMin: 0.2, backoffSecondsMax: 0.4 } });
  await ask({ type: "group-start", group, release: "primary" });

  const page = await openPage(t, await launchBrowser(t));
  await page.goto(url);
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "FlexConnect Groups" }).click();
  await page.getByRole("link", { name: group }).click();
  await page.getByRole("tab", { name: "Image Upgrade" }).click();
  const section = page.getByRole("region", { name: "Activation" });
  await section.getByText("7 APs in this group can boot the image of the last upgrade").waitFor({ timeout: 180_000 });
  await section.getByLabel("APs in a batch, %").fill("100");
  await section.getByLabel("Pause between batches, s").fill("0");
  await section.getByLabel("Canary").selectOption("AP4");
  const planned = section.getByRole("table", { name: "APs to activate" });
  await planned.getByRole("row", { name: /^1 AP4 canary / }).waitFor();
  await planned.getByRole("row", { name: /^2 AP2 .* 2 min 02 s$/ }).waitFor();
  await planned.getByRole("row", { name: /^3 AP1 primary/ }).waitFor();
  await section.getByRole("button", { name: "Activate" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Activate" }).click();
  await section.getByText("The activation is waiting for resume after its canary.").waitFor({ timeout: 180_000 });
  const running = (await ask({ type: "show-ap-summary" })).filter(({ runningVersion }) => runningVersion === after);
  t.same(
    running.map(({ name }) => name),
    ["AP4"],
    "the canary alone",
  );
  await section.getByRole("button", { name: "Resume" }).click();
  await section.getByText("The activation is complete.").waitFor({ timeout: 180_000 });
  await section
    .getByRole("table", { name: "Batches" })
    .getByRole("row", { name: /^2 0 0 4 0/ })
    .waitFor();
  await allOn(after);
});
