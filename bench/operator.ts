/**
 * What an operator waits for, with a real controller process and a thousand real APs in ten groups, each with a run in progress:
 * the page in Chromium, `show ap image all` on the command line, by API and over SSH. Writes its section of docs/benchmarks.md.
 *
 *     npm run bench:operator [-- --aps 1000]
 *
 * The APs join before anything is measured, from one process, each with sockets, folder and address of its own.
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { AdminClient } from "../src/admin/client.js";
import { DaemonProcess } from "../src/daemon/process.js";
import { type ControllerReady, controllerReady } from "../src/daemon/ready.js";
import { startCrowd } from "../test/support/crowd.js";
import { must } from "../test/support/fleet.js";
import { groupName, largeModels, version, writeLargeStore } from "../test/support/large-store.js";
import { chromiumPath } from "../test/support/web/browser.js";
import { writeSection } from "./section.js";

const { values: flags } = parseArgs({
  options: { aps: { type: "string", default: "1000" }, write: { type: "boolean", default: true } },
  allowNegative: true,
});
const net = 34;
const rounds = 20;
const pageLoads = 10;
const watchMs = 10_000;
const joinMsMax = 180_000;
const imageBytes = 4 * 2 ** 20;
/** Octets per second of each primary, low enough that the runs outlast the measurement and the APs leave the cores to what is measured. */
const tftpRate = 60_000;
const sizes = { groups: 10, apsPerGroup: Number(flags.aps) / 10, runsPerGroup: 20, net };
const bin = fileURLToPath(new URL("../../bin/flexup.js", import.meta.url));
const run = promisify(execFile);

