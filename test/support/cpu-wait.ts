import { readFileSync } from "node:fs";

/** More of its time than this and what a process does late is the machine's doing. */
const bearableShare = 0.1;

/** How long processes that could run had to wait for a CPU (Linux): tests that judge times ask whether they can. */
export class CpuWait {
  readonly #pids: readonly number[];
  readonly #from: readonly number[];
  readonly #beganAt = performance.now();

  constructor(pids: readonly number[]) {
    this.#pids = [process.pid, ...pids];
    this.#from = this.#pids.map(waitedMs);
  }

  /** Of the time since it was made, the process that waited longest. */
  get share(): number {
    const elapsed = performance.now() - this.#beganAt;
    return Math.max(...this.#pids.map((pid, index) => (waitedMs(pid) - (this.#from[index] ?? 0)) / elapsed));
  }

  /** Why times say nothing, or undefined where they do. */
  get tooBusy(): string | undefined {
    const { share } = this;
    return share > bearableShare
      ? `the machine is too busy to judge times: ${Math.round(share * 100)} % of them spent waiting for a CPU`
      : undefined;
  }
}

const waitedMs = (pid: number): number => Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[1]) / 1e6;
