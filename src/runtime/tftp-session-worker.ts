/**
 * A thread that runs one transfer at a time: it sleeps in the kernel until the peer answers and steps the session machine,
 * with no event loop in between. Started by `tftp-threaded-sessions.ts`.
 */
import { parentPort, receiveMessageOnPort } from "node:worker_threads";
import { invariant } from "../base/invariant.js";
import { wake } from "../base/machine.js";
import { SendSession, type SessionEffect } from "../core/tftp/send-session.js";
import { systemClock } from "./clock.js";
import { loadNativeTftp, WAIT_NOTHING, WAIT_PEER_GONE } from "./tftp-native.js";
import type { SessionEnd } from "./tftp-session.js";
import { MAIL, PROGRESS, type SessionOrder } from "./tftp-threaded-sessions.js";

/** No ACK and no ERROR is longer; what is cut off is not read. */
const DATAGRAM_BYTES_MAX = 1024;

const native = loadNativeTftp();
const mailbox = parentPort;
invariant(native !== undefined && mailbox !== null, "started as a session thread with a native sender");

const received = new Uint8Array(DATAGRAM_BYTES_MAX);
mailbox.on("message", (order: SessionOrder) => {
  // An input that finds no session running was meant for one that has just ended.
  if (order.type === "run") mailbox.postMessage(run(order));
});

function run({ plan, fileDescriptor, localPort, shared }: Extract<SessionOrder, { type: "run" }>): SessionEnd {
  invariant(native !== undefined && mailbox !== null, "checked above");
  const mail = new Int32Array(shared, MAIL, 1);
  const progress = new Float64Array(shared, PROGRESS, 1);
  let sender: ReturnType<typeof native.open>;
  try {
    sender = native.open(plan.local, localPort, plan.peer.address, plan.peer.port, fileDescriptor, plan.sizeBytes, plan.blksize);
  } catch (error) {
    return { outcome: "failed", detail: (error as Error).message, bytesDone: 0 };
  }
  const session = new SendSession(plan);
  const effects: SessionEffect[] = [];
  session.step(systemClock.now(), { type: "start" }, effects);
  for (;;) {
    for (const effect of effects) {
      switch (effect.type) {
        case "send":
          native.send(sender, effect.bytes);
          break;
        case "send-blocks":
          native.sendBlocks(sender, effect.firstBlock, effect.count);
          break;
        case "ended":
          native.close(sender);
          return { outcome: effect.outcome, detail: effect.detail, bytesDone: session.bytesDone };
      }
    }
    effects.length = 0;
    progress[0] = session.bytesDone;
    if (Atomics.exchange(mail, 0, 0) !== 0) {
      for (let order = receiveMessageOnPort(mailbox); order !== undefined; order = receiveMessageOnPort(mailbox)) {
        const message = order.message as SessionOrder;
        if (message.type === "input") session.step(systemClock.now(), message.input, effects);
      }
      if (effects.length > 0) continue;
    }
    const wakeAt = session.nextWakeAt() ?? Number.POSITIVE_INFINITY;
    const length = native.wait(sender, received, Math.max(0, wakeAt - systemClock.now()));
    const now = systemClock.now();
    if (length >= 0) session.step(now, { type: "datagram", bytes: received.subarray(0, length) }, effects);
    else if (length === WAIT_PEER_GONE) session.step(now, { type: "peer-gone" }, effects);
    else if (length === WAIT_NOTHING) session.step(now, wake, effects);
  }
}
