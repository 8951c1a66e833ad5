/** One TFTP server, some clients and a faulty network between them, in virtual time. Same seed, same run. */
import { type Endpoint, endpointText } from "../../src/base/endpoint.js";
import { invariant } from "../../src/base/invariant.js";
import { wake } from "../../src/base/machine.js";
import { Prng } from "../../src/base/prng.js";
import { TftpClient } from "../../src/core/tftp/client/client.js";
import type { ClientEffect, ClientRequest, ClientSettings, FetchOutcome } from "../../src/core/tftp/client/contract.js";
import { defaultClientSettings, defaultServerSettings } from "../../src/core/tftp/defaults.js";
import type { ServerEffect, ServerSettings } from "../../src/core/tftp/server/contract.js";
import { TftpServer } from "../../src/core/tftp/server/server.js";
import { blockLength, blockOffset, wireBlock } from "../../src/wire/tftp/block-number.js";
import { encodePacket } from "../../src/wire/tftp/packet.js";
import { StreamingClient } from "./streaming-client.js";

export interface Faults {
  readonly loss?: number;
  readonly duplicate?: number;
  readonly reorder?: number;
  /** The datagram loses its tail. */
  readonly truncate?: number;
}

export interface Fetched {
  readonly outcome: FetchOutcome;
  readonly detail: string;
  readonly bytes: Uint8Array;
  readonly endedAt: number;
}

export interface WorldReport {
  readonly fetched: readonly (Fetched | undefined)[];
  readonly datagrams: number;
  /** Every datagram that was sent and every write, with its time. */
  readonly trace: readonly string[];
  /** Blocks that a streaming client took by itself. */
  readonly streamed: number;
  readonly sessionsAtOnce: number;
  readonly serverOutcomes: readonly string[];
  readonly now: number;
}

interface Event {
  readonly at: number;
  readonly sequence: number;
  readonly run: (now: number) => void;
}

const LATENCY_MS = 0.5;
const REORDER_MS = 3;
export const serverEndpoint: Endpoint = { address: "10.0.0.1", port: 69 };

