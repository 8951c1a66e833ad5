/**
 * Two hundred WAN transfers at once from one controller process: the image is open once, nobody's echo starves, all get the same share.
 * FLEXUP_LONG=1 takes a larger image, and then another round without a cap.
 */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import t from "tap";
import { AdminClient } from "../../src/admin/client.js";
import { parseHostPort } from "../../src/base/endpoint.js";
import { DaemonProcess } from "../../src/daemon/process.js";
import { controllerReady } from "../../src/daemon/ready.js";
import { CpuWait } from "../support/cpu-wait.js";
import { must } from "../support/fleet.js";
import { temporaryFolder } from "../support/folder.js";
import { LightAp } from "../support/light-ap.js";

const long = process.env["FLEXUP_LONG"] === "1";
const net = 79;
const mebibyte = 2 ** 20;
const transfers = 200;
const idle = 20;

interface Round {
  readonly name: string;
  readonly imageBytes: number;
  /** UDP payload that reaches an AP: as over Ethernet, or all that loopback takes. */
  readonly datagramBytesMax: number;
  readonly wanRate: string | undefined;
}
const ethernet = 1_472;
const rounds: readonly Round[] = [
  { name: "capped", imageBytes: (long ? 4 : 0.5) * mebibyte, datagramBytesMax: ethernet, wanRate: "16M" },
  ...(long ? [{ name: "without a cap", imageBytes: 4 * mebibyte, datagramBytesMax: ethernet, wanRate: undefined }] : []),
];

