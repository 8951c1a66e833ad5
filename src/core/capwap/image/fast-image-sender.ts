/**
 * The controller's side of one fast image transfer (docs/decisions/070-fast-image-transfer.md): decides which range of the image
 * goes out in which datagram and when. It never holds image bytes.
 */

import type { Endpoint } from "../../../base/endpoint.js";
import type { Sha256Hex } from "../../../base/sha256.js";
import type { Instant } from "../../../base/time.js";
import { TimerTable } from "../../../base/timer-table.js";
import { fragmentHead, fragmentRoom, type SegmentPlan, segmentEnd } from "../../../wire/capwap/fast-segment.js";
import type { ElementsOf } from "../../../wire/capwap/messages.js";
import { resultCodes } from "../../../wire/capwap/result-code.js";
import type { FastAck } from "../../../wire/capwap/vendor-transfer.js";
import type { TransferOutcome } from "../ac/ac-contract.js";
import { CongestionControl } from "../congestion/congestion-control.js";
import { DeliveryRate } from "../congestion/delivery-rate.js";
import type { SendDatagram, Sink } from "../contract.js";
import { PathMtu } from "../link/path-mtu.js";
import type { Carriage } from "../link/secure-link.js";
import { type Block, FastScoreboard } from "./fast-scoreboard.js";
import type { ImageTransfer } from "./image-transfer.js";
import type { RateCap } from "./rate-cap.js";

export interface FastImageSenderOptions {
  readonly to: Endpoint;
  readonly carriage: Carriage;
  readonly sha256: Sha256Hex;
  readonly plan: SegmentPlan;
  /** What the receiver can hold before its first acknowledgement. */
  readonly windowBytes: number;
  /** Largest UDP payload that receiver and our interfaces take. */
  readonly datagramBytesMax: number;
  /** IP and UDP headers, which count against the caps. */
  readonly headerBytes: number;
  /** What a DTLS link adds to a datagram, which counts against them too; 0 in clear. */
  readonly overheadBytes?: number;
  /** All must agree before a datagram goes. */
  readonly caps: readonly RateCap[];
}

/** How long a transfer outlives the last acknowledgement. After that, a resumed one replaces it. */
export const silenceMsMax = 90_000;
const probeMsInitial = 1_000;
const probeMsMax = 3_000;
/** Longest delay of an acknowledgement that is believed; receivers delay no longer. */
const ackDelayMsMax = 50;
/** Whatever room a receiver promises: more is not kept account of. Two bandwidth-delay products of 1 Gbit/s and 100 ms. */
const windowBytesMax = 32 << 20;
/** Silent probes after which smaller blocks are tried. */
const shrinkAfterProbes = 2;

type Deadline = "pace" | "loss" | "probe" | "silence";

/** Progress shows in steps of this while the transfer runs, so that an acknowledgement costs little. */
const progressBytes = 65_536;

export class FastImageSender implements ImageTransfer {
  readonly plan: SegmentPlan;
  readonly sha256: Sha256Hex;
  outcome: TransferOutcome | undefined;
  bytesSent = 0;
  /** UDP payload bytes sent. */
  wireBytesSent = 0;
  /** All image bytes before it are on the receiver's disk. */
  writtenOffset: number;
  readonly #options: FastImageSenderOptions;
  readonly #board = new FastScoreboard();
  readonly #rate = new DeliveryRate();
  readonly #control: CongestionControl;
  readonly #mtu: PathMtu;
  readonly #timers = new TimerTable<Deadline>();
  #nextOffset: number;
  #receivedOffset: number;
  #windowEnd: number;
  #paceAt: Instant = 0;
  /** What was not sent in time for want of room in flight is not made up for by a burst. */
  #heldByWindow = false;
  /** When the caps let the next datagram go; undefined before they are asked. */
  #admittedAt: Instant | undefined;
  /** The block last in the image so far. */
  #tail = { offset: 0, length: 0 };
  #smoothedRttMs = 0;
  #rttVarianceMs = 0;
  #probes = 0;

