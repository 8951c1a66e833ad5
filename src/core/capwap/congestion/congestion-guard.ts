/**
 * The bound on bytes in flight that keeps the transfer a good neighbour. Loss alone does not count: a radio or a bad cable loses blocks at any
 * rate. Loss in a full queue is, beyond the share that is lost without one. So is, on a line that others fill too, a queue at its
 * longest: TCP's segments come in bursts and are dropped there, ours are spaced and pass, so that TCP alone would give way. The
 * bound is then cut and grows again along CUBIC's curve (RFC 9438), as that of a TCP neighbour does.
 */
import type { Instant } from "../../../base/time.js";
import { QueueWatch } from "./queue-watch.js";

const segmentBytes = 1448;
/** RFC 9438 §4.1, §4.6: C in segments per s³, and what remains after a cut. */
const cubicC = 0.4;
const beta = 0.7;
/** RFC 9438 §4.3: additive growth in segments per round trip that matches Reno's share with this beta. */
const renoGrowth = (3 * (1 - beta)) / (1 + beta);
/** A cut leaves at least this share of what the path holds by itself. */
const pathShareMin = 0.85;
const pathShareMinAlone = 0.95;
/** Blocks that arrived and wait for their acknowledgement are in flight, too; on a short path they are a large part. */
const unacknowledgedBytes = 3_000;
/** Growth in a round trip without any queue: what the probe of the pacing cycle takes, spread over the cycle. */
const freeGrowth = 1.03;
/** The bound runs ahead of what is in flight by no more than this. */
const unusedGrowthMax = 2;
/** A brimful queue cuts the bound only when that has come back to this share of its last peak: no faster than CUBIC's own saw. */
const regrownShare = 0.95;
/** Weight of a round in the share lost without a queue, at least. */
const baseLossWeightMin = 0.1;
/** How far above the expected a loss must be to count, in standard deviations. */
const lossDeviations = 3;
/** Lost blocks, and their share of a round, that mean overflow whatever the queue seems to be. */
const massLossBlocks = 8;
const massLossShare = 0.15;

interface Tally {
  delivered: number;
  lost: number;
}

export class CongestionGuard {
  /** Bytes in flight that are allowed; Infinity until a queue has spoken. */
  boundBytes = Number.POSITIVE_INFINITY;
  /** Others use the line, too. */
  contested = false;
  readonly #queue = new QueueWatch();
  #peakBytes = 0;
  #cutBytes = 0;
  #cutAt: Instant = 0;
  /** Losses of the round after a cut were on their way before it. */
  #settling = false;
  #baseLoss = 0;
  #baseLossRounds = 0;
  /** Of the round that runs: with a full queue, without one, and in all. */
  #full: Tally = { delivered: 0, lost: 0 };
  #free: Tally = { delivered: 0, lost: 0 };
  #round: Tally = { delivered: 0, lost: 0 };
  #sawQueue = false;
  #highestInFlight = 0;
  #minRttMs = 0;

  onRtt(now: Instant, rttMs: number, minRttMs: number): void {
    this.#minRttMs = minRttMs;
    this.#queue.onRtt(now, rttMs - minRttMs, minRttMs);
  }

  /** @param bytesInFlight before the acknowledgement that showed this */
  onAck(deliveredBytes: number, lostBytes: number, bytesInFlight: number): void {
    this.#highestInFlight = Math.max(this.#highestInFlight, bytesInFlight);
    if (!this.#queue.isFree) this.#sawQueue = true;
    count(this.#round, deliveredBytes, lostBytes);
    if (this.#queue.isFull) count(this.#full, deliveredBytes, lostBytes);
    else if (this.#queue.isFree) count(this.#free, deliveredBytes, lostBytes);
  }

  /**
   * Judges a round trip that has passed.
   * @param bytesPerMs delivery rate
   * @returns whether the queue overflowed, and whether it was there throughout
   */
  onRound(now: Instant, bytesPerMs: number, startup: boolean): { readonly overflowed: boolean; readonly standing: boolean } {
    const massLoss = this.#isMassLoss();
    if (massLoss) this.#queue.learnFull(now);
    const { highestMs, standing, brimful } = this.#queue.onRound(bytesPerMs);
    this.contested = !startup && this.#queue.isContested;
    if (this.contested && this.boundBytes === Number.POSITIVE_INFINITY) this.#begin(now);
    const overflowed = !this.#settling && (massLoss || (!startup && this.#lostInFullQueue()));
    const givesWay = !this.#settling && this.contested && brimful && this.boundBytes >= regrownShare * this.#peakBytes;
    this.#settling = overflowed || givesWay;
    if (this.#settling) this.#cut(now, bytesPerMs, highestMs);
    else this.#grow(now);
    this.#learnBaseLoss();
    this.#full = { delivered: 0, lost: 0 };
    this.#free = { delivered: 0, lost: 0 };
    this.#round = { delivered: 0, lost: 0 };
    this.#sawQueue = false;
    this.#highestInFlight = 0;
    return { overflowed, standing };
  }

  #lostInFullQueue(): boolean {
    const lost = this.#full.lost / segmentBytes;
    const expected = (this.#baseLoss * (this.#full.delivered + this.#full.lost)) / segmentBytes;
    return lost > expected + lossDeviations * Math.sqrt(expected);
  }

  #isMassLoss(): boolean {
    const { delivered, lost } = this.#round;
    return lost >= massLossBlocks * segmentBytes && lost > (massLossShare + this.#baseLoss) * (delivered + lost);
  }

  #learnBaseLoss(): void {
    const { delivered, lost } = this.#free;
    if (delivered + lost === 0) return;
    const weight = Math.max(baseLossWeightMin, 1 / ++this.#baseLossRounds);
    this.#baseLoss += weight * (lost / (delivered + lost) - this.#baseLoss);
  }

  #begin(now: Instant): void {
    this.#peakBytes = this.#highestInFlight;
    this.#cutBytes = this.#highestInFlight;
    this.#cutAt = now;
    this.boundBytes = this.#highestInFlight;
  }

  #cut(now: Instant, bytesPerMs: number, highestQueueMs: number): void {
    const pathBytes = bytesPerMs * this.#minRttMs;
    const pipeBytes = bytesPerMs * (this.#minRttMs + Math.max(this.#queue.recentMs, highestQueueMs));
    const least = this.contested ? pathBytes * pathShareMin : pathBytes * pathShareMinAlone + unacknowledgedBytes;
    this.#peakBytes = Math.min(pipeBytes, this.boundBytes);
    this.#cutBytes = Math.max(this.#peakBytes * beta, least);
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
    const grown = Math.max(free, Math.max(cubic, reno) * segmentBytes);
    this.boundBytes = Math.max(this.boundBytes, Math.min(grown, unusedGrowthMax * this.#highestInFlight));
  }
}

function count(tally: Tally, delivered: number, lost: number): void {
  tally.delivered += delivered;
  tally.lost += lost;
}
