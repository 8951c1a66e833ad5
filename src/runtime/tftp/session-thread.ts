/**
 * A thread that runs one transfer at a time: it sleeps in the kernel until the peer answers and steps the session machine,
 * with no event loop in between. Started by `session-threads.ts`.
 */
import { availableParallelism } from "node:os";
import { receiveMessageOnPort, workerData } from "node:worker_threads";
import { invariant } from "../../base/invariant.js";
import { wake } from "../../base/machine.js";
import type { SessionEffect, SessionInput } from "../../core/tftp/server/contract.js";
import { SendSession } from "../../core/tftp/server/send-session.js";
import { systemClock } from "../clock.js";
import { loadNativeTftp, type NativeSender, REPORT_HEAD, SLEEP_MS_MAX, WAIT_FILE_CHANGED, WAIT_PEER_GONE } from "./native-sender.js";
import { FILE_CHANGED } from "./session-ports.js";
import { type SessionEnd, type SessionOrder, SharedState, type ThreadStart } from "./session-thread-protocol.js";

/** No ACK and no ERROR is longer; what is cut off is not read. */
const DATAGRAM_BYTES_MAX = 1024;

/** Longer than a fast peer takes to answer, shorter than it takes to sleep and wake. */
const SPIN_MS = 0.05;
const coresToSpare = availableParallelism() > 1;

const native = loadNativeTftp();
invariant(native !== undefined, "started as a session thread with a native sender");
const { mailbox, shared } = workerData as ThreadStart;
const state = new SharedState(shared);

const received = new Uint8Array(DATAGRAM_BYTES_MAX);
const report = new Float64Array(REPORT_HEAD + 64);
mailbox.on("message", (order: SessionOrder) => {
  // An input that finds no session running was meant for one that has just ended.
  if (order.type === "run") mailbox.postMessage(run(order));
});

function run({ plan, fileDescriptor, modifiedMs, offset, localPort, running }: Extract<SessionOrder, { type: "run" }>): SessionEnd {
  invariant(native !== undefined, "checked above");
  let sender: NativeSender;
  try {
    const { local, peer, sizeBytes, blksize } = plan;
    sender = native.open(local, localPort, peer.address, peer.port, fileDescriptor, sizeBytes, modifiedMs, blksize, offset);
  } catch (error) {
    return { outcome: "failed", detail: (error as Error).message, bytesDone: 0 };
  }
  const session = new SendSession(plan);
  const effects: SessionEffect[] = [];
  session.step(systemClock.now(), { type: "start" }, effects);
  for (;;) {
    // Before anything is sent: the peer's answer to it must not be faster than the listener's knowledge.
    state.progress = session.progress;
    let isFileUnchanged = true;
    for (const effect of effects) {
      switch (effect.type) {
        case "send":
          native.send(sender, effect.bytes);
          break;
        case "send-blocks":
          isFileUnchanged = native.sendBlocks(sender, effect.firstBlock, effect.count);
          break;
        case "ended":
          native.close(sender);
          return { outcome: effect.outcome, detail: effect.detail, bytesDone: session.bytesDone };
      }
    }
    effects.length = 0;
    if (!isFileUnchanged) {
      session.step(systemClock.now(), { type: "failed", detail: FILE_CHANGED }, effects);
      continue;
    }
    if (state.takeMail()) {
      for (let order = receiveMessageOnPort(mailbox); order !== undefined; order = receiveMessageOnPort(mailbox)) {
        const message = order.message as SessionOrder;
        if (message.type === "input") session.step(systemClock.now(), message.input, effects);
      }
      if (effects.length > 0) continue;
    }
    const alone = coresToSpare && Atomics.load(running, 0) === 1;
    const length = next(session, sender, effects, alone ? SPIN_MS : 0);
    session.step(systemClock.now(), inputOf(length), effects);
  }
}

/** Sleeps until the machine has something to decide: what `wait` returns. */
function next(session: SendSession, sender: NativeSender, effects: SessionEffect[], spinMs: number): number {
  invariant(native !== undefined, "checked above");
  const now = systemClock.now();
  const leftMs = (session.nextWakeAt() ?? Number.POSITIVE_INFINITY) - now;
  const { streamable } = session;
  // `stream` knows no deadline but the length of its sleep.
  if (streamable === undefined || leftMs < SLEEP_MS_MAX) return native.wait(sender, received, Math.max(0, leftMs));
  const outMs = streamable.sentAt === undefined ? -1 : now - streamable.sentAt;
  const length = native.stream(sender, received, report, streamable.next, session.plan.windowsize, streamable.end, outMs, spinMs);
  const [base, next, sentMsAgo, trips] = report as unknown as [number, number, number, number];
  if (next > streamable.next) {
    const now = systemClock.now();
    const roundTripsMs = report.subarray(REPORT_HEAD, REPORT_HEAD + trips);
    session.step(now, { type: "streamed", base, next, sentAt: now - sentMsAgo, roundTripsMs }, effects);
  }
  return length;
}

const inputOf = (length: number): SessionInput => {
  if (length >= 0) return { type: "datagram", bytes: received.subarray(0, length) };
  if (length === WAIT_FILE_CHANGED) return { type: "failed", detail: FILE_CHANGED };
  return length === WAIT_PEER_GONE ? { type: "peer-gone" } : wake;
};
