/** A controller and APs as processes of their own on loopback addresses, for end-to-end tests. */
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Test } from "tap";
import { AdminClient } from "../../src/admin/client.js";
import type { Result } from "../../src/base/failure.js";
import type { ApImageRow, GroupView } from "../../src/core/controller/views.js";
import { DaemonProcess } from "../../src/daemon/process.js";
import { apReady, controllerReady } from "../../src/daemon/ready.js";
import { temporaryFolder } from "./folder.js";

export const before = "8.5.161.0";
export const after = "8.10.183.0";
const groupName = "branch";

export interface BranchImage {
  readonly path: string;
  readonly bytes: Buffer;
  readonly sha256: string;
}

export interface BranchOptions {
  /** Second octet of the loopback addresses: `127.<net>.0.<ap>`. Each test file takes its own. */
  readonly net: number;
  readonly apCount: number;
  readonly imageBytes: number;
  readonly apArgs?: (number: number) => readonly string[];
  /** The controller is up at this `address:port`; called before any AP starts, and after each restart. */
  readonly onController?: (capwap: string) => void;
}

export const must = <T>(result: Result<T>): T => {
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
};

export class Branch {
  readonly folder: string;
  readonly image: BranchImage;
  readonly aps = new Map<number, DaemonProcess>();
  controller!: DaemonProcess;
  admin!: AdminClient;
  /** The port stays when the controller is started anew. */
  #capwap: string;
  readonly #options: BranchOptions;

  private constructor(folder: string, options: BranchOptions) {
    this.folder = folder;
    this.#options = options;
    this.#capwap = `127.${options.net}.1.1:0`;
    const bytes = randomBytes(options.imageBytes);
    this.image = { path: join(folder, "new.img"), bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
    writeFileSync(this.image.path, bytes);
  }

  /** All APs joined, in one group, with the image in the catalogue and short back-off. */
  static async start(t: Pick<Test, "teardown">, options: BranchOptions): Promise<Branch> {
    const branch = new Branch(temporaryFolder(t), options);
    t.teardown(() => branch.close());
    await branch.startController();
    for (let number = 1; number <= options.apCount; number++) await branch.startAp(number);
    const description = { version: after, models: ["AIR-AP2802I"], release: "primary" } as const;
    must(await branch.admin.addImage(branch.image.path, description, () => {}));
    await branch.until("every join", async () => (await branch.rows()).length === options.apCount);
    must(await branch.admin.order({ type: "group-add", group: groupName }));
    for (let number = 1; number <= options.apCount; number++) {
      must(await branch.admin.order({ type: "group-ap-add", group: groupName, mac: macOf(number) }));
    }
    must(await branch.admin.order({ type: "group-backoff", group: groupName, minSeconds: 0.2, maxSeconds: 0.6 }));
    must(await branch.admin.order({ type: "group-predownload", group: groupName, enabled: true }));
    return branch;
  }

  async startController(): Promise<void> {
    const data = join(this.folder, "controller");
    this.controller = new DaemonProcess(["controller", "--data", data, "--listen", this.#capwap, "--admin", "127.0.0.1:0", "--lab"]);
    const ready = await this.controller.line(controllerReady);
    this.#capwap = ready.capwap;
    this.#options.onController?.(ready.capwap);
    this.admin = new AdminClient(new URL(ready.admin));
  }

  /** @returns where it serves TFTP */
  async startAp(number: number): Promise<{ address: string; port: number }> {
    const address = `127.${this.#options.net}.0.${number}`;
    const identity = ["--name", nameOf(number), "--mac", macOf(number), "--model", "AIR-AP2802I", "--version", before];
    const network = ["--controller", this.#capwap, "--bind", address, "--tftp-port", "0", "--lab"];
    const ap = new DaemonProcess(["ap", "--data", this.dataOf(number), ...identity, ...network, ...(this.#options.apArgs?.(number) ?? [])]);
    this.aps.set(number, ap);
    const { tftp } = await ap.line(apReady);
    return { address, port: Number(tftp.split(":").at(-1)) };
  }

  dataOf(number: number): string {
    return join(this.folder, nameOf(number));
  }

  async startRun(): Promise<void> {
    must(await this.admin.order({ type: "group-start", group: groupName, release: "primary" }));
  }

  async rows(): Promise<readonly ApImageRow[]> {
    return must(await this.admin.order({ type: "show-ap-image", ap: "all" })).aps;
  }

  async row(number: number): Promise<ApImageRow> {
    const row = (await this.rows()).find(({ name }) => name === nameOf(number));
    if (row === undefined) throw new Error(`${nameOf(number)} is not known`);
    return row;
  }

  async group(): Promise<GroupView> {
    return must(await this.admin.order({ type: "show-group", group: groupName }));
  }

  /** The run's end. */
  async runEnd(): Promise<GroupView> {
    await this.until("the end of the run", async () => (await this.group()).run?.state !== "running");
    return this.group();
  }

  /** Content of the slot that holds the new image, or undefined. */
  stored(number: number): Buffer | undefined {
    const folder = this.dataOf(number);
    const name = readdirSync(folder).find((name) => name.endsWith(`-${this.image.sha256}.image`));
    return name === undefined ? undefined : readFileSync(join(folder, name));
  }

  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + 60_000;
    while (!(await holds())) {
      if (performance.now() > deadline) throw new Error(`waited for ${what} in vain: ${JSON.stringify(await this.rows())}`);
      await sleep(50);
    }
  }

  /** Orderly. Idempotent. */
  async close(): Promise<void> {
    await Promise.all([...this.aps.values(), this.controller].map((daemon) => daemon.stop()));
  }
}

export const nameOf = (number: number): string => `AP${number}`;
export const macOf = (number: number): string => `00:00:5e:00:53:${number.toString(16).padStart(2, "0")}`;
