/**
 * One transfer from server to peer: RFC 1350 (windowsize 1) and RFC 7440 in one rule. The window is
 * [base, base + windowsize); an ACK inside it moves `base` and starts the next window there, so a hole that the peer
 * reports is filled at once.
 *
 * Sorcerer's Apprentice (RFC 1123 §4.2.3.1): an ACK that acknowledges nothing new triggers no transmission, with one exception that
 * RFC 7440 needs: a peer that lost the first block of a window repeats its last ACK. That is answered once per window and
 * only when it can be an answer to this window, that is a round trip after it was sent.
 */
import type { Machine } from "../../../base/machine.js";
import type { Instant } from "../../../base/time.js";
import { absoluteBlock, blockCount, blockLength } from "../../../wire/tftp/block-number.js";
import { errorCode } from "../../../wire/tftp/error-code.js";
import { blockOf, DATA_HEADER_BYTES, decodePacket, encodePacket, opcode, opcodeOf, printable } from "../../../wire/tftp/packet.js";
import { Rate } from "../rate.js";
import { RoundTrip } from "../round-trip.js";
import { AnswerBudget } from "./answer-budget.js";
import type { SessionEffect, SessionInput, SessionOutcome, SessionPlan, SessionProgress } from "./contract.js";
import { Patience } from "./patience.js";

export interface Streamable {
  /** The block after the window that is out. */
  readonly next: number;
  /** The block after the last. */
  readonly end: number;
  /** When the window that is out was sent; undefined where its ACK measures no round trip. */
  readonly sentAt: Instant | undefined;
}

/** LAN peers write to flash between packets: below this a time-out is noise. */
const TIMEOUT_FLOOR_MS = 200;
/** Back-off ends here: on a LAN that is not a load, and a bad link needs tries before the peer is given up. */
const TIMEOUT_CEILING_MS = 500;
/** A rate-capped sender sends bursts of this much time. */
const RATE_BURST_MS = 10;
/** A peer that got the whole file and left without its last ACK holds a slot for so many time-outs in a row only. */
const FINAL_TRIES_MAX = 3;
/** How often a first window that nobody acknowledges is repeated in single-port mode. */
const BLIND_TRIES_MAX = 2;
/** A repeated request in a transfer that stood still for so long is a new start, not a late duplicate. */
const SUPERSEDED_MS = 1000;
/** So many ACKs in a row, of one block each within a window, are the peer's habit and not holes. */
const SINGLE_ACKS_MIN = 2;

export class SendSession implements Machine<SessionInput, SessionEffect> {
  readonly plan: SessionPlan;
  readonly #lastBlock: number;
  readonly #roundTrip: RoundTrip;
  readonly #patience: Patience;
  readonly #budget = new AnswerBudget();
  #state: "new" | "offering" | "sending" | "ended" = "new";
  #isProven = false;
  /** First block that the peer has not acknowledged. */
  #base = 1;
  /** First block that was not sent since `base` last moved or was repeated. */
  #next = 1;
  /** First block that was never sent. */
  #fresh = 1;
  #rateBytesPerSecond: number | undefined;
  #rate: Rate | undefined;
  /** When the current window (or OACK) went out whole; undefined while the rate cap holds some of it back. */
  #sentAt: Instant | undefined;
  /** Whether what is out was sent just once, so that its ACK measures a round trip (Karn). */
  #measurable = false;
  #repeatAnswered = false;
  /** ACKs in a row that moved `base` by one block within a window. */
  #singleAcks = 0;
  /** Since the peer was last heard, even if it was a duplicate ACK. */
  #timeouts = 0;
  #wakeAt: Instant | undefined;

  constructor(plan: SessionPlan) {
    this.plan = plan;
    this.#lastBlock = blockCount(plan.sizeBytes, plan.blksize);
    const { timeoutMs: peerTimeoutMs } = plan;
    this.#roundTrip = new RoundTrip({ floorMs: TIMEOUT_FLOOR_MS, ceilingMs: TIMEOUT_CEILING_MS, peerTimeoutMs });
    this.#patience = new Patience(plan);
    this.#setRate(plan.rateBytesPerSecond);
  }

