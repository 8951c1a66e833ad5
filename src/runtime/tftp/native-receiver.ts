/**
 * The optional native receiver (`native/tftp-receiver.c`): a socket with a thread that takes turns with the client machine. While the
 * machine is `streamable` the thread takes blocks without asking; its report reaches the machine as `streamed` and datagrams.
 */

import { availableParallelism } from "node:os";
import type { Endpoint } from "../../base/endpoint.js";
import { canonicalIpAddress, ipv4Mapped, isIPv6, unmapped } from "../../base/ip-address.js";
import { wake } from "../../base/machine.js";
import type { TftpClient } from "../../core/tftp/client/client.js";
import type { ClientInput } from "../../core/tftp/client/contract.js";
import type { Clock } from "../clock.js";
import { loadAddon } from "../native-addon.js";
import type { BlockRing } from "./block-ring.js";
import type { FetchPort } from "./fetch-port.js";

declare const brand: unique symbol;
export interface NativeReceiver {
  readonly [brand]: true;
}

/** Numbers in a report before the round trips, and how many of those there can be. */
export const RECEIVER_REPORT_HEAD = 5;
export const RECEIVER_TRIPS_MAX = 512;

/** A datagram, and the address and port that it came from. */
export type HeardDatagram = readonly [bytes: Buffer, address: string, port: number];

export interface NativeTftpReceiver {
  /**
   * Opens a port. `tell` is called when there is something to see with `report`; it must not throw.
   * @param facts filled with the port and with what the kernel made of `bufferBytes`
   * @throws Error with the system's reason
   */
  open(localAddress: string, localPort: number, bufferBytes: number, facts: Float64Array, tell: () => void): NativeReceiver;
  /** What the host cannot send is lost, as on any network. */
  send(receiver: NativeReceiver, bytes: Uint8Array, address: string, port: number): void;
  /** The thread's turn: it reports what arrives. Nothing where it has a turn or a report. */
  pass(receiver: NativeReceiver): void;
  /**
   * The thread's turn as `TftpClient.streamable` allows, until anything else arrives, nothing for 50 ms, or `pause`. False: it has a
   * report that was not seen.
   * @param ring whole blocks, octet n of the file at n modulo its length
   * @param numbers [octets received, due, blksize, windowsize, unacknowledged, blocksMax, ms since the ACK or −1 where the next block measures
   * no round trip, backlogBytesMax, octets that are worth a `tell`, ms to ask for a datagram without sleeping]
   */
  stream(receiver: NativeReceiver, address: string, port: number, ring: Uint8Array, numbers: Float64Array): boolean;
  /** So many octets of the file are written: their place in the ring is free. */
  written(receiver: NativeReceiver, bytesWritten: number): void;
  /** Ends `stream`: there is a report when this returns. */
  pause(receiver: NativeReceiver): void;
  /**
   * What was heard besides the blocks that were taken, where the thread's turn is over; undefined while its turn lasts.
   * @param report filled with [octets received, blocks taken in this turn, those since the last ACK, ms since the last was taken, number
   * of round trips] and those in ms; only the first while the turn lasts
   */
  report(receiver: NativeReceiver, report: Float64Array): readonly HeardDatagram[] | undefined;
  /** Ends the thread and frees the port. */
  close(receiver: NativeReceiver): void;
}

/** Undefined where nothing was compiled at install: then the plain path does the same work, slower. */
export const loadNativeReceiver = (): NativeTftpReceiver | undefined => loadAddon<NativeTftpReceiver>("tftp-receiver");

/** Silence after which `stream` returns; it knows no other deadline. */
const SILENCE_MS = 50;
/** A digest update and a write cost the same for a few octets as for many; more than this do not stay in the cache. */
const TELL_BYTES = 128 * 1024;
/** Longer than a fast server takes to answer, shorter than it takes to sleep and wake. */
const SPIN_MS = 0.05;
const coresToSpare = availableParallelism() > 1;
/** Fetches of this process. */
let running = 0;

