/**
 * Reliability of control messages between two peers (RFC 5415 §4.5.3): in each direction one request is outstanding. Ours is
 * sent again, octet for octet, until its response comes; the peer's last one is remembered with our response, so that a
 * repeat gets the same answer and is not carried out twice.
 */
import type { Instant } from "../../../base/time.js";
import type { CapwapTimers } from "../../../wire/capwap/defaults.js";
import { type MessageName, type RequestName, responseTo } from "../../../wire/capwap/messages.js";
import type { SendDatagram, Sink } from "../contract.js";

type RetransmitTimers = Pick<CapwapTimers, "retransmitIntervalMs" | "maxRetransmit" | "echoIntervalMs">;

/** Wait before each retry and before giving up: doubled each time, at most half the Echo interval (§4.5.3). */
export const retransmitWaitMs = (timers: RetransmitTimers, retry: number): number =>
  Math.min(timers.retransmitIntervalMs * 2 ** retry, Math.max(timers.echoIntervalMs / 2, timers.retransmitIntervalMs));

/** From the first sending of a request to giving up; 66 s with the RFC's defaults. */
export function giveUpAfterMs(timers: RetransmitTimers): number {
  let sum = 0;
  for (let retry = 0; retry <= timers.maxRetransmit; retry++) sum += retransmitWaitMs(timers, retry);
  return sum;
}

/** Whether sequence number `a` comes before `b`, modulo 256 (§4.5.3). A distance of 128, which the RFC leaves open, is "no". */
export const isBefore = (a: number, b: number): boolean => (a < b && b - a < 128) || (a > b && a - b > 128);

/** `new`: carry it out · `repeat`: it has its answer · `busy`: it is being carried out · `old`: sent before the last one. */
export type Arrival = "new" | "repeat" | "busy" | "old";

interface Outgoing<Ticket> {
  readonly name: RequestName;
  readonly sequence: number;
  readonly ticket: Ticket;
  readonly datagrams: readonly SendDatagram[];
  retries: number;
  wakeAt: Instant;
}

interface Incoming {
  readonly name: RequestName;
  readonly sequence: number;
  reply: readonly SendDatagram[] | undefined;
}

/** `Ticket` is what the owner wants back with the outcome of its request. */
export class RequestChannel<Ticket> {
  timers: RetransmitTimers;
  #nextSequence = 0;
  #outgoing: Outgoing<Ticket> | undefined;
  #incoming: Incoming | undefined;

  constructor(timers: RetransmitTimers) {
    this.timers = timers;
  }

  get idle(): boolean {
    return this.#outgoing === undefined;
  }

  /** The request of ours that waits for its response. */
  get outstanding(): Ticket | undefined {
    return this.#outgoing?.ticket;
  }

  nextWakeAt(): Instant | undefined {
    return this.#outgoing?.wakeAt;
  }

  /** Sends a request. Only while idle. */
  send(
    now: Instant,
    name: RequestName,
    ticket: Ticket,
    datagramsOf: (sequence: number) => readonly SendDatagram[],
    out: Sink<SendDatagram>,
  ): void {
    const sequence = this.#nextSequence;
    this.#nextSequence = (sequence + 1) & 0xff;
    const datagrams = datagramsOf(sequence);
    this.#outgoing = { name, sequence, ticket, datagrams, retries: 0, wakeAt: now + retransmitWaitMs(this.timers, 0) };
    for (const datagram of datagrams) out.push(datagram);
  }

  /** Takes a response: the ticket of the request that it answers, or undefined when it answers none. */
  take(response: MessageName, sequence: number): Ticket | undefined {
    const outgoing = this.#outgoing;
    if (outgoing === undefined || outgoing.sequence !== sequence || responseTo(outgoing.name) !== response) return undefined;
    this.#outgoing = undefined;
    return outgoing.ticket;
  }

  /** Gives the outstanding request up (§4.5.3 allows it); a late response to it will answer none. */
  abandon(): Ticket | undefined {
    const ticket = this.#outgoing?.ticket;
    this.#outgoing = undefined;
    return ticket;
  }

  /** Sends the outstanding request again if it is time. `exhausted`: all retries are spent, the peer is dead. */
  retry(now: Instant, out: Sink<SendDatagram>): "waiting" | "resent" | "exhausted" {
    const outgoing = this.#outgoing;
    if (outgoing === undefined || now < outgoing.wakeAt) return "waiting";
    if (outgoing.retries >= this.timers.maxRetransmit) return "exhausted";
    outgoing.retries++;
    outgoing.wakeAt = now + retransmitWaitMs(this.timers, outgoing.retries);
    for (const datagram of outgoing.datagrams) out.push(datagram);
    return "resent";
  }

  /** Judges a request of the peer. One that is `new` becomes the one to `reply` to; a `repeat` gets its answer again. */
  admit(name: RequestName, sequence: number, out: Sink<SendDatagram>): Arrival {
    const last = this.#incoming;
    if (last !== undefined) {
      if (last.sequence === sequence) {
        if (last.reply === undefined) return "busy";
        for (const datagram of last.reply) out.push(datagram);
        return "repeat";
      }
      if (isBefore(sequence, last.sequence)) return "old";
    }
    this.#incoming = { name, sequence, reply: undefined };
    return "new";
  }

  /** Sequence number of the peer's request of this name that waits for its reply. */
  awaiting(name: RequestName): number | undefined {
    const incoming = this.#incoming;
    return incoming?.name === name && incoming.reply === undefined ? incoming.sequence : undefined;
  }

  /** Answers the request that was admitted last, and keeps the answer for repeats. */
  reply(datagrams: readonly SendDatagram[], out: Sink<SendDatagram>): void {
    if (this.#incoming !== undefined) this.#incoming.reply = datagrams;
    for (const datagram of datagrams) out.push(datagram);
  }
}
