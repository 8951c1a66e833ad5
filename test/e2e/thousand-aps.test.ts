/**
 * A controller with a thousand APs and the reports of their runs in its store, and a run going on with APs that really joined. Times are
 * `npm run bench:operator`'s; here is counted what they come from.
 */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import type { z } from "zod";
import { AdminClient } from "../../src/admin/client.js";
import { orderPaths } from "../../src/admin/order-paths.js";
import { orderRoutes } from "../../src/admin/routes.js";
import { DaemonProcess } from "../../src/daemon/process.js";
import { controllerReady } from "../../src/daemon/ready.js";
import { startCrowd } from "../support/crowd.js";
import { must, until } from "../support/fleet.js";
import { temporaryFolder } from "../support/folder.js";
import { groupName, largeModels, version, writeLargeStore } from "../support/large-store.js";
import { goTo, launchBrowser, openPage, skipWithoutChromium } from "../support/web/browser.js";

t.setTimeout(900_000);

const net = 94;
const joinedCount = 24;
const folder = temporaryFolder(t);
const fleet = writeLargeStore(join(folder, "controller"), { groups: 10, apsPerGroup: 100, runsPerGroup: 5, net });
const address = `127.${net}.255.1`;
const listen = ["--listen", `${address}:0`, "--admin", "127.0.0.1:0"];
const controller = new DaemonProcess(["controller", "--data", join(folder, "controller"), ...listen, "--lab"]);
t.teardown(() => controller.kill());
const ready = await controller.line(controllerReady);
const url = new URL(ready.admin);
const admin = new AdminClient(url);

t.before(async () => {
  const aps = fleet.slice(0, joinedCount).map(({ group: _, ...ap }) => ap);
  const crowd = await startCrowd({ folder, controller: ready.capwap, aps, options: { lab: true, tftpRate: 40_000 } });
  t.teardown(async () => {
    if (crowd.kill("SIGKILL")) await once(crowd, "exit");
  });
  await until("every AP joined", async () => {
    const rows = must(await admin.order({ type: "show-ap-summary" }));
    return rows.filter(({ state }) => state === "Joined").length === joinedCount || undefined;
  });
  for (const model of largeModels) {
    const path = join(folder, `${model}.img`);
    writeFileSync(path, randomBytes(2 ** 20));
    must(await admin.addImage(path, { version: version.new, models: [model], release: "primary" }, () => {}));
  }
  must(await admin.order({ type: "group-start", group: groupName(0), release: "primary" }));
});

t.test("every answer is what its schema says, field by field", async (t) => {
  const paths: Readonly<Record<string, string>> = { ":ap": "all", ":group": encodeURIComponent(groupName(0)), ":run": "51" };
  const reads = Object.entries(orderPaths).filter(([type]) => type.startsWith("show-"));
  t.ok(reads.length > 8);
  for (const [type, { path }] of reads) {
    const response = await fetch(new URL(`/api/v1${path.replace(/:\w+/g, (name) => paths[name] as string)}`, url));
    // This group was never activated.
    if (type === "show-activation") {
      t.equal(response.status, 404, type);
      continue;
    }
    t.equal(response.status, 200, type);
    const body: unknown = await response.json();
    t.strictSame((orderRoutes[type as keyof typeof orderRoutes].answer as z.ZodType).parse(body), body, type);
  }
});

t.test("a page is sent little, and less still while the run continues", async (t) => {
  const bytes = async (path: string): Promise<number> => (await (await fetch(new URL(path, url))).arrayBuffer()).byteLength;
  t.ok((await bytes("/")) + (await bytes("/main.js")) + (await bytes("/style.css")) < 130_000, "the page itself");
  const sent = async (path: string): Promise<number> => Number((await fetch(new URL(path, url))).headers.get("content-length"));
  t.ok((await sent("/")) + (await sent("/main.js")) + (await sent("/style.css")) < 40_000, "and that is compressed");
  t.ok((await bytes("/api/v1/run-summary")) < 1500 * 51, "the runs");
  const stop = new AbortController();
  const askedAt = performance.now();
  const response = await fetch(new URL("/api/v1/events", url), { signal: stop.signal });
  const decoder = new TextDecoder();
  let text = "";
  const seconds = 5;
  let from = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    if (from === 0 && text.includes("\n\n")) {
      t.ok(text.indexOf("\n\n") < 1000 * 1000, `the snapshot: ${text.indexOf("\n\n")} bytes`);
      text = text.slice(text.indexOf("\n\n") + 2);
      from = performance.now();
    }
    if (from > 0 && performance.now() - from > seconds * 1000) break;
  }
  const elapsedSeconds = (performance.now() - askedAt) / 1000;
  stop.abort();
  const changes = text.split("\n\n").filter((block) => block.includes("event: change"));
  t.ok(changes.length > 2, "the run moves");
  t.ok(changes.length <= 4 * (elapsedSeconds + 1), `at most four changes a second: ${changes.length} in ${elapsedSeconds.toFixed(1)} s`);
  const longest = Math.max(...changes.map(({ length }) => length));
  t.ok(longest < 600 * joinedCount, `what did not change is not in them: ${longest} bytes`);
});

t.test("a page draws what can be read", skipWithoutChromium, async (t) => {
  const page = await openPage(t, await launchBrowser(t));
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  for (const [path, rows] of [
    ["", 0],
    ["wireless/aps", 51],
    ["wireless/groups", 11],
    [`wireless/groups/${encodeURIComponent(groupName(0))}/general`, 51],
    ["monitor/runs", 51],
  ] as const) {
    await goTo(page, `${url}#/${path}`);
    await page.locator("h1").waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    let drawn = await page.getByRole("row").count();
    for (let looks = 0; drawn !== rows && looks < 300; looks++) {
      await sleep(100);
      drawn = await page.getByRole("row").count();
    }
    t.equal(drawn, rows, path);
    const elements = Number(await page.evaluate("document.querySelectorAll('*').length"));
    t.ok(elements < 1600, `${path}: ${elements} elements`);
  }
  t.notOk(asked.includes("/api/v1/runs"), "nothing asks for every row of every run");
});
