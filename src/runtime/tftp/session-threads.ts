/**
 * The threads that sessions run in. A thread costs some MB and takes tens of milliseconds to start, so it waits for the next transfer.
 * The last one waits for good: should the installation be replaced under this process, no other can be started.
 */
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { SHARED_BYTES, type ThreadStart } from "./session-thread-protocol.js";

const IDLE_THREAD_MS = 30_000;

export interface SessionThread {
  readonly worker: Worker;
  readonly mailbox: MessagePort;
  readonly shared: SharedArrayBuffer;
}

export class SessionThreads {
  readonly #onLost: (thread: SessionThread, detail: string) => void;
  readonly #script: URL;
  readonly #idle = new Map<SessionThread, NodeJS.Timeout>();
  #closed = false;

  /** @param onLost a thread that `take` gave did not start */
  constructor(onLost: (thread: SessionThread, detail: string) => void, script = new URL("./session-thread.js", import.meta.url)) {
    this.#onLost = onLost;
    this.#script = script;
  }

  take(): SessionThread {
    for (const [thread, timer] of this.#idle) {
      clearTimeout(timer);
      this.#idle.delete(thread);
      return thread;
    }
    return this.#start();
  }

  putBack(thread: SessionThread): void {
    if (this.#closed) {
      thread.worker.terminate();
      return;
    }
    const timer = setTimeout(() => {
      if (this.#idle.size === 1) return;
      this.#idle.delete(thread);
      thread.worker.terminate();
    }, IDLE_THREAD_MS);
    timer.unref();
    this.#idle.set(thread, timer);
  }

  /** Has a thread ready, so that the next peer does not wait for the start. */
  prepare(): void {
    if (this.#idle.size === 0 && !this.#closed) this.putBack(this.#start());
  }

  async close(): Promise<void> {
    this.#closed = true;
    const idle = [...this.#idle.keys()];
    for (const timer of this.#idle.values()) clearTimeout(timer);
    this.#idle.clear();
    await Promise.all(idle.map(({ worker }) => worker.terminate()));
  }

  #start(): SessionThread {
    const { port1: mailbox, port2 } = new MessageChannel();
    const shared = new SharedArrayBuffer(SHARED_BYTES);
    const workerData: ThreadStart = { mailbox: port2, shared };
    const worker = new Worker(this.#script, { execArgv: [], workerData, transferList: [port2] });
    worker.unref();
    mailbox.unref();
    const thread = { worker, mailbox, shared };
    worker.on("error", (error) => {
      // Any other error is our own bug: the process does not continue with it.
      if (!isModuleMissing(error)) throw error;
      clearTimeout(this.#idle.get(thread));
      if (!this.#idle.delete(thread)) this.#onLost(thread, "flexup's files were replaced while it runs: restart it");
    });
    return thread;
  }
}

const isModuleMissing = (error: unknown): boolean =>
  ["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"].includes(String((error as NodeJS.ErrnoException).code));
