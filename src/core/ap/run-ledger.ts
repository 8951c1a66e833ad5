/** The run in hand at this AP, what of it outlives the process, and which ends the controller must still hear of. */
import type { Instant } from "../../base/time.js";
import type { FinalReport, RunJournal, RunOrder, RunProgress } from "./contract.js";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export interface Run extends Mutable<RunProgress> {
  order: RunOrder;
  /** Image bytes in the current transfer. */
  bytesDone: number;
  retryAt: Instant | undefined;
}

/** The run goes on by itself or by the controller's next word; every other state is an end. */
export const isOpen = (state: RunProgress["state"]): boolean => state === "initiated" || state === "fetching" || state === "waiting";

/** Unacknowledged ends that are kept; a controller that misses more has been away for as many runs. */
const owedMax = 8;

export const progressOf = ({ state, path, tries, wanBytes, lanBytes, reason, detail }: RunProgress): RunProgress => ({
  state,
  path,
  tries,
  wanBytes,
  lanBytes,
  reason,
  detail,
});

export class RunLedger {
  #run: Run | undefined;
  /** Whether the controller has acknowledged the run's present state. */
  #acknowledged = false;
  /** Ends of former runs that the controller does not know yet. */
  #owed: readonly FinalReport[];

  constructor(journal: RunJournal) {
    this.#owed = journal.owed;
    if (journal.run === null) return;
    const { order, progress } = journal.run;
    this.#run = { ...progress, order, bytesDone: progress.state === "complete" ? order.sizeBytes : 0, retryAt: undefined };
  }

  get run(): Run | undefined {
    return this.#run;
  }

  get owed(): readonly FinalReport[] {
    return this.#owed;
  }

  /** How the run goes now, or undefined where there is none to report on: one that RFC 5415 alone ordered has no number. */
  report(): FinalReport | undefined {
    const run = this.#run;
    return run && run.order.runId !== 0 ? { ...progressOf(run), runId: run.order.runId, bytesDone: run.bytesDone } : undefined;
  }

  /** A new run. The old one ends without a word of its own, except that an end that was not acknowledged stays owed. */
  begin(order: RunOrder): Run {
    const final = this.report();
    if (final !== undefined && !this.#acknowledged && !isOpen(final.state)) this.#owed = [...this.#owed, final].slice(-owedMax);
    this.#acknowledged = false;
    this.#run = {
      order,
      state: "initiated",
      path: "none",
      tries: 0,
      wanBytes: 0,
      lanBytes: 0,
      reason: "none",
      detail: "",
      bytesDone: 0,
      retryAt: undefined,
    };
    return this.#run;
  }

  /** The run goes on differently, and the controller must hear of it. */
  change(run: Run, change: Partial<RunProgress>): void {
    Object.assign(run, change);
    this.#acknowledged = false;
  }

  /** The controller has this report now. @returns whether the journal is another for it */
  acknowledge({ runId, state }: FinalReport): boolean {
    if (this.#run?.order.runId === runId) {
      this.#acknowledged = state === this.#run.state;
      return false;
    }
    const left = this.#owed.filter((owed) => owed.runId !== runId);
    const isOther = left.length < this.#owed.length;
    this.#owed = left;
    return isOther;
  }

  journal(): RunJournal {
    const run = this.#run;
    return { run: run && run.order.runId !== 0 ? { order: run.order, progress: progressOf(run) } : null, owed: this.#owed };
  }
}
