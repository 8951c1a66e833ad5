/**
 * `npm run demo`: one controller and twelve APs of three models as processes of their own on loopback
 * addresses of their own; a group upgrade with lab timers, swap, reset, rejoin. Exit code 0 only if every AP
 * runs the new version and each model crossed the WAN once.
 */
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AdminClient } from "../../admin/client.js";
import type { Result } from "../../base/failure.js";
import type { GroupView, RunReport } from "../../core/controller/operator/views.js";
import { loadDtls } from "../../runtime/dtls/addon.js";
import { DaemonProcess } from "../process.js";
import { controllerReady } from "../ready.js";
import { aps, groupName, makeImages, versions } from "./branch.js";
import { Picture } from "./picture.js";
import { summaryLines } from "./summary.js";

const lookMs = 150;
const patienceMs = 120_000;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** @throws Error with the controller's own words: in the demo a refusal is a defect */
const must = <T>(result: Result<T>): T => {
  if (!result.ok) throw new Error(`${result.failure.message} (${result.failure.code})`);
  return result.value;
};

/** Looks until `seen` returns something. @throws Error after two minutes */
async function until<T>(what: string, seen: () => Promise<T | undefined>): Promise<T> {
  for (const deadline = performance.now() + patienceMs; performance.now() < deadline; await sleep(lookMs)) {
    const found = await seen();
    if (found !== undefined) return found;
  }
  throw new Error(`${what} did not happen within ${patienceMs / 1000} s`);
}

/** Resolves with what is wrong, one line each; empty when all is as it should be. */
export async function runDemo(): Promise<string[]> {
  const startedAt = performance.now();
  const folder = await mkdtemp(join(tmpdir(), "flexup-demo-"));
  const fleet: DaemonProcess[] = [];
  process.on("exit", () => {
    for (const daemon of fleet) if (daemon.running) void daemon.kill();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));
  const start = (...args: string[]): DaemonProcess => {
    const daemon = new DaemonProcess(args);
    fleet.push(daemon);
    return daemon;
  };
  try {
    say(`One controller and ${aps.length} APs of 3 models on this machine, each AP with an address of its own; data in ${folder}`);
    const link = await linkArguments(folder);
    const doors = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    const controller = start("controller", "--data", join(folder, "controller"), ...doors, "--lab", ...link);
    const ready = await controller.line(controllerReady);
    const admin = new AdminClient(new URL(ready.admin));
    const images = await makeImages(folder);
    for (const { model, path } of images) {
      must(await admin.addImage(path, { version: versions.after, models: [model], release: "primary" }, () => {}));
    }
    for (const { name, mac, model, address } of aps) {
      const identity = ["--name", name, "--mac", mac, "--model", model, "--version", versions.before];
      const network = ["--bind", address, "--controller", ready.capwap, "--tftp-port", "0"];
      start("ap", "--data", join(folder, name), ...identity, ...network, "--on-reset", "restart", "--lab", ...link);
    }
    await until("every AP's join", async () => {
      const joined = must(await admin.order({ type: "show-ap-summary" })).filter(({ state }) => state === "Joined");
      return joined.length === aps.length ? true : undefined;
    });
    say(`All ${aps.length} APs joined on ${versions.before} after ${seconds(startedAt)}`);

    must(await admin.order({ type: "group-add", group: groupName }));
    for (const { mac } of aps) must(await admin.order({ type: "group-ap-add", group: groupName, mac }));
    must(await admin.order({ type: "group-backoff", group: groupName, minSeconds: 1, maxSeconds: 2 }));
    must(await admin.order({ type: "group-predownload", group: groupName, enabled: true }));
    must(await admin.order({ type: "group-start", group: groupName, release: "primary" }));
    say(`Upgrade to ${versions.after} started`);
    const group = await watch(admin);
    const report = must(await admin.order({ type: "show-runs", group: groupName })).find(({ id }) => id === group.run?.id);
    say(`Every AP holds the image after ${seconds(startedAt)}; swap and reset`);

    must(await admin.order({ type: "ap-swap", ap: "all" }));
    must(await admin.order({ type: "ap-reset", ap: "all" }));
    const summary = await until("every AP's return on the new version", async () => {
      const rows = must(await admin.order({ type: "show-ap-summary" }));
      return rows.every(({ state, runningVersion }) => state === "Joined" && runningVersion === versions.after) ? rows : undefined;
    });
    say(`All ${summary.length} APs run ${versions.after} after ${seconds(startedAt)}\n`);
    return report === undefined ? ["the run left no report"] : conclude(group, report);
  } finally {
    await Promise.all(fleet.map((daemon) => daemon.stop()));
  }
}

/** DTLS with one join token. Only the demo falls back to clear text where the add-on is missing. */
async function linkArguments(folder: string): Promise<string[]> {
  if (loadDtls() === undefined) {
    say("DTLS is not available here (its add-on was not compiled): the control channel runs in clear text on loopback");
    return [];
  }
  const path = join(folder, "join-token");
  await writeFile(path, randomBytes(32).toString("hex"), { mode: 0o600 });
  return ["--join-token-file", path];
}

async function watch(admin: AdminClient): Promise<GroupView> {
  const picture = new Picture(process.stdout);
  return until("the end of the run", async () => {
    picture.show(must(await admin.order({ type: "show-ap-image", ap: "all" })).aps);
    const group = must(await admin.order({ type: "show-group", group: groupName }));
    return group.run === null || group.run.state === "running" ? undefined : group;
  });
}

function conclude(group: GroupView, report: RunReport): string[] {
  for (const line of summaryLines(group, report)) say(line);
  const wrong = group.models
    .filter(({ wanCopies }) => wanCopies !== 1)
    .map(({ models, wanCopies }) => `${models.join(", ")} crossed the WAN ${wanCopies} times`);
  const state = group.run?.state;
  return state === "complete" ? wrong : [`the run ended as ${state}`, ...wrong];
}

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;
