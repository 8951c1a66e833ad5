/**
 * `--wan-rate` and a group's rate on real sockets: over no ten seconds do more bytes than the cap and 2 % leave, IP and UDP headers
 * included, and what the cap leaves is used. Counted where they arrive.
 */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { AdminClient } from "../../src/admin/client.js";
import { parseHostPort } from "../../src/base/endpoint.js";
import { DaemonProcess } from "../../src/daemon/process.js";
import { controllerReady } from "../../src/daemon/ready.js";
import { CpuWait } from "../support/cpu-wait.js";
import { must } from "../support/fleet.js";
import { temporaryFolder } from "../support/folder.js";
import { LightAp } from "../support/light-ap.js";

const net = 82;
const wanRate = 1_000_000;
const slowRate = 200_000;
const seconds = process.env["FLEXUP_LONG"] === "1" ? 60 : 16;
const windowMs = 10_000;
const sampleMs = 50;

t.test("a cap for the controller and one for a group", async (t) => {
  const folder = temporaryFolder(t);
  const image = randomBytes(wanRate * seconds);
  const imagePath = join(folder, "image.img");
  writeFileSync(imagePath, image);
  const places = ["--data", join(folder, "controller"), "--listen", `127.${net}.1.1:0`, "--admin", "127.0.0.1:0", "--lab"];
  const controller = new DaemonProcess(["controller", ...places, "--wan-rate", "1M"]);
  t.teardown(() => controller.stop());
  const ready = await controller.line(controllerReady);
  const admin = new AdminClient(new URL(ready.admin));
  const { host: address, port } = parseHostPort(ready.capwap, 0) ?? { host: "", port: 0 };
  const aps = Array.from(
    { length: 6 },
    (_, index) =>
      new LightAp({ index, address: `127.${net}.2.${index + 1}`, controller: { address, port }, image, datagramBytesMax: 1_472 }),
  );
  t.teardown(() => {
    for (const ap of aps) ap.close();
  });
  for (const ap of aps) await ap.start();
  while (!aps.every(({ running }) => running)) await sleep(20);
  must(await admin.addImage(imagePath, { version: "9.0", models: ["AIR-AP2802I"], release: "primary" }, () => {}));
  const members = { fast: aps.slice(0, 3), slow: aps.slice(3) };
  for (const [group, own] of Object.entries(members)) {
    must(await admin.order({ type: "group-add", group }));
    for (const { mac } of own) must(await admin.order({ type: "group-ap-add", group, mac }));
    must(await admin.order({ type: "group-predownload", group, enabled: true }));
  }
  must(await admin.order({ type: "group-wan", group: "slow", wan: { bytesPerSecondMax: slowRate } }));
  for (const group of Object.keys(members)) must(await admin.order({ type: "group-start", group, release: "primary" }));

  const bytesOf = (own: readonly LightAp[]): number => own.reduce((sum, { arrived }) => sum + arrived.bytes, 0);
  const cpuWait = new CpuWait([controller.pid]);
  const lag = monitorEventLoopDelay({ resolution: 5 });
  lag.enable();
  const samples: { readonly at: number; readonly all: number; readonly slow: number; readonly each: readonly number[] }[] = [];
  const beganAt = performance.now();
  while (performance.now() - beganAt < seconds * 1000) {
    samples.push({
      at: performance.now(),
      all: bytesOf(aps),
      slow: bytesOf(members.slow),
      each: aps.map(({ arrived }) => arrived.bytes),
    });
    await sleep(sampleMs);
  }
  lag.disable();
  cpuWait.end();
  t.ok(
    aps.every(({ completedAt }) => completedAt === undefined),
    "all fetch all the time",
  );
  // What this process was late to count belongs to the time before.
  const lateMs = lag.max / 1e6;
  const rates = (count: "all" | "slow", lateMs: number): number[] =>
    samples.flatMap((from, index) => {
      const to = samples.slice(index).find(({ at }) => at - from.at >= windowMs);
      return to === undefined ? [] : [((to[count] - from[count]) * 1000) / (to.at - from.at + lateMs)];
    });
  const [all, slow] = [rates("all", lateMs), rates("slow", lateMs)];
  const used = rates("all", 0).at(-1) ?? 0;
  const first = samples.find(({ at }) => at - beganAt >= 3_000)?.each ?? [];
  const shares = (samples.at(-1)?.each ?? []).map((bytes, index) => bytes - (first[index] ?? 0));
  t.comment(
    JSON.stringify({
      windows: all.length,
      all: [Math.min(...all), Math.max(...all)].map(Math.round),
      slow: [Math.min(...slow), Math.max(...slow)].map(Math.round),
      lateMs: Math.round(lateMs),
      shares,
    }),
  );
  t.ok(Math.max(...all) <= wanRate * 1.02, `all: ${Math.max(...all)}`);
  t.ok(Math.max(...slow) <= slowRate * 1.02, `slow group: ${Math.max(...slow)}`);
  const wrong = aps.reduce((sum, ap) => sum + ap.wrong, 0);
  t.equal(wrong, 0, "every byte is right");
  t.ok(used > 0, "windows were looked at");
  cpuWait.judge(t, used >= wanRate * 0.93, `the cap is used: ${used}`);
  for (const own of [shares.slice(0, 3), shares.slice(3)]) cpuWait.judge(t, Math.min(...own) >= 0.7 * Math.max(...own), `shares ${own}`);
});
