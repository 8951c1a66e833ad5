import type { FinalReport } from "../contract.js";
import { isOpen } from "./stage.js";

/** A controller that misses more ends was away for as many runs; the oldest are dropped. */
const owedMax = 8;

/** Which reports the controller has acknowledged, and the ends of earlier assignments that it has not. */
export class OwedReports {
  #owed: readonly FinalReport[];
  #isCurrentAcknowledged = false;

  constructor(owed: readonly FinalReport[]) {
    this.#owed = owed;
  }

  get all(): readonly FinalReport[] {
    return this.#owed;
  }

  /** The assignment in hand entered another stage, which the controller must hear of. */
  changed(): void {
    this.#isCurrentAcknowledged = false;
  }

  /** An assignment is replaced: an end that was not acknowledged stays owed, an open one ends without a report. */
  replaced(last: FinalReport | undefined): void {
    if (last !== undefined && !this.#isCurrentAcknowledged && !isOpen(last.state)) this.#owed = [...this.#owed, last].slice(-owedMax);
    this.#isCurrentAcknowledged = false;
  }

  /** @param current of the assignment in hand. @returns whether another report is owed than before */
  acknowledge({ runId, state }: FinalReport, current: FinalReport | undefined): boolean {
    if (current?.runId === runId) {
      this.#isCurrentAcknowledged = current.state === state;
      return false;
    }
    const countBefore = this.#owed.length;
    this.#owed = this.#owed.filter((owed) => owed.runId !== runId);
    return this.#owed.length < countBefore;
  }
}
