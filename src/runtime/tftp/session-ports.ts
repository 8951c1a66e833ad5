/** Where the transfers of a server run: what `TftpServer`'s effects for its sessions are carried out by. */
import type { Endpoint } from "../../base/endpoint.js";
import type { ServerEffect, ServerInput, SessionInput, SessionPlan, TftpSessionId } from "../../core/tftp/server/contract.js";
import type { OpenFile } from "./open-file.js";

export type SendBlocks = Extract<ServerEffect, { type: "send-blocks" }>;

export interface SessionPorts {
  /** Resolves when the session can send. A port that cannot be had is delivered as the session's end. */
  open(plan: SessionPlan, file: OpenFile): Promise<void>;
  send(session: TftpSessionId, to: Endpoint, bytes: Uint8Array): void;
  sendBlocks(blocks: SendBlocks): void;
  input(session: TftpSessionId, input: SessionInput): void;
  /** Frees the session's port without a word to its peer. */
  close(session: TftpSessionId): void;
  /** A file was offered: its first transfer should not have to wait. */
  prepare(): void;
  /** Delivers what has already happened in the sessions and was not reported. */
  catchUp(): void;
  /** All sessions have ended before. */
  closeAll(): Promise<void>;
}

export type Deliver = (input: ServerInput) => void;

/** The reason of a transfer whose file was written to: whatever it sent on would be a mixture. */
export const FILE_CHANGED = "the file changed during the transfer";
