/** Transfers in threads of their own, one for each session, over the native sender. */
import { receiveMessageOnPort } from "node:worker_threads";
import type { Endpoint } from "../../base/endpoint.js";
import type { SessionInput, SessionPlan, TftpSessionId } from "../../core/tftp/server/contract.js";
import { openUdpPort, type UdpPort } from "../udp/udp-ports.js";
import type { OpenFile } from "./open-file.js";
import type { Deliver, SessionPorts } from "./session-ports.js";
import { type SessionEnd, type SessionOrder, SharedState } from "./session-thread-protocol.js";
import { type SessionThread, SessionThreads } from "./session-threads.js";

const PROGRESS_INTERVAL_MS = 250;

interface RunningSession {
  readonly thread: SessionThread;
  /** Bound to the session's port as well. The thread's socket is connected and gets only the peer's datagrams; this one gets all others. */
  readonly strangers: UdpPort;
  readonly state: SharedState;
  readonly onMessage: (end: SessionEnd) => void;
}

export class ThreadedSessionPorts implements SessionPorts {
  readonly #deliver: Deliver;
  readonly #threads = new SessionThreads((thread, detail) => this.#lost(thread, detail));
  readonly #sessions = new Map<TftpSessionId, RunningSession>();
  readonly #count = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #closing = new Set<Promise<void>>();
  #progressTimer: NodeJS.Timeout | undefined;

  constructor(deliver: Deliver) {
    this.#deliver = deliver;
  }

  async open(plan: SessionPlan, { handle, stamp, offset }: OpenFile): Promise<void> {
    const { session, local } = plan;
    const opened = await openUdpPort({
      address: local,
      port: 0,
      shared: true,
      onError: () => {}, // An answer that the host could not send is lost as any other datagram.
      onDatagram: (bytes, from) => this.#deliver({ type: "datagram", session, from, bytes }),
    });
    if (!opened.ok) {
      this.#deliver({ type: "session-ended", session, outcome: "failed", detail: opened.failure.message, bytesDone: 0 });
      return;
    }
    const thread = this.#threads.take();
    const onMessage = (end: SessionEnd): void => this.#ended(session, end);
    thread.mailbox.on("message", onMessage);
    const state = new SharedState(thread.shared);
    state.progress = { bytesDone: 0, isProven: false, isAllSent: false };
    this.#sessions.set(session, { thread, strangers: opened.value, state, onMessage });
    this.#progressTimer ??= setInterval(() => this.#reportProgress(), PROGRESS_INTERVAL_MS).unref();
    Atomics.add(this.#count, 0, 1);
    const order: SessionOrder = {
      ...{ type: "run", plan, fileDescriptor: handle.fd, modifiedMs: stamp?.modifiedMs ?? -1, offset },
      ...{ localPort: opened.value.local.port, running: this.#count },
    };
    thread.mailbox.postMessage(order);
  }

  send(session: TftpSessionId, to: Endpoint, bytes: Uint8Array): void {
    this.#sessions.get(session)?.strangers.send(bytes, to);
  }

  sendBlocks(): void {}

  input(session: TftpSessionId, input: SessionInput): void {
    const running = this.#sessions.get(session);
    if (running === undefined) return;
    const order: SessionOrder = { type: "input", input };
    running.thread.mailbox.postMessage(order);
    running.state.announceMail();
  }

  close(session: TftpSessionId): void {
    const running = this.#sessions.get(session);
    if (running === undefined) return;
    this.#sessions.delete(session);
    if (this.#sessions.size === 0) {
      clearInterval(this.#progressTimer);
      this.#progressTimer = undefined;
    }
    const closing = running.strangers.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  prepare(): void {
    this.#threads.prepare();
  }

  /** A session may have ended a moment ago, its message still on the way, or be about to end. */
  catchUp(): void {
    for (const [session, { thread, state }] of this.#sessions) {
      this.#deliver({ type: "session-progress", session, progress: state.progress });
      const received = receiveMessageOnPort(thread.mailbox);
      if (received !== undefined) this.#ended(session, received.message as SessionEnd);
    }
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#closing, this.#threads.close()]);
  }

  /** The thread has freed its port and is free for the next session. */
  #ended(session: TftpSessionId, end: SessionEnd): void {
    const running = this.#sessions.get(session);
    if (running === undefined) return;
    Atomics.sub(this.#count, 0, 1);
    running.thread.mailbox.off("message", running.onMessage);
    this.#threads.putBack(running.thread);
    this.#deliver({ type: "session-ended", session, ...end });
  }

  #lost(thread: SessionThread, detail: string): void {
    for (const [session, running] of this.#sessions) {
      if (running.thread !== thread) continue;
      Atomics.sub(this.#count, 0, 1);
      this.#deliver({ type: "session-ended", session, outcome: "failed", detail, bytesDone: 0 });
    }
  }

  #reportProgress(): void {
    for (const [session, { state }] of this.#sessions) this.#deliver({ type: "session-progress", session, progress: state.progress });
  }
}