  get progress(): SessionProgress {
    return { bytesDone: this.bytesDone, isProven: this.#isProven, isAllSent: this.#isAllSent };
  }

  /** Payload octets that the peer has acknowledged. */
  get bytesDone(): number {
    return Math.min((this.#base - 1) * this.plan.blksize, this.plan.sizeBytes);
  }

  nextWakeAt(): Instant | undefined {
    return this.#wakeAt;
  }

  /**
   * While this is defined the host need not ask for every window: when the peer's next datagram is the ACK of block `next` − 1 and
   * `next` < `end`, it may send the window from `next` at once, and so on. Anything else, and a wake in time, comes here as ever, after a
   * `streamed` with how far it got.
   */
  get streamable(): Streamable | undefined {
    if (this.#state !== "sending" || !this.#isProven || this.#rate !== undefined || this.#sentAt === undefined) return undefined;
    return { next: this.#next, end: this.#lastBlock + 1, sentAt: this.#measurable ? this.#sentAt : undefined };
  }

  step(now: Instant, input: SessionInput, out: SessionEffect[]): void {
    if (this.#state === "ended") return;
    switch (input.type) {
      case "datagram":
        this.#datagram(now, input.bytes, out);
        break;
      case "wake":
        if (this.#wakeAt !== undefined && now >= this.#wakeAt) this.#wake(now, out);
        break;
      case "start":
        this.#patience.start(now);
        this.#budget.asked(this.plan.requestBytes);
        this.#state = this.plan.oack === undefined ? "sending" : "offering";
        this.#measurable = true;
        this.#transmit(now, out);
        break;
      case "repeated-request":
        this.#repeatedRequest(now, input.requestBytes, out);
        break;
      case "streamed":
        this.#streamed(input);
        break;
      case "rate":
        this.#setRate(input.bytesPerSecond);
        break;
      case "peer-gone":
        // After the last block that is a peer that had all it wanted and closed its port before our last repetition.
        this.#end("timeout", this.#isAllSent ? "the peer left before its last ACK" : "the peer closed its port", out);
        break;
      case "withdrawn":
      case "failed":
        out.push({ type: "send", bytes: encodePacket({ type: "error", code: errorCode.notDefined, message: input.detail }) });
        this.#end(input.type, input.detail, out);
        break;
      case "superseded":
        this.#end("superseded", input.detail, out);
        break;
    }
  }

  // ---- what the peer sends ---------------------------------------------------------------------------------------------

  #datagram(now: Instant, bytes: Uint8Array, out: SessionEffect[]): void {
    // The data path reads an ACK in place; only what is rare is decoded. An ACK with octets after it is somebody's padding.
    if (opcodeOf(bytes) === opcode.ack) {
      if (bytes.length >= 4) this.#ack(now, blockOf(bytes), out);
      return;
    }
    const decoded = decodePacket(bytes);
    if (!decoded.ok || decoded.packet.type !== "error") return;
    const { code, message } = decoded.packet;
    this.#end("peer-error", `peer's error ${code}: ${printable(message)}`, out);
  }

  #ack(now: Instant, wire: number, out: SessionEffect[]): void {
    this.#timeouts = 0;
    if (this.#state === "offering") {
      if (wire === 0) {
        this.#measure(now);
        this.#state = "sending";
        this.#progress(now);
        this.#transmit(now, out);
      }
      return;
    }
    const acked = absoluteBlock(this.#base - 1, wire);
    if (acked === this.#base - 1) this.#repeatedAck(now, out);
    else if (acked < this.#fresh) this.#advance(now, acked, out);
  }

  #advance(now: Instant, acked: number, out: SessionEffect[]): void {
    if (acked === this.#next - 1) this.#measure(now);
    const isHabit = this.#isHabit(acked);
    this.#base = acked + 1;
    this.#progress(now);
    if (this.#base > this.#lastBlock) {
      this.#end("complete", "", out);
      return;
    }
    this.#measurable = this.#base >= this.#fresh;
    // After a hole everything behind it goes out again; behind a habitual ACK it is on its way.
    if (!isHabit) this.#next = this.#base;
    this.#transmit(now, out);
  }

  /** An ACK within a window reports a hole (RFC 7440 §4), or comes from a peer that acknowledges every block all the same. */
  #isHabit(acked: number): boolean {
    const isSingle = acked === this.#base && acked < this.#next - 1;
    this.#singleAcks = isSingle ? this.#singleAcks + 1 : 0;
    return this.#singleAcks >= SINGLE_ACKS_MIN;
  }

  /** What `advance` would have done for each of the windows. */
  #streamed({ base, next, sentAt, roundTripsMs }: Extract<SessionInput, { type: "streamed" }>): void {
    for (let at = 0; at < roundTripsMs.length; at++) this.#roundTrip.sample(roundTripsMs[at] as number);
    this.#base = base;
    this.#next = next;
    this.#fresh = next;
    this.#measurable = true;
    this.#singleAcks = 0;
    this.#timeouts = 0;
    this.#progress(sentAt);
    this.#sentAt = sentAt;
    this.#wakeAt = this.#roundTrip.deadline(sentAt);
  }

  #repeatedAck(now: Instant, out: SessionEffect[]): void {
    if (!this.#isProven || this.plan.windowsize === 1 || this.#repeatAnswered || this.#sentAt === undefined) return;
    if (now - this.#sentAt < this.#roundTrip.smoothedMs) return;
    this.#repeatAnswered = true;
    this.#repeat(now, out);
  }

  #repeatedRequest(now: Instant, requestBytes: number, out: SessionEffect[]): void {
    this.#budget.asked(requestBytes);
    if (this.#base > 1) {
      if (now - this.#patience.progressAt >= SUPERSEDED_MS) this.#end("superseded", "the peer asked again from the same port", out);
      return;
    }
    // A duplicate made by the network comes at once, a peer that heard nothing waits.
    if (this.#sentAt !== undefined && now - this.#sentAt >= TIMEOUT_FLOOR_MS / 2) this.#repeat(now, out);
  }

  // ---- time ------------------------------------------------------------------------------------------------------------

  #wake(now: Instant, out: SessionEffect[]): void {
    if (this.#sentAt === undefined) {
      this.#transmit(now, out);
      return;
    }
    this.#timeouts++;
    if (this.#patience.isIdle(now, this.#isProven) || (this.#isAllSent && this.#isProven && this.#timeouts > FINAL_TRIES_MAX)) {
      const waitedFor = this.#state === "offering" ? "the OACK's ACK" : this.#isAllSent ? "the last ACK" : `the ACK of block ${this.#base}`;
      this.#end("timeout", `no answer: ${waitedFor} is missing`, out);
    } else if (this.#patience.isTooSlow(now, this.bytesDone, this.#rateBytesPerSecond)) {
      this.#end("timeout", "the peer is too slow to keep a session", out);
    } else if (this.plan.singlePort && this.#base === 1 && this.#timeouts > BLIND_TRIES_MAX) {
      // An ACK 0 may be forged where there is no port to guess.
      this.#wakeAt = this.#patience.idleAt;
    } else if (!this.#isProven && !this.#budget.allows(this.#firstAnswerBytes)) {
      // The peer may ask again, and is answered again; without its request this would be a flood to whoever was named in the first.
      this.#wakeAt = this.#patience.firstAckDueAt;
    } else {
      this.#roundTrip.expired();
      this.#repeat(now, out);
    }
  }

  get #isAllSent(): boolean {
    return this.#fresh > this.#lastBlock;
  }

  /** Octets of the OACK, or of the one block that a peer without options is sent first. */
  get #firstAnswerBytes(): number {
    return this.plan.oack?.length ?? DATA_HEADER_BYTES + blockLength(1, this.plan.blksize, this.plan.sizeBytes);
  }

  /** Sends again what is out. */
  #repeat(now: Instant, out: SessionEffect[]): void {
    this.#measurable = false;
    this.#singleAcks = 0;
    this.#next = this.#base;
    this.#transmit(now, out);
  }

  /** Sends the OACK, or the rest of the window as far as the rate cap lets it. */
  #transmit(now: Instant, out: SessionEffect[]): void {
    const { windowsize, blksize, oack } = this.plan;
    if (!this.#isProven) this.#budget.sent(this.#firstAnswerBytes);
    if (this.#state === "offering" && oack !== undefined) {
      out.push({ type: "send", bytes: oack });
    } else {
      const end = Math.min(this.#base + windowsize, this.#lastBlock + 1);
      const count =
        this.#rate === undefined ? end - this.#next : Math.min(end - this.#next, Math.floor(this.#rate.available(now) / blksize));
      if (count > 0) {
        out.push({ type: "send-blocks", firstBlock: this.#next, count });
        this.#rate?.take(count * blksize);
        this.#next += count;
        this.#fresh = Math.max(this.#fresh, this.#next);
      }
      if (this.#next < end && this.#rate !== undefined) {
        this.#sentAt = undefined;
        this.#wakeAt = this.#rate.availableAt(now, blksize);
        return;
      }
    }
    this.#sentAt = now;
    const deadline = this.#roundTrip.deadline(now);
    this.#wakeAt = this.#isProven ? deadline : Math.min(deadline, this.#patience.firstAckDueAt);
  }

  #measure(now: Instant): void {
    if (this.#measurable && this.#sentAt !== undefined) this.#roundTrip.sample(now - this.#sentAt);
  }

  #progress(now: Instant): void {
    this.#isProven = true;
    this.#patience.progress(now);
    this.#repeatAnswered = false;
    this.#roundTrip.progress();
  }

  #setRate(bytesPerSecond: number | undefined): void {
    this.#rateBytesPerSecond = bytesPerSecond;
    this.#rate =
      bytesPerSecond === undefined
        ? undefined
        : new Rate(bytesPerSecond, Math.max(this.plan.blksize, (bytesPerSecond * RATE_BURST_MS) / 1000));
  }

  #end(outcome: SessionOutcome, detail: string, out: SessionEffect[]): void {
    this.#state = "ended";
    this.#wakeAt = undefined;
    out.push({ type: "ended", outcome, detail });
  }
}
