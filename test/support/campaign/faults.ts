/** What is done to a branch in mid-run. Each fault says what it may cost and how it is undone. */
import { closeSync, existsSync, openSync, readdirSync, readSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Prng } from "../../../src/base/prng.js";
import { DaemonProcess } from "../../../src/daemon/process.js";
import { must } from "../fleet.js";
import { flexup } from "../flexup-process.js";
import type { ApNode, Branch, Node } from "./branch.js";
import { whyNoDisks } from "./small-disk.js";
import { offByDays, whyNoClocks } from "./wrong-clock.js";

export type FaultKind =
  | "kill"
  | "pause"
  | "lost-link"
  | "full-disk"
  | "read-only-disk"
  | "damaged-slot"
  | "damaged-part"
  | "damaged-image"
  | "damaged-store"
  | "wrong-clock"
  | "duplicate";

export interface FaultContext {
  readonly branch: Branch;
  readonly node: Node;
  readonly prng: Prng;
  /** The image of the run. */
  readonly sha256: string;
  /** How long it lasts. */
  readonly ms: number;
}

interface Fault {
  readonly on: "any" | "ap" | "controller";
  /** An AP may fail for it, with a reason. */
  readonly mayFail?: true;
  /** Why it cannot be inflicted here. */
  readonly missing?: string | undefined;
  /** Inflicts it, waits, undoes it. */
  readonly run: (context: FaultContext) => Promise<void>;
}

const noDisks = whyNoDisks();

/** The process is gone for the time; `meanwhile` happens to what it stored. */
async function whileDead({ branch, node, ms }: FaultContext, meanwhile: () => void = () => {}): Promise<void> {
  await branch.kill(node);
  meanwhile();
  await sleep(ms);
  await branch.restart(node);
}

/** Changes one byte somewhere in a file that is there. */
function damage(path: string | undefined, prng: Prng): void {
  if (path === undefined || !existsSync(path) || statSync(path).size === 0) return;
  const file = openSync(path, "r+");
  const at = prng.below(statSync(path).size);
  const octet = Buffer.alloc(1);
  readSync(file, octet, 0, 1, at);
  writeSync(file, Buffer.of((octet[0] as number) ^ 0x10), 0, 1, at);
  closeSync(file);
}

const fileIn = ({ folder }: Node, ending: string): string | undefined => {
  const name = readdirSync(folder).find((file) => file.endsWith(ending));
  return name === undefined ? undefined : join(folder, name);
};

export const faults: Readonly<Record<FaultKind, Fault>> = {
  kill: { on: "any", run: (context) => whileDead(context) },
  pause: {
    on: "any",
    run: async ({ node: { daemon }, ms }) => {
      process.kill(daemon.pid, "SIGSTOP");
      await sleep(ms);
      process.kill(daemon.pid, "SIGCONT");
    },
  },
  "lost-link": {
    on: "any",
    run: async ({ branch: { losses, controller }, node, prng, ms }) => {
      const loss = prng.below(2) === 0 ? 1 : 0.3;
      const isLost = (address: string): boolean => (node === controller || address === node.address) && prng.fraction() < loss;
      losses.add(isLost);
      await sleep(ms);
      losses.delete(isLost);
    },
  },
  "full-disk": {
    on: "any",
    mayFail: true,
    missing: noDisks,
    run: async ({ node: { disk }, ms }) => {
      disk?.fill();
      await sleep(ms);
      disk?.makeRoom();
    },
  },
  "read-only-disk": {
    on: "ap",
    mayFail: true,
    missing: noDisks,
    run: async ({ node: { disk }, ms }) => {
      disk?.remount("ro");
      await sleep(ms);
      disk?.remount("rw");
    },
  },
  "damaged-slot": {
    on: "ap",
    mayFail: true,
    run: (context) => whileDead(context, () => damage(fileIn(context.node, `${context.sha256}.image`), context.prng)),
  },
  "damaged-part": {
    on: "ap",
    mayFail: true,
    run: (context) => whileDead(context, () => damage(fileIn(context.node, "download.part"), context.prng)),
  },
  "damaged-image": {
    on: "controller",
    mayFail: true,
    run: async ({ node, sha256, prng }) => damage(join(node.folder, "images", sha256), prng),
  },
  "damaged-store": {
    on: "controller",
    run: async ({ branch, node, prng, ms }) => {
      const backup = join(branch.folder, "backup.db");
      must(await branch.admin.backup(backup));
      await branch.kill(node);
      damage(join(node.folder, "flexup.db"), prng);
      await sleep(ms);
      if (!(await branch.startsController())) {
        const { code, err } = await flexup(process.env, "data", "restore", backup, "--data", node.folder);
        if (code !== 0) throw new Error(`the backup was not restored: ${err}`);
        await branch.restart(node);
      }
      rmSync(backup);
    },
  },
  "wrong-clock": {
    on: "any",
    missing: whyNoClocks,
    run: async ({ branch, node, prng, ms }) => {
      await branch.kill(node);
      await branch.restart(node, offByDays(prng.below(2) === 0 ? -400 : 400));
      await sleep(ms);
      await branch.kill(node);
      await branch.restart(node);
    },
  },
  duplicate: {
    on: "ap",
    mayFail: true,
    run: async ({ branch, node, ms }) => {
      const { plan, address } = node as ApNode;
      const elsewhere = address.replace(/\.0\.(\d+)$/, ".1.$1");
      const twin = new DaemonProcess(branch.apArgs({ ...plan, name: `${plan.name}-twin` }, `${node.folder}-twin`, elsewhere));
      await sleep(ms);
      await twin.kill();
    },
  },
};

/** Kinds that can be inflicted here, and why the others cannot. */
export const playable = (Object.keys(faults) as FaultKind[]).filter((kind) => faults[kind].missing === undefined);
export const notPlayable = (Object.keys(faults) as FaultKind[]).flatMap((kind) =>
  faults[kind].missing === undefined ? [] : [`${kind}: ${faults[kind].missing}`],
);
