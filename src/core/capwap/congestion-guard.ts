/**
 * The bound on bytes in flight that loss sets. Loss alone is no reason: a radio or a bad cable loses blocks at any rate.
 * Loss beside a queue that is near the longest seen, and beyond the share that is lost without a queue, means that the queue was full;
 * then the bound is cut and grows along CUBIC's curve (RFC 9438), as that of a TCP neighbour does.
 */
import type { Instant } from "../../base/time.js";

const segmentBytes = 1448;
/** RFC 9438 §4.1, §4.6: C in segments per s³, and what remains after a loss. */
const cubicC = 0.4;
const beta = 0.7;
/** RFC 9438 §4.3: additive growth in segments per round trip that matches Reno's share with this beta. */
const renoGrowth = (3 * (1 - beta)) / (1 + beta);
/** The path is not left emptier than this share of what it holds by itself. */
const pathShareMin = 0.85;
/** A queue counts as full above this share of the longest seen. */
const fullQueueShare = 0.75;
/** Queues shorter than this share of the round trip, or this time, are noise. */
const noiseShare = 0.04;
const noiseMs = 1;
/** Growth in a round trip without any queue: what the probe of the pacing cycle takes, spread over the cycle. */
const freeGrowth = 1.03;
/** Part of the round trip in which a queue is still the cause of a loss. */
const recentShare = 0.25;
/** How long the longest queue is remembered. */
const queueMemoryMs = 10_000;
/** Weight of a round in the share lost without a queue. */
const baseLossWeight = 0.1;

/** What was delivered and lost in one round trip while the queue was in one state. */
interface Tally {
  delivered: number;
  lost: number;
}

export class CongestionGuard {
  /** Bytes in flight that loss allows; Infinity until it has spoken. */
  boundBytes = Number.POSITIVE_INFINITY;
  #peakBytes = 0;
  #cutBytes = 0;
  #cutAt: Instant = 0;
  /** Losses of the round after a cut were on their way before it. */
  #settling = false;
  #baseLoss = 0;
  readonly #longestQueue = new SpanMax();
  readonly #recentQueue = new SpanMax();
  #full: Tally = { delivered: 0, lost: 0 };
  #free: Tally = { delivered: 0, lost: 0 };
  #sawQueue = false;
  #pipeBytesAtLoss = 0;
  #minRttMs = 0;

  /** @param queueMs what the newest round-trip time holds above the lowest */
  onRtt(now: Instant, queueMs: number, minRttMs: number): void {
    this.#minRttMs = minRttMs;
    this.#longestQueue.add(now, queueMs, queueMemoryMs);
    // Loss shows a little later than the queue that caused it.
    this.#recentQueue.add(now, queueMs, minRttMs * recentShare);
  }

  onDelivered(bytes: number): void {
    (this.#isFull() ? this.#full : this.#free).delivered += bytes;
    if (this.#recentQueue.value > this.#noiseMs()) this.#sawQueue = true;
  }

  /** @param bytesPerMs delivery rate */
  onLoss(lostBytes: number, bytesPerMs: number): void {
    if (!this.#isFull()) {
      this.#free.lost += lostBytes;
      return;
    }
    this.#full.lost += lostBytes;
    this.#pipeBytesAtLoss = Math.max(this.#pipeBytesAtLoss, bytesPerMs * (this.#minRttMs + this.#recentQueue.value));
  }

  /** Judges a round trip that has passed. @param pathBytes what the path holds without a queue. @returns whether the queue was full */
  onRound(now: Instant, pathBytes: number): boolean {
    const fullBlocks = (this.#full.delivered + this.#full.lost) / segmentBytes;
    const expected = this.#baseLoss * fullBlocks;
    const wasFull = !this.#settling && this.#full.lost / segmentBytes > expected + 2 * Math.sqrt(expected);
    this.#settling = wasFull;
    if (wasFull) this.#cut(now, pathBytes);
    else this.#grow(now);
    const free = this.#free.delivered + this.#free.lost;
    if (free > 0) this.#baseLoss += baseLossWeight * (this.#free.lost / free - this.#baseLoss);
    this.#full = { delivered: 0, lost: 0 };
    this.#free = { delivered: 0, lost: 0 };
    this.#sawQueue = false;
    this.#pipeBytesAtLoss = 0;
    return wasFull;
  }

  #noiseMs(): number {
    return Math.max(noiseMs, noiseShare * this.#minRttMs);
  }

  #isFull(): boolean {
    return this.#recentQueue.value >= Math.max(this.#noiseMs(), fullQueueShare * this.#longestQueue.value);
  }

  #cut(now: Instant, pathBytes: number): void {
    this.#peakBytes = Math.min(this.#pipeBytesAtLoss, this.boundBytes);
    this.#cutBytes = Math.max(this.#peakBytes * beta, pathBytes * pathShareMin);
    this.#cutAt = now;
    this.boundBytes = this.#cutBytes;
  }

  #grow(now: Instant): void {
    if (this.boundBytes === Number.POSITIVE_INFINITY) return;
    const seconds = (now - this.#cutAt) / 1000;
    const peak = this.#peakBytes / segmentBytes;
    const cut = this.#cutBytes / segmentBytes;
    const bendSeconds = Math.cbrt(Math.max(0, peak - cut) / cubicC);
    const cubic = cubicC * (seconds - bendSeconds) ** 3 + peak;
    const reno = cut + renoGrowth * ((seconds * 1000) / Math.max(this.#minRttMs, 1));
    const free = this.#sawQueue ? 0 : this.boundBytes * freeGrowth;
    this.boundBytes = Math.max(this.boundBytes, free, Math.max(cubic, reno) * segmentBytes);
  }
}

/** The highest value of the last one to two spans. */
class SpanMax {
  #current = 0;
  #before = 0;
  #endsAt: Instant = 0;

  get value(): number {
    return Math.max(this.#current, this.#before);
  }

  add(now: Instant, value: number, spanMs: number): void {
    if (now >= this.#endsAt) {
      this.#before = this.#current;
      this.#current = 0;
      this.#endsAt = now + spanMs;
    }
    this.#current = Math.max(this.#current, value);
  }
}
