/** What the main thread and a session's thread say to each other. */
import type { MessagePort } from "node:worker_threads";
import type { SessionInput, SessionOutcome, SessionPlan, SessionProgress } from "../../core/tftp/server/contract.js";

/** Given to the thread at its start. */
export interface ThreadStart {
  readonly mailbox: MessagePort;
  readonly shared: SharedArrayBuffer;
}

/** To the thread. */
export type SessionOrder =
  | {
      readonly type: "run";
      readonly plan: SessionPlan;
      readonly fileDescriptor: number;
      /** When the file was last written to; -1 for a part of a file that is still written elsewhere. */
      readonly modifiedMs: number;
      readonly offset: number;
      readonly localPort: number;
      /** Shared: how many sessions run now. */
      readonly running: Int32Array;
    }
  | { readonly type: "input"; readonly input: SessionInput };

/** From the thread, when a session has freed its port. */
export interface SessionEnd {
  readonly outcome: SessionOutcome;
  /** One line; empty where there is nothing to say. */
  readonly detail: string;
  readonly bytesDone: number;
}

export const SHARED_BYTES = 16;

const PROVEN = 1;
const ALL_SENT = 2;

/** The memory that both see: whether there is mail for the thread, and how far its session is. */
export class SharedState {
  readonly #ints: Int32Array;
  readonly #bytesDone: Float64Array;

  constructor(shared: SharedArrayBuffer) {
    this.#ints = new Int32Array(shared, 0, 2);
    this.#bytesDone = new Float64Array(shared, 8, 1);
  }

  announceMail(): void {
    Atomics.store(this.#ints, 0, 1);
  }

  /** True once after each announcement. */
  takeMail(): boolean {
    return Atomics.exchange(this.#ints, 0, 0) !== 0;
  }

  get progress(): SessionProgress {
    const flags = Atomics.load(this.#ints, 1);
    return { bytesDone: this.#bytesDone[0] as number, isProven: (flags & PROVEN) !== 0, isAllSent: (flags & ALL_SENT) !== 0 };
  }

  set progress({ bytesDone, isProven, isAllSent }: SessionProgress) {
    this.#bytesDone[0] = bytesDone;
    Atomics.store(this.#ints, 1, (isProven ? PROVEN : 0) | (isAllSent ? ALL_SENT : 0));
  }
}
