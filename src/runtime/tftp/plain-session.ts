/** A transfer in this thread through Node's own sockets: what runs everywhere, and in single-port mode. */
import { readSync } from "node:fs";
import { type Endpoint, sameEndpoint } from "../../base/endpoint.js";
import type { SessionPlan } from "../../core/tftp/contract.js";
import { SendSession, type SessionEffect, type SessionInput } from "../../core/tftp/send-session.js";
import { deservesUnknownTransferId, unknownTransferId } from "../../core/tftp/stranger.js";
import { blockLength, blockOffset, wireBlock } from "../../wire/tftp/block-number.js";
import { DATA_HEADER_BYTES, opcode } from "../../wire/tftp/packet.js";
import type { Clock } from "../clock.js";
import { Host } from "../host.js";
import { openUdpPort, type UdpPort } from "../udp/udp-ports.js";
import type { RunningSession, SessionEvents } from "./session.js";

const PROGRESS_INTERVAL_MS = 250;

export interface PlainSessionOptions {
  readonly plan: SessionPlan;
  readonly fileDescriptor: number;
  readonly clock: Clock;
  readonly events: SessionEvents;
  /** Set in single-port mode: what the transfer is sent through, and not closed after it. */
  readonly listening: UdpPort | undefined;
}

export async function startPlainSession({ plan, fileDescriptor, clock, events, listening }: PlainSessionOptions): Promise<RunningSession> {
  const { peer, blksize, sizeBytes } = plan;
  const session = new SendSession(plan);
  let port = listening;
  let progressTimer: NodeJS.Timeout | undefined;

  const close = async (): Promise<void> => {
    clearInterval(progressTimer);
    host.stop();
    if (listening === undefined) await port?.close();
  };

  const host = new Host<SessionInput, SessionEffect>({
    machine: session,
    clock,
    onFatal: (error) => {
      throw error;
    },
    perform: (effect) => {
      switch (effect.type) {
        case "send":
          port?.send(effect.bytes, peer);
          break;
        case "send-blocks":
          if (port !== undefined) sendBlocks(port, effect.firstBlock, effect.count);
          break;
        case "ended": {
          const { outcome, detail } = effect;
          close().then(() => events.onEnded({ outcome, detail, bytesDone: session.bytesDone }));
          break;
        }
      }
    },
  });

  const sendBlocks = (through: UdpPort, firstBlock: number, count: number): void => {
    const offset = blockOffset(firstBlock, blksize);
    const length = Math.max(0, Math.min(count * blksize, sizeBytes - offset));
    const payload = Buffer.allocUnsafeSlow(length);
    if (!readWhole(fileDescriptor, payload, offset)) {
      host.deliver({ type: "failed", detail: "the file cannot be read" });
      return;
    }
    const headers = Buffer.allocUnsafeSlow(count * DATA_HEADER_BYTES);
    for (let at = 0; at < count; at++) {
      const header = headers.subarray(at * DATA_HEADER_BYTES, (at + 1) * DATA_HEADER_BYTES);
      header.writeUInt16BE(opcode.data, 0);
      header.writeUInt16BE(wireBlock(firstBlock + at), 2);
      const start = at * blksize;
      through.sendParts([header, payload.subarray(start, start + blockLength(firstBlock + at, blksize, sizeBytes))], peer);
    }
  };

  if (listening === undefined) {
    const opened = await openUdpPort({
      address: plan.local,
      port: 0,
      bufferBytes: SESSION_BUFFER_BYTES,
      onError: () => {}, // A datagram that the host could not send is lost as any other: the session repeats it.
      onDatagram: (bytes, from) => receive(bytes, from),
    });
    if (opened.ok) port = opened.value;
    else queueMicrotask(() => host.deliver({ type: "failed", detail: opened.failure.message }));
  }

  const receive = (bytes: Uint8Array, from: Endpoint): void => {
    if (sameEndpoint(from, peer)) {
      host.deliver({ type: "datagram", bytes });
    } else {
      events.onDropped(1);
      if (deservesUnknownTransferId(bytes)) port?.send(unknownTransferId, from);
    }
  };

  progressTimer = setInterval(() => events.onProgress(session.bytesDone), PROGRESS_INTERVAL_MS);
  progressTimer.unref();
  if (port !== undefined) host.deliver({ type: "start" });
  return { deliver: (input) => host.deliver(input), close };
}

const SESSION_BUFFER_BYTES = 1024 * 1024;

function readWhole(fileDescriptor: number, into: Buffer, position: number): boolean {
  try {
    for (let at = 0; at < into.length; ) {
      const read = readSync(fileDescriptor, into, at, into.length - at, position + at);
      if (read === 0) return false;
      at += read;
    }
    return true;
  } catch {
    return false;
  }
}
