/**
 * Reliability of control messages between two peers (RFC 5415 §4.5.3): in each direction one request is outstanding. Ours is
 * sent again, octet for octet, until its response comes; the peer's last one is remembered with our response, so that a
 * repeat gets the same answer and is not carried out twice. A repeat is the same octets: with the number alone, two peers that each
 * take the other's answers for requests would never stop.
 */
import type { Instant } from "../../../base/time.js";
import type { CapwapTimers } from "../../../wire/capwap/defaults.js";
import { type MessageName, type RequestName, responseTo } from "../../../wire/capwap/messages.js";
import type { DropReason, SendDatagram, Sink } from "../contract.js";
import { RateLimit } from "./rate-limit.js";

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

const follows = (a: number, b: number): boolean => a === ((b + 1) & 0xff);

export type RequestArrival =
  /** To be carried out. */
  | "new"
  /** It got its answer again. */
  | "repeat"
  /** A repeat of one that is being carried out. */
  | "busy"
  /** A repeat beyond those that are answered in a second. */
  | "flood"
  /** Sent before the last one. */
  | "old"
  /** Another request under a number that is taken. */
  | "reused";

/** Why a request that is not carried out was dropped; undefined for a repeat that was answered. */
export const dropReasonOf = {
  repeat: undefined,
  busy: "repeat-while-busy",
  flood: "rate-limit",
  old: "old-request",
  reused: "sequence-reused",
} as const satisfies Readonly<Record<Exclude<RequestArrival, "new">, DropReason | undefined>>;

interface Outgoing<Ticket> {
  readonly name: RequestName;
  readonly sequence: number;
  readonly ticket: Ticket;
  readonly datagrams: readonly SendDatagram[];
  retries: number;
  wakeAt: Instant;
}

/** A request of the peer. */
interface Incoming {
  readonly name: RequestName;
  readonly sequence: number;
  readonly octets: Uint8Array;
  /** It came in sequence with the one before. */
  readonly continues: boolean;
  reply: readonly SendDatagram[] | undefined;
}

/**
 * The last request, and those that were last before a jump in the numbers. With one alone, whoever can forge the peer's address would
 * silence the peer until it gives up by a single request with a number far ahead.
 */
const sequencesMax = 4;

/** Repeats that are answered in a second. A peer that answers responses, as some do, must not keep an exchange going. */
const repeatsPerSecond = 10;

const sameOctets = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((octet, index) => octet === b[index]);

/** `Ticket` identifies a request to its owner. */
export class RequestChannel<Ticket> {
  timers: RetransmitTimers;
  #nextSequence = 0;
  #outgoing: Outgoing<Ticket> | undefined;
  /** The newest first. */
  #incoming: readonly Incoming[] = [];
  readonly #repeats = new RateLimit(repeatsPerSecond);

  constructor(timers: RetransmitTimers) {
    this.timers = timers;
  }

  /** Sequence number of our first request; 0 otherwise. */
  set firstSequence(sequence: number) {
    this.#nextSequence = sequence;
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

  /**
   * Sends the outstanding request again if it is time. `exhausted`: all retries are spent, the peer is dead.
   * @param admits whether so many bytes may go out; a retry that may not counts all the same
   */
  retry(now: Instant, out: Sink<SendDatagram>, admits: (bytes: number) => boolean = () => true): "waiting" | "resent" | "exhausted" {
    const outgoing = this.#outgoing;
    if (outgoing === undefined || now < outgoing.wakeAt) return "waiting";
    if (outgoing.retries >= this.timers.maxRetransmit) return "exhausted";
    outgoing.retries++;
    outgoing.wakeAt = now + retransmitWaitMs(this.timers, outgoing.retries);
    for (const datagram of outgoing.datagrams) if (admits(datagram.bytes.length + (datagram.image?.length ?? 0))) out.push(datagram);
    return "resent";
  }

  /**
   * Judges a request of the peer. One that is `new` becomes the one to `reply` to; a `repeat`, which is the same octets, gets its answer
   * again.
   */
  admit(now: Instant, name: RequestName, sequence: number, octets: Uint8Array, out: Sink<SendDatagram>): RequestArrival {
    const before = this.#incoming.find((request) => follows(sequence, request.sequence));
    const same = this.#incoming.find((request) => request.sequence === sequence);
    // One that was kept from before a jump is not repeated by the next in sequence, 256 requests later.
    const mayRepeat = before === undefined || same === this.#incoming[0];
    if (same !== undefined && mayRepeat && sameOctets(same.octets, octets)) return this.#repeated(now, same, out);
    if (before === undefined) {
      if (same !== undefined) return "reused";
      const established = this.#incoming.find(({ continues }) => continues) ?? this.#incoming[0];
      if (established !== undefined && isBefore(sequence, established.sequence)) return "old";
    }
    const others = this.#incoming.filter((request) => request !== before && request !== same);
    if (others.length === sequencesMax)
      others.splice(
        others.findLastIndex(({ continues }) => !continues),
        1,
      );
    this.#incoming = [{ name, sequence, octets, continues: before !== undefined, reply: undefined }, ...others];
    return "new";
  }

  #repeated(now: Instant, { reply }: Incoming, out: Sink<SendDatagram>): RequestArrival {
    if (reply === undefined) return "busy";
    if (!this.#repeats.admits(now)) return "flood";
    for (const datagram of reply) out.push(datagram);
    return "repeat";
  }

  /** Sequence number of the peer's request of this name that waits for its reply. */
  awaiting(name: RequestName): number | undefined {
    return this.#incoming.find((request) => request.name === name && request.reply === undefined)?.sequence;
  }

  /** Answers the request with this sequence number, and keeps the answer for repeats. */
  reply(sequence: number, datagrams: readonly SendDatagram[], out: Sink<SendDatagram>): void {
    const request = this.#incoming.find((incoming) => incoming.sequence === sequence);
    if (request !== undefined) request.reply = datagrams;
    for (const datagram of datagrams) out.push(datagram);
  }
}
