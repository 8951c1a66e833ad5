/** A controller and APs as processes of their own on loopback, for end-to-end tests. */
import { type ExecFileException, execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Test } from "tap";
import { AdminClient } from "../../src/admin/client.js";
import type { Result } from "../../src/base/failure.js";
import type { ApImageRow, ApSummaryRow, GroupView } from "../../src/core/controller/operator/views.js";
import { DaemonProcess } from "../../src/daemon/process.js";
import { apReady, type ControllerReady, controllerReady } from "../../src/daemon/ready.js";
import { removal } from "./folder.js";
import { ownNetwork } from "./own-network.js";

const entryFile = fileURLToPath(new URL("../../../bin/flexup.js", import.meta.url));
const lookMs = 50;
/** A machine that is ten times as slow and does other work is no failure; what never happens is one soon enough. */
const patienceMs = 180_000;

export const before = "8.5.161.0";
export const after = "8.10.183.0";

export interface ApPlan {
  readonly name: string;
  readonly mac: string;
  readonly model: string;
}

/** `count` APs of one model, lowest MAC first. */
export const apsOf = (model: string, count: number, from = 1): ApPlan[] =>
  Array.from({ length: count }, (_, index) => {
    const number = from + index;
    return { name: `AP${number}`, mac: `00:00:5e:00:53:${number.toString(16).padStart(2, "0")}`, model };
  });

/** @throws Error with the controller's words: in these tests a refusal that is not asked for is a defect */
export const must = <T>(result: Result<T>): T => {
  if (!result.ok) throw new Error(`${result.failure.message} (${result.failure.code})`);
  return result.value;
};

