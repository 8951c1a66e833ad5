/** The threads that sessions run in. A thread costs some MB and takes tens of milliseconds to start, so it waits for the next transfer. */
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { SHARED_BYTES, type ThreadStart } from "./session-thread-protocol.js";

const IDLE_THREAD_MS = 30_000;

export interface SessionThread {
  readonly worker: Worker;
  readonly mailbox: MessagePort;
  readonly shared: SharedArrayBuffer;
}

export class SessionThreads {
  readonly #idle = new Map<SessionThread, NodeJS.Timeout>();
  #closed = false;

  take(): SessionThread {
    for (const [thread, timer] of this.#idle) {
      clearTimeout(timer);
      this.#idle.delete(thread);
      return thread;
    }
    return startThread();
  }

  putBack(thread: SessionThread): void {
    if (this.#closed) {
      thread.worker.terminate();
      return;
    }
    const timer = setTimeout(() => {
      this.#idle.delete(thread);
      thread.worker.terminate();
    }, IDLE_THREAD_MS);
    timer.unref();
    this.#idle.set(thread, timer);
  }

  /** Has a thread ready, so that the next peer does not wait for the start. */
  prepare(): void {
    if (this.#idle.size === 0 && !this.#closed) this.putBack(startThread());
  }

  async close(): Promise<void> {
    this.#closed = true;
    const idle = [...this.#idle.keys()];
    for (const timer of this.#idle.values()) clearTimeout(timer);
    this.#idle.clear();
    await Promise.all(idle.map(({ worker }) => worker.terminate()));
  }
}

function startThread(): SessionThread {
  const { port1: mailbox, port2 } = new MessageChannel();
  const shared = new SharedArrayBuffer(SHARED_BYTES);
  const workerData: ThreadStart = { mailbox: port2, shared };
  const worker = new Worker(new URL("./session-thread.js", import.meta.url), { execArgv: [], workerData, transferList: [port2] });
  worker.unref();
  mailbox.unref();
  // Our own bug: whatever it was, the process does not continue with it.
  worker.on("error", (error) => {
    throw error;
  });
  return { worker, mailbox, shared };
}
