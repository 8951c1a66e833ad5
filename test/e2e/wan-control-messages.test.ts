/**
 * Beside a transfer that fills a real line of 2 Mbit/s and 100 ms, with room for two products of rate and delay before it: answers, an
 * abort and a reset wait no more than a round trip behind blocks. Network namespaces; the controller is a process. The same for more
 * lines in virtual time: `core/capwap/image/fast-session.test.ts`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { DaemonProcess } from "../../src/daemon/process.js";
import { controllerReady } from "../../src/daemon/ready.js";
import { systemClock } from "../../src/runtime/clock.js";
import { CpuWait } from "../support/cpu-wait.js";
import { temporaryFolder } from "../support/folder.js";
import { noSpaces, RoutedSpaces } from "../support/routed-spaces.js";

const bitsPerSecond = 2e6;
const roundTripMs = 100;
const queueBytes = (2 * bitsPerSecond * roundTripMs) / 8000;
const seconds = process.env["FLEXUP_LONG"] === "1" ? 60 : 12;

interface Said {
  readonly joined?: true;
  readonly answeredMs?: number;
  readonly imageBytes?: number;
  readonly failedAt?: number;
  readonly resetAt?: number;
}

t.test("control messages beside blocks", { skip: noSpaces() ?? false }, async (t) => {
  const spaces = new RoutedSpaces(t);
  spaces.limit(bitsPerSecond, queueBytes);
  const lacking = await spaces.delay(roundTripMs);
  if (lacking !== undefined) {
    t.comment(lacking);
    return;
  }
  const folder = temporaryFolder(t);
  const image = join(folder, "new.img");
  writeFileSync(image, randomBytes((bitsPerSecond / 8) * (seconds + 30)));
  const admin = "127.0.0.1:8098";
  const places = ["--data", join(folder, "wlc"), "--listen", `${spaces.addresses.ac}:5246`, "--admin", admin, "--lab", "--dtls", "off"];
  const controller = new DaemonProcess(["controller", ...places], process.env, spaces.around("ac"));
  t.teardown(() => controller.stop());
  await controller.line(controllerReady);
  const flexup = (...words: string[]): string =>
    spaces.run(
      "ac",
      ...["env", `FLEXUP_ADMIN=http://${admin}`, process.execPath, join(import.meta.dirname, "../../../bin/flexup.js"), ...words],
    );
  const watchCpu = (): CpuWait => new CpuWait([controller.pid, ap.pid as number]);

  const said: Said[] = [];
  const ap = startAp(spaces, said);
  t.teardown(() => ap.kill("SIGKILL"));
  const until = async (what: string, holds: () => boolean): Promise<void> => {
    const deadline = performance.now() + 120_000;
    while (!holds()) {
      if (performance.now() > deadline) throw new Error(`waited for ${what} in vain: ${JSON.stringify(said.slice(-3))}`);
      await sleep(20);
    }
  };
  await until("the join", () => said.some(({ joined }) => joined === true));
  flexup("image", "add", image, "--version", "9.0", "--models", "AIR-AP2802I", "--release", "primary");
  flexup("config", "ap", "image", "predownload", "primary", "all");
  await until("the transfer", () => (said.at(-1)?.imageBytes ?? 0) > 0);
  await sleep(4_000);

  const cpuWait = watchCpu();
  const from = said.length;
  await sleep(seconds * 1000);
  cpuWait.end();
  const during = said.slice(from);
  const waits = during.flatMap(({ answeredMs }) => answeredMs ?? []).sort((a, b) => a - b);
  const carried = (during.at(-1)?.imageBytes ?? 0) - (during[0]?.imageBytes ?? 0);
  const share = (carried * 8) / seconds / bitsPerSecond;
  const [median = Number.NaN, most = Number.NaN] = [waits[Math.floor(waits.length / 2)], waits.at(-1)];
  t.comment(
    `${waits.length} answers: median ${median.toFixed(0)} ms, p95 ${waits[Math.floor(waits.length * 0.95)]?.toFixed(0)} ms, most ${most.toFixed(0)} ms; blocks took ${(share * 100).toFixed(0)} % of the line`,
  );
  t.ok(waits.length > 0 && carried > 0, "there were answers and blocks");
  cpuWait.judge(t, share > 0.6, "the line is full of blocks");
  cpuWait.judge(t, median <= 2 * roundTripMs, `median ${median}`);
  // The AP's own request goes up an empty line and its answer comes down the full one; a busy machine adds to it.
  const late = waits.filter((ms) => ms > 2 * roundTripMs + 50).length;
  cpuWait.judge(t, late <= waits.length * 0.05, `${late} of ${waits.length} took longer`);

  const aborting = watchCpu();
  const { beganAt, tookMs } = timed(() => flexup("config", "ap", "image", "predownload", "abort", "all"));
  await until("the abort", () => said.some(({ failedAt }) => failedAt !== undefined));
  const failedAt = said.find((line) => line.failedAt !== undefined)?.failedAt ?? Number.NaN;
  t.comment(`the abort reached the AP ${(failedAt - beganAt).toFixed(0)} ms after the command began, which took ${tookMs.toFixed(0)} ms`);
  aborting.judge(t, failedAt - beganAt <= tookMs + 2 * roundTripMs + 50, "the abort overtakes what was not sent");

  // In a run a reset is refused, so an operator's comes on the heels of an abort.
  const resetting = watchCpu();
  const reset = timed(() => flexup("config", "ap", "reset", "all"));
  await until("the reset", () => said.some(({ resetAt }) => resetAt !== undefined));
  const resetAt = said.find((line) => line.resetAt !== undefined)?.resetAt ?? Number.NaN;
  t.comment(
    `the reset reached the AP ${(resetAt - reset.beganAt).toFixed(0)} ms after the command began, which took ${reset.tookMs.toFixed(0)} ms`,
  );
  resetting.judge(t, resetAt - reset.beganAt <= reset.tookMs + 2 * roundTripMs + 50, "so does a reset");
});

function timed(work: () => void): { beganAt: number; tookMs: number } {
  const beganAt = systemClock.now();
  work();
  return { beganAt, tookMs: systemClock.now() - beganAt };
}

function startAp(spaces: RoutedSpaces, said: Said[]): ChildProcess {
  const script = join(import.meta.dirname, "../support/asking-ap.js");
  const [ip, ...words] = spaces.around("ap");
  const ap = spawn(ip, [...words, process.execPath, script, spaces.addresses.ap, spaces.addresses.ac, "5246"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  createInterface({ input: ap.stdout }).on("line", (line) => said.push(JSON.parse(line) as Said));
  return ap;
}
