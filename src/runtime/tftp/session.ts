import type { SessionOutcome } from "../../core/tftp/contract.js";
import type { SessionInput } from "../../core/tftp/send-session.js";

/** A running transfer, wherever it runs. */
export interface RunningSession {
  deliver(input: SessionInput): void;
  /** Frees its port without a word to the peer. */
  close(): Promise<void>;
}

export interface SessionEvents {
  readonly onProgress: (bytesDone: number) => void;
  /** Datagrams at the session's port that were of no use. */
  readonly onDropped: (datagrams: number) => void;
  /** The session has freed its port. Once. */
  readonly onEnded: (end: SessionEnd) => void;
}

export interface SessionEnd {
  readonly outcome: SessionOutcome;
  /** One line; empty where there is nothing to say. */
  readonly detail: string;
  readonly bytesDone: number;
}
