/** What the main thread and a session's thread say to each other. */
import type { MessagePort } from "node:worker_threads";
import type { SessionInput, SessionOutcome, SessionPlan } from "../../core/tftp/server/contract.js";

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

/** The memory that both see: whether there is mail for the thread, and the acknowledged octets of its session. */
export const sharedViews = (shared: SharedArrayBuffer): { readonly mail: Int32Array; readonly progress: Float64Array } => ({
  mail: new Int32Array(shared, 0, 1),
  progress: new Float64Array(shared, 8, 1),
});