const folder = mkdtempSync(join(tmpdir(), "flexup-operator-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

interface Figures {
  readonly median: number;
  readonly slowest: number;
}

const figuresOf = (times: readonly number[]): Figures => {
  const sorted = times.toSorted((a, b) => a - b);
  return { median: sorted[Math.floor(sorted.length / 2)] as number, slowest: sorted.at(-1) as number };
};
const ms = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
const row = (what: string, goal: string, { median, slowest }: Figures): string => `| ${what} | ${ms(median)} | ${ms(slowest)} | ${goal} |`;

async function timed(times: number, act: () => Promise<unknown>): Promise<Figures> {
  const all: number[] = [];
  for (let turn = 0; turn < times; turn++) {
    const from = performance.now();
    await act();
    all.push(performance.now() - from);
  }
  return figuresOf(all);
}

interface PageFigures {
  readonly paint: Figures;
  readonly rows: Figures;
}

/** Each load in a new context, like a first visit. */
async function loadPage(url: URL): Promise<PageFigures> {
  const browser = await chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox", "--disable-gpu"] });
  const paints: number[] = [];
  const rows: number[] = [];
  for (let load = 0; load < pageLoads; load++) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    await page.addInitScript(noteFirstRow);
    await page.goto(`${url}#/wireless/aps`);
    await page.waitForSelector("tbody tr");
    rows.push(Number(await page.evaluate("new Promise((resolve) => setTimeout(() => resolve(globalThis.firstRowAt), 100))")));
    paints.push(Number(await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")));
    await context.close();
  }
  await browser.close();
  return { paint: figuresOf(paints), rows: figuresOf(rows) };
}

/** The frame after the first row of the table appeared in the document. */
const noteFirstRow = `new MutationObserver((_changes, observer) => {
  if (document.querySelector("tbody tr") === null) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => { globalThis.firstRowAt = performance.now(); }));
}).observe(document, { childList: true, subtree: true });`;

interface Smoothness {
  readonly longTasks: number;
  readonly longestMs: number;
  readonly frames: Figures;
  readonly late: number;
  readonly events: number;
}

/** How smoothly a page runs during changes: tasks above 50 ms, and gaps between frames. */
async function watchPage(context: BrowserContext, url: string): Promise<Smoothness> {
  const page: Page = await context.newPage();
  await page.goto(url);
  await page.waitForSelector("tbody tr");
  await sleep(2000);
  const seen = (await page.evaluate(`new Promise((resolve) => {
    const tasks = [];
    new PerformanceObserver((list) => { for (const entry of list.getEntries()) tasks.push(entry.duration); }).observe({ entryTypes: ["longtask"] });
    const gaps = [];
    let last = performance.now();
    const end = last + ${watchMs};
    const each = (now) => {
      gaps.push(now - last);
      last = now;
      if (now < end) requestAnimationFrame(each);
      else resolve({ tasks, gaps });
    };
    requestAnimationFrame(each);
  })`)) as { tasks: number[]; gaps: number[] };
  await page.close();
  const gaps = seen.gaps.slice(1);
  return {
    longTasks: seen.tasks.length,
    longestMs: Math.max(0, ...seen.tasks),
    frames: figuresOf(gaps),
    late: gaps.filter((gap) => gap > 50).length,
    events: gaps.length,
  };
}

async function joined(admin: AdminClient, count: number): Promise<void> {
  for (const deadline = performance.now() + joinMsMax; ; await sleep(1000)) {
    const rows = must(await admin.order({ type: "show-ap-summary" }));
    if (rows.filter(({ state }) => state === "Joined").length === count) return;
    if (performance.now() > deadline) throw new Error("the APs did not join in time");
  }
}

async function prepare(): Promise<{ ready: ControllerReady; stop: () => Promise<void> }> {
  const data = join(folder, "controller");
  const fleet = writeLargeStore(data, sizes);
  const address = `127.${net}.255.1`;
  const listen = ["--listen", `${address}:0`, "--admin", "127.0.0.1:0", "--ssh", `${address}:0`];
  const controller = new DaemonProcess(["controller", "--data", data, ...listen, "--lab", "--log", "info"]);
  const ready = await controller.line(controllerReady);
  const admin = new AdminClient(new URL(ready.admin));
  const aps = fleet.map(({ group: _, ...ap }) => ap);
  const crowd = await startCrowd({ folder, controller: ready.capwap, aps, options: { tftpRate } });
  await joined(admin, fleet.length);
  for (const model of largeModels) {
    const path = join(folder, `${model}.img`);
    writeFileSync(path, randomBytes(imageBytes));
    must(await admin.addImage(path, { version: version.new, models: [model], release: "primary" }, () => {}));
  }
  for (let index = 0; index < sizes.groups; index++)
    must(await admin.order({ type: "group-start", group: groupName(index), release: "primary" }));
  await sleep(5000);
  return {
    ready,
    async stop() {
      crowd.kill("SIGKILL");
      await controller.kill();
    },
  };
}

const { ready, stop } = await prepare();
try {
  const url = new URL(ready.admin);
  const env = { ...process.env, FLEXUP_ADMIN: ready.admin };
  const admin = new AdminClient(url);
  const api = await timed(rounds, async () => (await fetch(new URL("/api/v1/aps/all/image", url))).arrayBuffer());
  const cli = await timed(rounds, () => run(process.execPath, [bin, "show", "ap", "image", "all"], { env, maxBuffer: 2 ** 26 }));
  const loads = await loadPage(url);
  const browser = await chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox", "--disable-gpu"] });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const pages = {
    "Access Points": "wireless/aps",
    "a group's run": `wireless/groups/${encodeURIComponent(groupName(0))}/image-upgrade`,
    Events: "monitor/events",
  };
  const smooth: [string, Smoothness][] = [];
  for (const [name, path] of Object.entries(pages)) smooth.push([name, await watchPage(context, `${url}#/${path}`)]);
  await browser.close();
  const running = must(await admin.order({ type: "show-group-summary" })).filter(({ runState }) => runState === "running").length;
  const lines = [
    `${sizes.groups * sizes.apsPerGroup} APs that really joined, ${sizes.groups} groups with ${sizes.runsPerGroup} reports each, ${running} runs still going on at the end.`,
    "",
    `| | median | slowest of ${rounds} (page: ${pageLoads}) | goal |`,
    "|---|---|---|---|",
    row("`show ap image all`, API", "200 ms", api),
    row("`show ap image all`, command line with its start", "200 ms", cli),
    row("page: first paint", "1000 ms", loads.paint),
    row("page: first rows of the APs drawn", "", loads.rows),
    "",
    `Frames during ${watchMs / 1000} s of the runs (Chromium without a GPU; every process on the same ${cpus().length} cores):`,
    "",
    "| page | frames | median gap | longest gap | gaps over 50 ms | tasks over 50 ms | longest task |",
    "|---|---|---|---|---|---|---|",
    ...smooth.map(
      ([name, { events, frames, late, longTasks, longestMs }]) =>
        `| ${name} | ${events} | ${ms(frames.median)} | ${ms(frames.slowest)} | ${late} | ${longTasks} | ${ms(longestMs)} |`,
    ),
    "",
    `Machine: ${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GiB, load ${loadavg()[0]?.toFixed(1)} at the end, Node ${process.version}.`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  if (flags.write) writeSection("operator", "What an operator waits for", lines);
} finally {
  await stop();
}
process.exit();
