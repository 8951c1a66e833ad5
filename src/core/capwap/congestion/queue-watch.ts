/**
 * Reads the queue before the bottleneck from round-trip times: whether there is one, whether it is full, and whether others fill it. Only what lasts counts: a process that slept for a moment sees a burst of late acknowledgements, not a queue.
 */
import type { Instant } from "../../../base/time.js";

/** Queues shorter than this share of the round trip, or this time, are noise. */
const noiseShare = 0.04;
const noiseMs = 1;
/** A queue counts as full above this share of the longest seen, and as brimful above that one. */
const fullShare = 0.75;
const brimShare = 0.95;
/** A queue counts when it was there throughout this share of the round trip, and in so many samples. */
const lastingShare = 0.125;
const lastingSamples = 2;
/** Part of the round trip in which a queue is still the cause of a loss, which shows a little later. */
const recentShare = 0.25;
/** How long the longest queue is remembered. */
const memoryMs = 10_000;
/** A queue that never got shorter than this in a round stood throughout. Acknowledgements for several blocks let ours be a few blocks long. */
const standingShare = 0.1;
const standingMs = 2;
const standingBytes = 15_000;
/** A line is contested when its queue stood for so many rounds, although each pacing cycle drains what is ours. */
const contestedRounds = 10;

export interface QueueOfRound {
  readonly highestMs: number;
  /** It was there throughout. */
  readonly standing: boolean;
  /** It was at its longest. */
  readonly brimful: boolean;
}

export class QueueWatch {
  #minRttMs = 0;
  readonly #longest = new SpanMax();
  readonly #recent = new SpanMax();
  #lastingMs = Number.POSITIVE_INFINITY;
  #lastingSamples = 0;
  #lastingSince: Instant = 0;
  /** Of the round that runs. */
  #lowestMs = Number.POSITIVE_INFINITY;
  #highestMs = 0;
  #standingRounds = 0;

  /** @param queueMs what the newest round-trip time holds above the lowest */
  onRtt(now: Instant, queueMs: number, minRttMs: number): void {
    this.#minRttMs = minRttMs;
    this.#lowestMs = Math.min(this.#lowestMs, queueMs);
    if (this.#lastingSamples++ === 0) this.#lastingSince = now;
    this.#lastingMs = Math.min(this.#lastingMs, queueMs);
    if (this.#lastingSamples < lastingSamples || now - this.#lastingSince < lastingShare * minRttMs) return;
    this.#longest.add(now, this.#lastingMs, memoryMs);
    this.#recent.add(now, this.#lastingMs, minRttMs * recentShare);
    this.#highestMs = Math.max(this.#highestMs, this.#lastingMs);
    this.#lastingMs = Number.POSITIVE_INFINITY;
    this.#lastingSamples = 0;
  }

  /** The queue of the last moments. */
  get recentMs(): number {
    return this.#recent.value;
  }

  /** There is no queue beyond noise. */
  get isFree(): boolean {
    return this.#recent.value <= this.#noise();
  }

  /** As long as it gets, so that what is lost now was lost for it. */
  get isFull(): boolean {
    return this.#recent.value > Math.max(this.#noise(), fullShare * this.#longest.value);
  }

  /** Others fill it: it stayed through rounds in which all that is ours was drained. */
  get isContested(): boolean {
    return this.#standingRounds >= contestedRounds;
  }

  /** Blocks are lost in masses: the queue of the last moments is the longest there is, whatever was seen before. */
  learnFull(now: Instant): void {
    this.#longest.reset(now, this.#recent.value, memoryMs);
  }

  /** Ends a round. @param bytesPerMs delivery rate */
  onRound(bytesPerMs: number): QueueOfRound {
    const standing =
      this.#lowestMs < Number.POSITIVE_INFINITY &&
      this.#lowestMs > Math.max(standingMs, standingShare * this.#minRttMs, standingBytes / bytesPerMs);
    const round = {
      highestMs: this.#highestMs,
      standing,
      brimful: this.#highestMs > Math.max(this.#noise(), brimShare * this.#longest.value),
    };
    if (standing) this.#standingRounds++;
    // A round without a sample says nothing.
    else if (this.#lowestMs < Number.POSITIVE_INFINITY) this.#standingRounds = 0;
    this.#lowestMs = Number.POSITIVE_INFINITY;
    this.#highestMs = 0;
    return round;
  }

  #noise(): number {
    return Math.max(noiseMs, noiseShare * this.#minRttMs);
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

  reset(now: Instant, value: number, spanMs: number): void {
    this.#before = 0;
    this.#current = value;
    this.#endsAt = now + spanMs;
  }
}