export interface NativeFetchWiring {
  readonly native: NativeTftpReceiver;
  readonly client: TftpClient;
  readonly clock: Clock;
  readonly backlogBytesMax: number;
  /** The fetch's, from the first block on. */
  readonly ring: () => BlockRing;
  readonly deliver: (input: ClientInput) => void;
  /** There is something in the ring. */
  readonly onArrived: () => void;
}

/** @throws Error with the system's reason where socket or thread cannot be had */
export function openNativeFetchPort(address: string, bufferBytes: number, wiring: NativeFetchWiring): FetchPort {
  const { native, client, clock, backlogBytesMax, deliver, onArrived } = wiring;
  const facts = new Float64Array(2);
  const report = new Float64Array(RECEIVER_REPORT_HEAD + RECEIVER_TRIPS_MAX);
  const target = isIPv6(address) ? ipv4Mapped : (plain: string): string => plain;
  const tellBytes = Math.max(1, Math.min(TELL_BYTES, backlogBytesMax / 4));
  let streaming = false;
  let closed = false;

  /** Brings the machine up to date where the thread's turn is over. */
  const hear = (): boolean => {
    const heard = native.report(receiver, report);
    const [received = 0, blocks = 0, unacknowledged = 0, takenMsAgo = 0, trips = 0] = report;
    if (streaming && received > wiring.ring().received) {
      wiring.ring().advance(received);
      onArrived();
    }
    if (heard === undefined) return false;
    streaming = false;
    if (blocks > 0) {
      const roundTripsMs = report.slice(RECEIVER_REPORT_HEAD, RECEIVER_REPORT_HEAD + trips);
      deliver({ type: "streamed", blocks, unacknowledged, at: clock.now() - takenMsAgo, roundTripsMs });
    }
    for (const [bytes, address, port] of heard) deliver({ type: "datagram", from: endpointOf(address, port), bytes });
    // The machine's timer stood still during the turn; its host arms it after an input.
    if (blocks === 0 && heard.length === 0) deliver(wake);
    return true;
  };

  const receiver = native.open(address, 0, bufferBytes, facts, () => {
    try {
      if (!closed && hear()) fetchPort.resume();
    } catch (error) {
      // Node would only warn of what a native callback throws.
      process.nextTick(() => {
        throw error;
      });
    }
  });
  running++;

  const fetchPort: FetchPort = {
    receiveBufferBytes: facts[1] as number,
    get streaming() {
      return streaming;
    },
    send: (bytes, to) => {
      if (!closed) native.send(receiver, bytes, target(to.address), to.port);
    },
    settle: () => {
      if (!streaming) return;
      native.pause(receiver);
      hear();
    },
    resume: () => {
      if (closed || streaming) return;
      const { streamable } = client;
      const now = clock.now();
      if (streamable === undefined || (client.nextWakeAt() ?? now) - now <= SILENCE_MS) {
        native.pass(receiver);
        return;
      }
      const { peer, due, blksize, windowsize, unacknowledged, blocksMax, ackAt } = streamable;
      const ring = wiring.ring();
      const ackMsAgo = ackAt === undefined ? -1 : now - ackAt;
      const spinMs = coresToSpare && running === 1 ? SPIN_MS : 0;
      const numbers = [ring.received, due, blksize, windowsize, unacknowledged, blocksMax, ackMsAgo, backlogBytesMax, tellBytes, spinMs];
      streaming = native.stream(receiver, target(peer.address), peer.port, ring.buffer, Float64Array.from(numbers));
    },
    written: (bytesWritten) => {
      if (!closed) native.written(receiver, bytesWritten);
    },
    close: async () => {
      if (closed) return;
      closed = true;
      streaming = false;
      running--;
      native.close(receiver);
    },
  };
  return fetchPort;
}

let lastAddress = "";
let lastCanonical = "";
/** Spelled as everybody else spells it. */
function endpointOf(address: string, port: number): Endpoint {
  if (address !== lastAddress) {
    lastAddress = address;
    lastCanonical = canonicalIpAddress(unmapped(address));
  }
  return { address: lastCanonical, port };
}