for (const { name, imageBytes, datagramBytesMax, wanRate } of rounds) {
  t.test(`${transfers} transfers, ${name}`, async (t) => {
    const folder = temporaryFolder(t);
    const image = randomBytes(imageBytes);
    const imagePath = join(folder, "image.img");
    writeFileSync(imagePath, image);
    const config = join(folder, "flexup.yaml");
    writeFileSync(config, `wanTransfers: ${transfers}\n`);
    const rate = wanRate === undefined ? [] : ["--wan-rate", wanRate];
    const places = ["--data", join(folder, "controller"), "--listen", `127.${net}.1.1:0`, "--admin", "127.0.0.1:0"];
    const controller = new DaemonProcess(["controller", ...places, "--config", config, "--lab", ...rate]);
    t.teardown(() => controller.stop());
    const ready = await controller.line(controllerReady);
    const admin = new AdminClient(new URL(ready.admin));
    const { host: address, port } = parseHostPort(ready.capwap, 0) ?? { host: "", port: 0 };
    const endpoint = { address, port };

    const aps = Array.from(
      { length: transfers },
      (_, index) => new LightAp({ index, address: `127.${net}.2.${index + 1}`, controller: endpoint, image, datagramBytesMax }),
    );
    t.teardown(() => {
      for (const ap of aps) ap.close();
    });
    for (const ap of aps) await ap.start();
    const until = async (what: string, holds: () => boolean, secondsMax = 240): Promise<void> => {
      const deadline = performance.now() + secondsMax * 1000;
      while (!holds()) {
        if (performance.now() > deadline) throw new Error(`waited for ${what} in vain`);
        await sleep(20);
      }
    };
    await until("every join", () => aps.every(({ running }) => running));
    must(await admin.addImage(imagePath, { version: "9.0", models: ["AIR-AP2802I"], release: "primary" }, () => {}));

    const residentBefore = residentBytes(controller.pid);
    await loopDelayMs(ready.admin);
    must(await admin.order({ type: "ap-predownload", ap: "all", release: "primary" }));
    // They join now, while all others fetch, and take no part.
    const watch = new Worker(new URL("../support/idle-aps.js", import.meta.url), {
      workerData: { controller: endpoint, count: idle, firstIndex: transfers, net },
    });
    const cpuWait = new CpuWait([controller.pid]);
    const started = performance.now();
    const received = (): number[] => aps.map((ap) => ap.imageBytes);
    const total = (): number => received().reduce((sum, bytes) => sum + bytes, 0);
    // Shares are compared once all have found what their path takes: the sizes that they try are far larger on loopback than on a WAN.
    const wireBytes = (): number[] => aps.map(({ arrived }) => arrived.bytes);
    await until("a quarter of all bytes", () => total() >= (transfers * imageBytes) / 4, 240);
    const atQuarter = wireBytes();
    await until("half of all bytes", () => total() >= (transfers * imageBytes) / 2, 240);
    const shares = wireBytes().map((bytes, index) => bytes - (atQuarter[index] ?? 0));
    const opened = openFiles(controller.pid).filter((path) => path.includes("/images/"));
    t.equal(new Set(opened).size, 1, "one image");
    t.equal(opened.length, 1, "is open once");
    const underWay = received().filter((bytes) => bytes > 0 && bytes < imageBytes).length;
    const residentAtWork = residentBytes(controller.pid);
    await until("every image", () => aps.every(({ completedAt }) => completedAt !== undefined), 240);
    const seconds = (performance.now() - started) / 1000;
    cpuWait.end();
    const loop = await loopDelayMs(ready.admin);
    const idleAps = await new Promise<{ echoMs: number[]; sessionsLost: number }>((resolve) => {
      watch.once("message", resolve);
      watch.postMessage("report");
    });

    const echoes = aps.flatMap((ap) => ap.echoMs);
    const mean = shares.reduce((sum, bytes) => sum + bytes, 0) / transfers;
    const jain = (mean * transfers) ** 2 / (transfers * shares.reduce((sum, bytes) => sum + bytes ** 2, 0));
    const figures = {
      seconds: seconds.toFixed(1),
      megabytesPerSecond: ((transfers * imageBytes) / seconds / 1e6).toFixed(1),
      echoMsOfFetching: percentiles(echoes),
      echoMsOfIdle: percentiles(idleAps.echoMs),
      controllerLoopDelayMs: loop,
      residentMebibytes: [residentBefore, residentAtWork].map((bytes) => Math.round(bytes / mebibyte)),
      shares: { underWay, least: Math.min(...shares) / mean, most: Math.max(...shares) / mean, jain },
    };
    t.comment(JSON.stringify(figures));
    t.equal(
      aps.reduce((sum, ap) => sum + ap.wrong, 0),
      0,
      "every byte is right",
    );
    t.ok(echoes.length > 0 && idleAps.echoMs.length > 0, "there were echoes");
    const cameOnce = aps.every((ap) => ap.imageBytes === imageBytes);
    cpuWait.judge(t, cameOnce, "and came once");
    const sessionsLost = aps.reduce((sum, ap) => sum + ap.sessionsLost, 0) + idleAps.sessionsLost;
    cpuWait.judge(t, sessionsLost === 0, `${sessionsLost} sessions were lost`);
    // The retransmission interval of a lab is 200 ms: slower answers would be asked for twice.
    cpuWait.judge(t, percentile(idleAps.echoMs, 0.99) < 200, `echo of an idle AP: ${percentiles(idleAps.echoMs)}`);
    if (wanRate !== undefined) {
      cpuWait.judge(t, underWay > transfers * 0.9, `${underWay} were under way at once`);
      cpuWait.judge(t, jain > 0.9, `shares: ${JSON.stringify(figures.shares)}`);
    }
    t.ok(residentAtWork - residentBefore < 256 * mebibyte, "memory stays bounded");
  });
}

const percentile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN;
const percentiles = (values: readonly number[]): string =>
  `${values.length} echoes, median ${percentile(values, 0.5).toFixed(1)}, p99 ${percentile(values, 0.99).toFixed(1)}, most ${percentile(values, 1).toFixed(1)}`;

const openFiles = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${name}`)];
    } catch {
      return [];
    }
  });

const residentBytes = (pid: number): number => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;

/** What the controller's own metrics say since they were asked last. */
async function loopDelayMs(admin: string): Promise<Record<string, number>> {
  const page = await (await fetch(new URL("/metrics", admin))).text();
  const value = (name: string): number =>
    Number(new RegExp(`^flexup_nodejs_eventloop_lag_${name}_seconds\\S* (\\S+)$`, "m").exec(page)?.[1]);
  return Object.fromEntries(["mean", "p99", "max"].map((name) => [name, Math.round(value(name) * 10_000) / 10]));
}
