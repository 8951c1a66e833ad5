/**
 * A branch of real processes to inflict faults on: a controller, and APs that reach it through one relay. Data folders are small disks
 * where such can be mounted.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import { AdminClient } from "../../../src/admin/client.js";
import type { BootRecord, SlotId } from "../../../src/core/ap/contract.js";
import type { ApImageRow, ApSummaryRow, GroupView } from "../../../src/core/controller/operator/views.js";
import { DaemonProcess } from "../../../src/daemon/process.js";
import { controllerReady } from "../../../src/daemon/ready.js";
import { bootRecordOf } from "../../../src/runtime/ap/stored-files.js";
import { type ApPlan, before, must, until } from "../fleet.js";
import { removal } from "../folder.js";
import { ownNetwork } from "../own-network.js";
import { UdpRelay } from "../udp-relay.js";
import { SmallDisk } from "./small-disk.js";

export const groupName = "branch";
const diskMebibytes = 48;
const tftpPort = 6969;

/** A process that may be stopped and started again on the same data. */
export interface Node {
  readonly name: string;
  readonly folder: string;
  readonly address: string;
  readonly disk: SmallDisk | undefined;
  daemon: DaemonProcess;
}

export interface ApNode extends Node {
  readonly plan: ApPlan;
}

export interface BranchOptions {
  readonly plans: readonly ApPlan[];
  /** Of each AP that serves, in bits per second. */
  readonly tftpRate: string;
  readonly disks: boolean;
}

export class Branch {
  readonly folder = mkdtempSync(join(tmpdir(), "flexup-campaign-"));
  readonly aps: readonly ApNode[];
  readonly controller: Node;
  readonly relay: UdpRelay;
  /** Each says whether a datagram from or to the AP at this address is lost now. */
  readonly losses = new Set<(address: string) => boolean>();
  /** Ends of processes that nobody asked for. */
  readonly unexpectedEnds: string[] = [];
  readonly #capwap: string;
  readonly #tftpRate: string;
  readonly #ended = new WeakSet<DaemonProcess>();
  #admin = new AdminClient(new URL("http://127.0.0.1"));