  constructor(options: FastImageSenderOptions) {
    this.plan = options.plan;
    this.sha256 = options.sha256;
    this.#options = options;
    this.#mtu = new PathMtu(options.datagramBytesMax, options.overheadBytes);
    this.#control = new CongestionControl(this.#mtu.datagramBytes, options.plan.transferId);
    this.#nextOffset = options.plan.startOffset;
    this.#receivedOffset = options.plan.startOffset;
    this.writtenOffset = options.plan.startOffset;
    this.#windowEnd = options.plan.startOffset + Math.min(options.windowBytes, windowBytesMax);
  }

  get openingElements(): Partial<ElementsOf<"imageDataResponse">> {
    const { transferId, startOffset, segmentBytes, firstFragmentId } = this.plan;
    return { fastAccept: { transferId, startOffset, segmentBytes, firstFragmentId } };
  }

  /** Segments that the transfer may use, for the Fragment IDs of the next. */
  get segmentCount(): number {
    const { startOffset, sizeBytes, segmentBytes } = this.plan;
    return Math.ceil((sizeBytes - startOffset) / segmentBytes);
  }

  get bytesDone(): number {
    return this.outcome === undefined ? this.writtenOffset - (this.writtenOffset % progressBytes) : this.writtenOffset;
  }

  /** Bytes per second that the path delivers, 0 before it is known. */
  get bytesPerSecond(): number {
    return this.#control.bytesPerMs * 1000;
  }

  /** UDP payload of a full block. */
  get datagramBytes(): number {
    return this.#mtu.datagramBytes;
  }

  start(now: Instant, out: Sink<SendDatagram>): void {
    this.#timers.set("silence", now + silenceMsMax);
    this.#transmit(now, out);
  }

  nextWakeAt(): Instant | undefined {
    return this.#timers.nextAt();
  }

  wake(now: Instant, out: Sink<SendDatagram>): void {
    for (let due = this.#timers.takeDue(now); due !== undefined && this.outcome === undefined; due = this.#timers.takeDue(now)) {
      switch (due) {
        case "pace":
          break;
        case "loss":
          this.#feedControl(now, undefined, 0);
          break;
        case "probe":
          this.#probe(now, out);
          break;
        case "silence":
          this.#finish({ type: "silent" });
          break;
      }
    }
    this.#transmit(now, out);
  }

