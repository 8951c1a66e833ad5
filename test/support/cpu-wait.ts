import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { Test } from "tap";

/** More of its time than this and what a process does late is the machine's doing. */
const bearableShare = 0.1;
/** As much at a stretch and so is a single late answer. */
const bearableStretchMs = 40;
const sampleMs = 50;
/** `/proc/stat` counts in these. */
const tickMs = 10;

interface Sample {
  readonly at: number;
  readonly stolenMs: number;
  readonly waitedMs: readonly number[];
}

/**
 * How long processes that could run had to wait for a CPU (Linux): by the scheduler's own count, and by what other guests of a virtual
 * machine's host took. Tests that judge times ask whether they can.
 */
export class CpuWait {
  readonly #pids: readonly number[];
  readonly #first: Sample;
  readonly #timer: NodeJS.Timeout;
  #last: Sample;
  #worstStretchMs = 0;
  #verdict: { readonly tooBusy: string | undefined } | undefined;

  /** @param pids beside this process */
  constructor(pids: readonly number[]) {
    this.#pids = [process.pid, ...pids];
    this.#first = this.#look([]);
    this.#last = this.#first;
    this.#timer = setInterval(() => this.#sample(), sampleMs).unref();
  }

  /** The times to judge end here, or else with the first question. */
  end(): void {
    if (this.#verdict !== undefined) return;
    this.#sample();
    clearInterval(this.#timer);
    this.#verdict = { tooBusy: this.#trouble() };
  }

  /** Why times between beginning and end say nothing, or undefined where they do. */
  get tooBusy(): string | undefined {
    this.end();
    return this.#verdict?.tooBusy;
  }

  /** Fails for times that do not hold, or says loudly why they prove nothing on this machine now. */
  judge(t: Pick<Test, "ok" | "pass">, holds: boolean, what: string): void {
    const { tooBusy } = this;
    if (holds || tooBusy === undefined) t.ok(holds, what);
    else t.pass(what, { skip: tooBusy });
  }

  #trouble(): string | undefined {
    const elapsedMs = this.#last.at - this.#first.at;
    const waitedMs = this.#longestBetween(this.#first, this.#last);
    if (Number.isNaN(waitedMs)) return "this system does not say how long a process waits for a CPU: times are not judged";
    if (waitedMs > bearableShare * elapsedMs)
      return `the machine is too busy to judge times: ${Math.round((waitedMs / elapsedMs) * 100)} % of them spent waiting for a CPU`;
    if (this.#worstStretchMs > bearableStretchMs)
      return `the machine is too busy to judge times: ${Math.round(this.#worstStretchMs)} ms at a stretch spent waiting for a CPU`;
    return undefined;
  }

  #sample(): void {
    const sample = this.#look(this.#last.waitedMs);
    this.#worstStretchMs = Math.max(this.#worstStretchMs, this.#longestBetween(this.#last, sample));
    this.#last = sample;
  }

  /** @param before what stands for a process that has ended */
  #look(before: readonly number[]): Sample {
    const waited = this.#pids.map((pid, index) => waitedMs(pid) ?? before[index] ?? Number.NaN);
    return { at: performance.now(), stolenMs: stolenMs(), waitedMs: waited };
  }

  /** Of the process that waited longest, in ms. */
  #longestBetween(from: Sample, to: Sample): number {
    const waited = to.waitedMs.map((ms, index) => ms - (from.waitedMs[index] ?? Number.NaN));
    return Math.max(...waited) + to.stolenMs - from.stolenMs;
  }
}

/** Of its main thread, since it began; undefined where the process is gone or the system does not say. */
function waitedMs(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[1]) / 1e6;
  } catch {
    return undefined;
  }
}

/** Of each CPU on average, by other guests of this machine's host. */
function stolenMs(): number {
  const ticks = readFileSync("/proc/stat", "utf8").split("\n", 1)[0]?.trim().split(/\s+/)[8];
  return (Number(ticks ?? 0) * tickMs) / availableParallelism();
}
