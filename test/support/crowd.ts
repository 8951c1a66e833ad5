/** Hundreds of real APs in one process of their own. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface CrowdAp {
  readonly name: string;
  readonly mac: string;
  readonly model: string;
  readonly version: string;
  /** Loopback address of its own. */
  readonly bind: string;
}

export interface CrowdPlan {
  /** Each AP keeps its images in a folder of its own there. */
  readonly folder: string;
  /** Where the controller's CAPWAP port is. */
  readonly controller: string;
  readonly aps: readonly CrowdAp[];
  /** Further options of `flexup ap`, for all. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** Starts them and resolves when all run; they join by themselves. Ending the process ends them all, as a power cut. */
export async function startCrowd(plan: CrowdPlan): Promise<ChildProcess> {
  const crowd = fork(fileURLToPath(new URL("./crowd-process.js", import.meta.url)));
  crowd.send(plan);
  const [message] = await Promise.race([once(crowd, "message"), once(crowd, "exit")]);
  if (message !== "started") throw new Error(`the APs did not start: exit code ${message}`);
  return crowd;
}