export function runTftpWorld(settings: {
  readonly seed: number;
  readonly faults?: Faults;
  readonly file: Uint8Array;
  readonly clients: readonly (Partial<ClientRequest> & { readonly startAt?: number; readonly port?: number })[];
  readonly server?: Partial<ServerSettings>;
  readonly client?: Partial<ClientSettings>;
  readonly untilMs?: number;
  /** What the clients' disks write; they are never behind without it. */
  readonly diskBytesPerMs?: number;
  /** The clients' hosts continue by themselves where the machine allows it. */
  readonly streaming?: boolean;
}): WorldReport {
  const { seed, faults = {}, file, untilMs = 600_000, diskBytesPerMs = Number.POSITIVE_INFINITY } = settings;
  const prng = new Prng(seed);
  const events: Event[] = [];
  let sequence = 0;
  let now = 0;
  let datagrams = 0;
  let sessionsAtOnce = 0;
  const serverOutcomes: string[] = [];
  const trace: string[] = [];
  const streaming: StreamingClient[] = [];
  const schedule = (at: number, run: (now: number) => void): void => {
    const event = { at, sequence: sequence++, run };
    let index = events.length;
    while (index > 0 && (events[index - 1] as Event).at <= at) index--;
    events.splice(index, 0, event); // latest first: the next event is popped from the end
  };

  const receivers = new Map<string, (now: number, from: Endpoint, bytes: Uint8Array) => void>();
  const carry = (from: Endpoint, to: Endpoint, bytes: Uint8Array): void => {
    datagrams++;
    trace.push(`${now} ${endpointText(from)} ${bytes.subarray(0, 4).join(".")}+${bytes.length}`);
    if (prng.fraction() < (faults.loss ?? 0)) return;
    const copies = prng.fraction() < (faults.duplicate ?? 0) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const delay = LATENCY_MS + (prng.fraction() < (faults.reorder ?? 0) ? prng.fraction() * REORDER_MS : 0);
      const cut = prng.fraction() < (faults.truncate ?? 0) ? bytes.slice(0, prng.below(bytes.length)) : bytes.slice();
      schedule(now + delay, (at) => receivers.get(endpointText(to))?.(at, from, cut));
    }
  };

  const server = new TftpServer({ ...defaultServerSettings, ...settings.server });
  const sessionPort = (session: number): Endpoint => ({ address: serverEndpoint.address, port: 10_000 + session });
  let serverWake: number | undefined;
  const serverRun = (at: number, input: Parameters<TftpServer["step"]>[1]): void => {
    const out: ServerEffect[] = [];
    server.step(at, input, out);
    for (const effect of out) {
      switch (effect.type) {
        case "reply":
          carry(serverEndpoint, effect.to, effect.bytes);
          break;
        case "open-session": {
          const { session } = effect.plan;
          const own = sessionPort(session);
          receivers.set(endpointText(own), (when, from, bytes) => serverRun(when, { type: "datagram", session, from, bytes }));
          break;
        }
        case "close-session":
          receivers.delete(endpointText(sessionPort(effect.session)));
          serverOutcomes.push(effect.outcome);
          break;
        case "send":
          carry(sessionPort(effect.session), effect.to, effect.bytes);
          break;
        case "send-blocks":
          for (let block = effect.firstBlock; block < effect.firstBlock + effect.count; block++) {
            const offset = blockOffset(block, effect.blksize);
            const length = blockLength(block, effect.blksize, effect.sizeBytes);
            const payload = file.subarray(offset, offset + length);
            carry(sessionPort(effect.session), effect.to, encodePacket({ type: "data", block: wireBlock(block), payload }));
          }
          break;
        case "serving":
          sessionsAtOnce = Math.max(sessionsAtOnce, effect.sessions.length);
          break;
      }
    }
    const wakeAt = server.nextWakeAt();
    if (wakeAt !== undefined && wakeAt !== serverWake) schedule(wakeAt, (when) => serverRun(when, wake));
    serverWake = wakeAt;
  };
  receivers.set(endpointText(serverEndpoint), (at, from, bytes) => {
    serverRun(at, { type: "request", from, local: serverEndpoint.address, bytes });
  });
  serverRun(0, { type: "offer", fileName: "image", sizeBytes: file.length });

  const fetched: (Fetched | undefined)[] = settings.clients.map(() => undefined);
  settings.clients.forEach((wanted, index) => {
    const own: Endpoint = { address: "10.0.0.2", port: wanted.port ?? 20_000 + index };
    const request = {
      server: serverEndpoint,
      fileName: "image",
      blksize: 512,
      windowsize: 1,
      timeoutSeconds: undefined,
      sizeBytes: undefined,
      ...wanted,
    };
    const machine = new TftpClient(request, { ...defaultClientSettings, ...settings.client });
    const client = settings.streaming ? new StreamingClient(machine) : machine;
    if (client instanceof StreamingClient) streaming.push(client);
    let diskFreeAt = 0;
    const bytes: number[] | Uint8Array = new Uint8Array(file.length + 70_000);
    let wakeAt: number | undefined;
    const run = (at: number, input: Parameters<TftpClient["step"]>[1]): void => {
      const out: ClientEffect[] = [];
      client.step(at, input, out);
      let written: number | undefined;
      for (const effect of out) {
        switch (effect.type) {
          case "send":
            carry(own, effect.to, effect.bytes);
            break;
          case "write":
            trace.push(`${at} write ${effect.offset}+${effect.bytes.length}`);
            bytes.set(effect.bytes, effect.offset);
            written = effect.offset + effect.bytes.length;
            break;
          case "ended":
            invariant(fetched[index] === undefined, "a fetch ends once");
            trace.push(`${at} ${effect.outcome}: ${effect.detail}`);
            fetched[index] = { outcome: effect.outcome, detail: effect.detail, bytes: bytes.subarray(0, effect.bytesDone), endedAt: at };
            break;
          case "close":
            receivers.delete(endpointText(own));
            break;
        }
      }
      if (written !== undefined) {
        const bytesWritten = written;
        if (diskBytesPerMs === Number.POSITIVE_INFINITY) {
          run(at, { type: "written", bytesWritten });
        } else {
          diskFreeAt = Math.max(diskFreeAt, at) + request.blksize / diskBytesPerMs;
          schedule(diskFreeAt, (when) => run(when, { type: "written", bytesWritten }));
        }
      }
      const next = client.nextWakeAt();
      if (next !== undefined && next !== wakeAt) schedule(next, (when) => run(when, wake));
      wakeAt = next;
    };
    receivers.set(endpointText(own), (at, from, datagram) => run(at, { type: "datagram", from, bytes: datagram }));
    schedule(wanted.startAt ?? 0, (at) => run(at, { type: "start" }));
  });

  for (let event = events.pop(); event !== undefined && event.at <= untilMs; event = events.pop()) {
    now = event.at;
    event.run(now);
  }
  const streamed = streaming.reduce((sum, client) => sum + client.streamed, 0);
  return { fetched, datagrams, trace, streamed, sessionsAtOnce, serverOutcomes, now };
}