  /** An Image Data Response of this transfer. Numbers that cannot be are ignored. */
  acknowledge(now: Instant, resultCode: number, ack: FastAck, out: Sink<SendDatagram>): boolean {
    if (ack.transferId !== this.plan.transferId) return false;
    if (this.outcome !== undefined) return true;
    if (resultCode !== resultCodes.success) {
      this.#finish({ type: "refused", resultCode });
      return true;
    }
    if (ack.receivedOffset > this.#nextOffset || ack.writtenOffset > ack.receivedOffset) return true;
    this.writtenOffset = Math.max(this.writtenOffset, ack.writtenOffset);
    if (ack.complete && ack.writtenOffset === this.plan.sizeBytes) {
      this.#finish({ type: "complete" });
      return true;
    }
    this.#windowEnd = Math.max(this.#windowEnd, Math.min(ack.windowEnd, ack.receivedOffset + windowBytesMax));
    this.#probes = 0;
    this.#timers.set("silence", now + silenceMsMax);
    let newest: Block | undefined;
    let delivered = 0;
    const visit = (block: Block): void => {
      delivered += block.length;
      this.#rate.onDelivered(now, block.sent, block.length);
      this.#board.onArrived(now, block, this.#control.minRttMs);
      if (this.#mtu.arrived(block.datagramBytes)) this.#control.blockBytes = this.#mtu.datagramBytes;
      if (newest === undefined || block.sent.sentAt > newest.sent.sentAt) newest = block;
    };
    if (ack.receivedOffset > this.#receivedOffset) this.#board.acknowledge(this.#receivedOffset, ack.receivedOffset, visit);
    for (const { gap, length } of ack.ranges) this.#board.acknowledge(ack.receivedOffset + gap, ack.receivedOffset + gap + length, visit);
    this.#receivedOffset = Math.max(this.#receivedOffset, ack.receivedOffset);
    this.#board.release(this.#receivedOffset);
    const rttMs = newest === undefined ? undefined : this.#roundTrip(now, newest, ack.delayUs);
    this.#feedControl(now, rttMs, delivered);
    this.#armProbe(now);
    this.#transmit(now, out);
    return true;
  }

  // Nothing goes through the request channel.
  nextBlock(): undefined {}
  blockAnswered(): void {}
  blockResent(): void {}

  /** Of the block that was sent last: the receiver's delay is that of what came last, and the path keeps the order mostly. */
  #roundTrip(now: Instant, newest: Block, delayUs: number): number | undefined {
    const rttMs = now - newest.sent.sentAt - Math.min(delayUs / 1000, ackDelayMsMax);
    // Less than the path takes: it was an earlier sending of the block that arrived (Karn).
    if (newest.sends > 1 && rttMs < this.#control.minRttMs) return undefined;
    return Math.max(0.01, rttMs);
  }

  #feedControl(now: Instant, rttMs: number | undefined, deliveredBytes: number): void {
    const control = this.#control;
    if (rttMs !== undefined) this.#smooth(rttMs);
    const lost = this.#board.detectLost(now, control.minRttMs, this.#mtu.datagramBytes);
    if (lost.nextAt === undefined) this.#timers.clear("loss");
    else this.#timers.set("loss", lost.nextAt);
    const rate = this.#rate.take(control.minRttMs === Number.POSITIVE_INFINITY ? 0 : control.minRttMs);
    control.onAck(now, {
      rate,
      rttMs,
      deliveredBytes,
      lostBytes: lost.bytes,
      bytesInFlight: this.#board.bytesInFlight,
      deliveredTotal: this.#rate.delivered,
    });
  }

  /** RFC 6298 §2. */
  #smooth(rttMs: number): void {
    if (this.#smoothedRttMs === 0) {
      this.#smoothedRttMs = rttMs;
      this.#rttVarianceMs = rttMs / 2;
      return;
    }
    this.#rttVarianceMs += (Math.abs(rttMs - this.#smoothedRttMs) - this.#rttVarianceMs) / 4;
    this.#smoothedRttMs += (rttMs - this.#smoothedRttMs) / 8;
  }

  #armProbe(now: Instant): void {
    const calmMs = this.#smoothedRttMs === 0 ? probeMsInitial : this.#smoothedRttMs + Math.max(4 * this.#rttVarianceMs, 1) + ackDelayMsMax;
    // With everything delivered, what is missing is the receiver's verdict, and it takes its time.
    const baseMs = this.#receivedOffset === this.plan.sizeBytes ? Math.max(probeMsInitial, calmMs) : calmMs;
    this.#timers.set("probe", now + Math.min(Math.max(probeMsMax, calmMs), baseMs * 2 ** this.#probes));
  }

