/** Transfers in threads of their own, one for each session, over the native sender. */
import { Worker } from "node:worker_threads";
import type { Endpoint } from "../../base/endpoint.js";
import type { SessionPlan } from "../../core/tftp/contract.js";
import type { SessionInput } from "../../core/tftp/send-session.js";
import { deservesUnknownTransferId, unknownTransferId } from "../../core/tftp/stranger.js";
import { openUdpPort, type UdpPort } from "../udp/udp-ports.js";
import type { RunningSession, SessionEnd, SessionEvents } from "./session.js";

/** What a session thread is told. */
export type SessionOrder =
  | {
      readonly type: "run";
      readonly plan: SessionPlan;
      readonly fileDescriptor: number;
      readonly localPort: number;
      readonly shared: SharedArrayBuffer;
      /** Shared too: how many sessions run now. */
      readonly running: Int32Array;
    }
  | { readonly type: "input"; readonly input: SessionInput };

/** Offsets in the memory shared with a session thread: an Int32 that says that there is mail, and a Float64 with the bytes done. */
export const MAIL = 0;
export const PROGRESS = 8;
const SHARED_BYTES = 16;

const PROGRESS_INTERVAL_MS = 250;
/** A thread costs some MB and takes tens of milliseconds to start: it waits this long for the next transfer. */
const IDLE_THREAD_MS = 30_000;

export class ThreadedSessions {
  readonly #idle = new Map<Worker, NodeJS.Timeout>();
  readonly #running = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  #closed = false;

  async start(plan: SessionPlan, fileDescriptor: number, events: SessionEvents): Promise<RunningSession> {
    // The thread's socket is connected, so the kernel gives it the peer's datagrams alone. This one, on the same port, gets all others.
    let strangers: UdpPort | undefined;
    const opened = await openUdpPort({
      address: plan.local,
      port: 0,
      shared: true,
      onError: () => {},
      onDatagram: (bytes: Uint8Array, from: Endpoint) => {
        events.onDropped(1);
        if (deservesUnknownTransferId(bytes)) strangers?.send(unknownTransferId, from);
      },
    });
    if (!opened.ok) {
      queueMicrotask(() => events.onEnded({ outcome: "failed", detail: opened.failure.message, bytesDone: 0 }));
      return { deliver: () => {}, close: async () => {} };
    }
    strangers = opened.value;

    const shared = new SharedArrayBuffer(SHARED_BYTES);
    const mail = new Int32Array(shared, MAIL, 1);
    const progress = new Float64Array(shared, PROGRESS, 1);
    const worker = this.#takeWorker();
    const progressTimer = setInterval(() => events.onProgress(progress[0] as number), PROGRESS_INTERVAL_MS);
    progressTimer.unref();

    let finish: () => void = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const ended = async (end: SessionEnd): Promise<void> => {
      Atomics.sub(this.#running, 0, 1);
      clearInterval(progressTimer);
      worker.off("message", ended);
      await opened.value.close();
      this.#putBack(worker);
      finish();
      events.onEnded(end);
    };
    worker.on("message", ended);
    Atomics.add(this.#running, 0, 1);
    const post = (order: SessionOrder): void => worker.postMessage(order);
    post({ type: "run", plan, fileDescriptor, localPort: opened.value.local.port, shared, running: this.#running });

    const deliver = (input: SessionInput): void => {
      post({ type: "input", input });
      Atomics.store(mail, 0, 1);
    };
    return {
      deliver,
      close: async () => {
        deliver({ type: "withdrawn", detail: "the server stops" });
        await finished;
      },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    const idle = [...this.#idle.keys()];
    for (const timer of this.#idle.values()) clearTimeout(timer);
    this.#idle.clear();
    await Promise.all(idle.map((worker) => worker.terminate()));
  }

  #takeWorker(): Worker {
    for (const [worker, timer] of this.#idle) {
      clearTimeout(timer);
      this.#idle.delete(worker);
      return worker;
    }
    return startThread();
  }

  /** Has a thread ready for the first transfer, so that its peer does not wait for the start. */
  prepare(): void {
    if (this.#idle.size === 0 && !this.#closed) this.#putBack(startThread());
  }

  #putBack(worker: Worker): void {
    if (this.#closed) {
      worker.terminate();
      return;
    }
    const timer = setTimeout(() => {
      this.#idle.delete(worker);
      worker.terminate();
    }, IDLE_THREAD_MS);
    timer.unref();
    this.#idle.set(worker, timer);
  }
}

function startThread(): Worker {
  const worker = new Worker(new URL("./session-worker.js", import.meta.url), { execArgv: [] });
  worker.unref();
  // Our own bug: whatever it was, the process does not go on with it.
  worker.on("error", (error) => {
    throw error;
  });
  return worker;
}