/** Looks until `seen` returns something but false. @throws Error after `patienceMs` */
export async function until<T>(what: string, seen: () => Promise<T | undefined | false>): Promise<T> {
  for (const deadline = performance.now() + patienceMs; performance.now() < deadline; await sleep(lookMs)) {
    const found = await seen();
    if (found !== undefined && found !== false) return found;
  }
  throw new Error(`not within ${patienceMs / 1000} s: ${what}`);
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class Fleet {
  readonly folder: string;
  readonly aps = new Map<string, DaemonProcess>();
  readonly #controllerArgs: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  /** `127.N`, where nobody else is. */
  readonly network: string;
  controller: DaemonProcess;
  ready: ControllerReady;
  admin: AdminClient;

  private constructor(folder: string, network: string, controllerArgs: readonly string[], env: NodeJS.ProcessEnv) {
    this.folder = folder;
    this.network = network;
    // Not a port that the system gives out: between a kill and the restart somebody else could get it.
    this.ready = { capwap: `${network}.255.1:5246`, admin: "http://127.0.0.1", ssh: undefined };
    this.#controllerArgs = controllerArgs;
    this.#env = { ...process.env, ...env };
    this.controller = new DaemonProcess(this.#controllerCommand(), this.#env);
    this.admin = new AdminClient(new URL(this.ready.admin));
  }

  /**
   * @param env added to the controller's environment
   * @param data a data folder of which the controller gets a copy
   */
  static async start(t: Test, controllerArgs: readonly string[] = [], env: NodeJS.ProcessEnv = {}, data?: string): Promise<Fleet> {
    const network = await ownNetwork(t);
    const folder = await mkdtemp(join(tmpdir(), "flexup-fleet-"));
    if (data !== undefined) await cp(data, join(folder, "controller"), { recursive: true });
    const fleet = new Fleet(folder, `127.${network}`, controllerArgs, env);
    t.teardown(async () => {
      await Promise.all([fleet.controller, ...fleet.aps.values()].filter(({ running }) => running).map((daemon) => daemon.kill()));
      await rm(folder, removal);
    });
    await fleet.#controllerUp();
    return fleet;
  }

  #controllerCommand(): string[] {
    const data = join(this.folder, "controller");
    return ["controller", "--data", data, "--listen", this.ready.capwap, "--admin", "127.0.0.1:0", "--lab", ...this.#controllerArgs];
  }

  async #controllerUp(): Promise<void> {
    this.ready = await this.controller.line(controllerReady);
    this.admin = new AdminClient(new URL(this.ready.admin));
  }

  /** A new controller process on the same data and CAPWAP port, as after a power cut. */
  async restartController(): Promise<void> {
    this.controller = new DaemonProcess(this.#controllerCommand(), this.#env);
    await this.#controllerUp();
  }

  address(plan: ApPlan): string {
    return `${this.network}.0.${Number.parseInt(plan.mac.slice(-2), 16)}`;
  }

  /** Starts an AP, or starts it again on the same data. */
  startAp(plan: ApPlan, ...more: string[]): DaemonProcess {
    const identity = ["--name", plan.name, "--mac", plan.mac, "--model", plan.model, "--version", before];
    const network = ["--bind", this.address(plan), "--controller", this.ready.capwap, "--tftp-port", "6969"];
    const ap = new DaemonProcess(["ap", "--data", join(this.folder, plan.name), ...identity, ...network, "--lab", ...more]);
    this.aps.set(plan.name, ap);
    return ap;
  }

  /** Starts APs and waits until the controller has them in Run. */
  async join(plans: readonly ApPlan[], ...more: string[]): Promise<void> {
    const started = plans.map((plan) => this.startAp(plan, ...more));
    await Promise.all(started.map((ap) => ap.line(apReady)));
    await this.joined(plans.map(({ name }) => name));
  }

  async joined(names: readonly string[]): Promise<readonly ApSummaryRow[]> {
    return until(`${names.join(", ")} joined`, async () => {
      const rows = must(await this.admin.order({ type: "show-ap-summary" }));
      return names.every((name) => rows.some((row) => row.name === name && row.state === "Joined")) ? rows : undefined;
    });
  }

  /** Puts a random image of `sizeBytes` for `model` into the primary release. */
  async addImage(
    model: string,
    sizeBytes: number,
    version = after,
  ): Promise<{ readonly content: Buffer; readonly sha256: string; readonly fileName: string }> {
    const content = randomBytes(sizeBytes);
    const path = join(this.folder, `${model}-${version}.img`);
    await writeFile(path, content);
    const image = must(await this.admin.addImage(path, { version, models: [model], release: "primary" }, () => {}));
    return { content, sha256: createHash("sha256").update(content).digest("hex"), fileName: image.fileName };
  }

  /** A group of these APs, enabled, with short back-offs. */
  async group(group: string, plans: readonly ApPlan[], { retryCount = 44, minSeconds = 0.2, maxSeconds = 0.4 } = {}): Promise<void> {
    must(await this.admin.order({ type: "group-add", group }));
    for (const { mac } of plans) must(await this.admin.order({ type: "group-ap-add", group, mac }));
    must(await this.admin.order({ type: "group-backoff", group, minSeconds, maxSeconds }));
    must(await this.admin.order({ type: "group-retry-count", group, retryCount }));
    must(await this.admin.order({ type: "group-predownload", group, enabled: true }));
  }

  /** Content of the slot in which the AP holds the image, or undefined. */
  async stored({ name }: ApPlan, sha256: string): Promise<Buffer | undefined> {
    const folder = join(this.folder, name);
    const file = (await readdir(folder)).find((file) => file.endsWith(`-${sha256}.image`));
    return file === undefined ? undefined : readFile(join(folder, file));
  }

  /** How much of a download is safely on the AP's disk, as its own file says. */
  async safeBytes({ name }: ApPlan): Promise<number> {
    const text = await readFile(join(this.folder, name, "download.json"), "utf8").catch(() => undefined);
    return text === undefined ? 0 : JSON.parse(text).content.safeBytes;
  }

  async start(group: string): Promise<void> {
    must(await this.admin.order({ type: "group-start", group, release: "primary" }));
  }

  async rows(): Promise<readonly ApImageRow[]> {
    return must(await this.admin.order({ type: "show-ap-image", ap: "all" })).aps;
  }

  async row(name: string): Promise<ApImageRow> {
    const found = (await this.rows()).find((row) => row.name === name);
    if (found === undefined) throw new Error(`no AP ${name}`);
    return found;
  }

  async view(group: string): Promise<GroupView> {
    return must(await this.admin.order({ type: "show-group", group }));
  }

  /** Waits until the group's run is over. */
  async runOver(group: string): Promise<GroupView> {
    return until(`the end of ${group}'s run`, async () => {
      const view = await this.view(group);
      return view.run === null || view.run.state === "running" ? undefined : view;
    });
  }

  /** Runs one flexup command against this controller, as a person would. */
  flexup(...args: string[]): Promise<CommandResult> {
    return new Promise((resolve) => {
      const env = { ...process.env, FLEXUP_ADMIN: this.ready.admin };
      execFile(process.execPath, [entryFile, ...args], { env }, (error: ExecFileException | null, stdout, stderr) => {
        resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, stdout, stderr });
      });
    });
  }
}