  private constructor(network: string, relay: UdpRelay, { plans, tftpRate, disks }: BranchOptions) {
    this.relay = relay;
    this.#tftpRate = tftpRate;
    // Not a port that the system gives out: between a kill and the restart somebody else could get it.
    this.#capwap = `${network}.255.1:5246`;
    const place = (name: string, address: string) => {
      const folder = join(this.folder, name);
      return { name, folder, address, disk: disks ? new SmallDisk(folder, diskMebibytes) : undefined };
    };
    const controller = place("controller", `${network}.255.1`);
    this.controller = { ...controller, daemon: this.#run("controller", this.#controllerArgs(controller.folder)) };
    this.aps = plans.map((plan, index) => {
      const ap = place(plan.name, `${network}.0.${index + 1}`);
      return { ...ap, plan, daemon: this.#run(plan.name, this.apArgs(plan, ap.folder, ap.address)) };
    });
    relay.passes = (_way, { address }) => ![...this.losses].some((isLost) => isLost(address));
    relay.server = { address: `${network}.255.1`, port: 5246 };
  }

  /** All joined, one group with all APs. */
  static async open(t: Test, options: BranchOptions): Promise<Branch> {
    const network = `127.${await ownNetwork(t)}`;
    const branch = new Branch(network, await UdpRelay.open(`${network}.255.2`), options);
    t.teardown(() => branch.#close());
    await branch.controllerUp();
    await branch.allJoined();
    must(await branch.admin.order({ type: "group-add", group: groupName }));
    for (const { mac } of options.plans) must(await branch.admin.order({ type: "group-ap-add", group: groupName, mac }));
    must(await branch.admin.order({ type: "group-predownload", group: groupName, enabled: true }));
    return branch;
  }

  get admin(): AdminClient {
    return this.#admin;
  }

  // ---- processes -----------------------------------------------------------------------------------------------------

  /** @param around a command that runs the process */
  async restart(node: Node, around: readonly string[] = []): Promise<void> {
    const ap = this.aps.find(({ name }) => name === node.name);
    const args = ap ? this.apArgs(ap.plan, ap.folder, ap.address) : this.#controllerArgs(node.folder);
    node.daemon = this.#run(node.name, args, around);
    if (!ap) await this.controllerUp();
  }

  /** @returns false when the controller refuses its damaged data folder. Any other end is thrown. */
  async startsController(): Promise<boolean> {
    const { controller } = this;
    controller.daemon = this.#run(controller.name, this.#controllerArgs(controller.folder));
    this.expectEnd(controller.daemon);
    try {
      await this.controllerUp();
      this.#ended.delete(controller.daemon);
      return true;
    } catch (error) {
      if (!/is damaged .*flexup data restore/.test(controller.daemon.stderr)) throw error;
      return false;
    }
  }

  async kill({ daemon }: Node): Promise<void> {
    this.expectEnd(daemon);
    await daemon.kill();
  }

  expectEnd(daemon: DaemonProcess): void {
    this.#ended.add(daemon);
  }

  async controllerUp(): Promise<void> {
    const { admin } = await this.controller.daemon.line(controllerReady);
    this.#admin = new AdminClient(new URL(admin));
  }

  apArgs({ name, mac, model }: ApPlan, folder: string, address: string): string[] {
    const { address: at, port } = this.relay.local;
    const identity = ["--name", name, "--mac", mac, "--model", model, "--version", before];
    const network = ["--bind", address, "--controller", `${at}:${port}`, "--tftp-port", String(tftpPort), "--tftp-rate", this.#tftpRate];
    return ["ap", "--data", folder, ...identity, ...network, "--lab"];
  }

  #controllerArgs(folder: string): string[] {
    return ["controller", "--data", folder, "--listen", this.#capwap, "--admin", "127.0.0.1:0", "--lab"];
  }

  #run(name: string, args: readonly string[], around: readonly string[] = []): DaemonProcess {
    const daemon = new DaemonProcess(args, process.env, around);
    void daemon.ended.then(({ code, signal }) => {
      if (!this.#ended.has(daemon)) this.unexpectedEnds.push(`${name} ended by itself (${code ?? signal}): ${daemon.stderr.slice(-400)}`);
    });
    return daemon;
  }

  async #close(): Promise<void> {
    const nodes: readonly Node[] = [this.controller, ...this.aps];
    await Promise.all(nodes.filter(({ daemon }) => daemon.running).map((node) => this.kill(node)));
    this.relay.close();
    for (const { disk } of nodes) disk?.unmount();
    rmSync(this.folder, removal);
  }

  // ---- what the controller says --------------------------------------------------------------------------------------

  async allJoined(): Promise<void> {
    await until("all APs joined", async () => {
      const rows = await this.summary();
      return this.aps.every(({ plan }) => rows.some(({ mac, state }) => mac === plan.mac && state === "Joined"));
    });
  }

  async summary(): Promise<readonly ApSummaryRow[]> {
    return must(await this.admin.order({ type: "show-ap-summary" }));
  }

  async rows(): Promise<readonly ApImageRow[]> {
    return must(await this.admin.order({ type: "show-ap-image", ap: "all" })).aps;
  }

  async view(): Promise<GroupView> {
    return must(await this.admin.order({ type: "show-group", group: groupName }));
  }

  /** Puts a random image into the primary release. @returns its SHA-256 */
  async addImage(models: readonly string[], sizeBytes: number, version: string): Promise<string> {
    const content = randomBytes(sizeBytes);
    const path = join(this.folder, `${version}.img`);
    writeFileSync(path, content);
    must(await this.admin.addImage(path, { version, models, release: "primary" }, () => {}));
    rmSync(path);
    return createHash("sha256").update(content).digest("hex");
  }

  /** The end of each process's log, for a round that broke a rule. */
  lastLines(): string[] {
    return [this.controller, ...this.aps].flatMap(({ name, daemon }) =>
      daemon.lines.slice(-8).map((line) => `${name} ${JSON.stringify(line)}`.slice(0, 400)),
    );
  }

  // ---- what APs hold -------------------------------------------------------------------------------------------------

  bootRecord({ folder }: ApNode): BootRecord {
    return bootRecordOf(JSON.parse(readFileSync(join(folder, "boot.json"), "utf8")).content);
  }

  slotFile({ folder }: ApNode, slot: SlotId, sha256: string): string {
    return join(folder, `slot-${slot}-${sha256}.image`);
  }

  /** The SHA-256 of each whole image on the AP's disk, by its bytes. */
  storedImages(ap: ApNode): ReadonlySet<string> {
    const files = readdirSync(ap.folder).filter((file) => file.endsWith(".image"));
    return new Set(
      files.map((file) =>
        createHash("sha256")
          .update(readFileSync(join(ap.folder, file)))
          .digest("hex"),
      ),
    );
  }
}