  /** Nothing came back: one block goes out whatever the window, the pace and the bytes in flight say, as soon as the caps let it. */
  #probe(now: Instant, out: Sink<SendDatagram>): void {
    this.#admittedAt ??= this.#reserve(now, this.#mtu.datagramBytes);
    if (this.#admittedAt > now) {
      this.#timers.set("probe", this.#admittedAt);
      return;
    }
    this.#admittedAt = undefined;
    this.#probes++;
    if (this.#probes === shrinkAfterProbes) this.#control.onSilence(now);
    if (this.#probes % shrinkAfterProbes === 0 && this.#mtu.shrink()) this.#control.blockBytes = this.#mtu.datagramBytes;
    const block = this.#board.firstUnacknowledged();
    if (block !== undefined) this.#resend(now, block, out);
    else if (this.#nextOffset < this.plan.sizeBytes) this.#sendNew(now, out);
    else this.#emit(this.#tail.offset, this.#tail.length, out);
    this.#armProbe(now);
  }

  #transmit(now: Instant, out: Sink<SendDatagram>): void {
    while (this.outcome === undefined) {
      const lost = this.#board.nextLost();
      const mayGrow = this.#nextOffset < Math.min(this.plan.sizeBytes, this.#windowEnd);
      if (lost === undefined && !mayGrow) {
        // A receiver that takes no more is part of what the path carries; an image at its end says nothing about it.
        if (this.#nextOffset === this.plan.sizeBytes) this.#rate.onLimited(this.#board.bytesInFlight);
        return;
      }
      if (this.#board.bytesInFlight >= this.#control.inFlightMax) {
        this.#heldByWindow = true;
        return;
      }
      if (now < this.#paceAt && !this.#mtu.candidateIsUrgent) {
        this.#timers.set("pace", this.#paceAt);
        return;
      }
      if (!this.#admitted(now)) return;
      const imageBytes = lost === undefined ? this.#sendNew(now, out) : this.#resend(now, lost, out);
      // The rate is one of image bytes, so is the pace: with the headers it would stay below what the line carries.
      const slackMs = this.#heldByWindow ? 0 : this.#control.paceSlackMs;
      this.#heldByWindow = false;
      this.#paceAt = Math.max(this.#paceAt, now - slackMs) + imageBytes / this.#control.pacingBytesPerMs;
    }
  }

  /** Asks the caps once for each datagram; false while they make it wait. */
  #admitted(now: Instant): boolean {
    this.#admittedAt ??= this.#reserve(now, this.#mtu.datagramBytes);
    if (this.#admittedAt > now) {
      this.#rate.onLimited(this.#board.bytesInFlight);
      this.#timers.set("pace", this.#admittedAt);
      return false;
    }
    this.#admittedAt = undefined;
    return true;
  }

  /** @returns when all caps let a datagram of this size go */
  #reserve(now: Instant, datagramBytes: number): Instant {
    let at = now;
    const { caps, headerBytes, overheadBytes = 0 } = this.#options;
    for (const cap of caps) at = Math.max(at, cap.reserve(now, datagramBytes + overheadBytes + headerBytes));
    return at;
  }

  /** @returns image bytes sent, as `#resend` does */
  #sendNew(now: Instant, out: Sink<SendDatagram>): number {
    const offset = this.#nextOffset;
    const candidate = this.#mtu.candidate;
    let length = fragmentRoom(this.plan, offset, this.#mtu.datagramBytes);
    if (candidate !== undefined) {
      const larger = fragmentRoom(this.plan, offset, candidate);
      // Only a block that fills its datagram proves anything; near the end of a segment it waits for the next.
      if (larger > length && offset + larger < segmentEnd(this.plan, offset)) {
        length = larger;
        this.#mtu.candidateSent();
        this.#reserve(now, candidate - this.#mtu.datagramBytes);
      }
    }
    this.#nextOffset = offset + length;
    this.#tail = { offset, length };
    const snapshot = this.#rate.onSend(now, this.#board.bytesInFlight);
    const sentBytes = this.#emit(offset, length, out);
    this.#board.add(offset, length, snapshot, sentBytes);
    if (!this.#timers.has("probe")) this.#armProbe(now);
    return length;
  }

  #resend(now: Instant, block: Block, out: Sink<SendDatagram>): number {
    const room = fragmentRoom(this.plan, block.offset, this.#mtu.datagramBytes);
    if (room < block.length) this.#board.split(block, room);
    const snapshot = this.#rate.onSend(now, this.#board.bytesInFlight);
    const sentBytes = this.#emit(block.offset, block.length, out);
    this.#board.resend(block, snapshot, sentBytes);
    return block.length;
  }

  /** @returns UDP payload bytes sent */
  #emit(offset: number, length: number, out: Sink<SendDatagram>): number {
    const { to, carriage, sha256 } = this.#options;
    const bytes = fragmentHead(this.plan, offset, length);
    out.push({ type: "send", to, bytes, image: { sha256, offset, length }, carriage });
    this.bytesSent += length;
    this.wireBytesSent += bytes.length + length;
    return bytes.length + length;
  }

  #finish(outcome: TransferOutcome): void {
    this.outcome = outcome;
    this.#timers.clearAll();
  }
}
