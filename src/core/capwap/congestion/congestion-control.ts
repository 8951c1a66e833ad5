/**
 * How fast and how much to send: a model of the path as in BBR (draft-cardwell-iccrg-bbr-congestion-control-00), from the highest
 * delivery rate and the lowest round-trip time, with a bound that full queues set (`congestion-guard.ts`).
 */
import type { Instant } from "../../../base/time.js";
import { CongestionGuard } from "./congestion-guard.js";
import type { RateSample } from "./delivery-rate.js";
import { RoundMaxFilter } from "./round-max-filter.js";

/** 2/ln 2: doubles the rate in each round trip. */
const startupGain = 2.885;
/** Doubling is all that startup needs: what is beyond would only be dropped where the queue holds one path's worth. */
const startupInFlightGain = 2;
const inFlightGain = 1.5;
/** Beside others the bound on bytes in flight rules, so the pace must not hold its growth back. */
const contestedPaceGain = 1.25;
/** One probe for more, one to drain what the probe queued, six to cruise; each for one lowest round-trip time. */
const pacingCycle = [1.25, 0.75, 1, 1, 1, 1, 1, 1] as const;
const rateMemoryRounds = 10;
const minRttMemoryMs = 10_000;
/** A sample this close above the lowest round-trip time says that it still holds. */
const minRttSlackShare = 0.05;
const minRttSlackMs = 0.5;
const probeRttMs = 200;
const probeRttGain = 0.5;
/** Startup ends when the rate has grown by less than a quarter in three rounds, or in two that had a queue throughout. */
const fullGrowth = 1.25;
const fullRounds = 3;
const fullRoundsQueued = 2;
const initialBlocks = 32;
const blocksMin = 4;
/** First guess of the round-trip time, only for the first flight's pace. */
const initialRttMs = 40;
/** An unpaced burst makes up for this much lateness of a timer. */
const paceSlackMs = 8;

export type Phase = "startup" | "drain" | "probe-rate" | "probe-rtt";

/** What one acknowledgement showed. */
export interface AckFacts {
  readonly rate: RateSample | undefined;
  /** The receiver's delay taken off. */
  readonly rttMs: number | undefined;
  readonly deliveredBytes: number;
  readonly lostBytes: number;
  /** After the acknowledgement. */
  readonly bytesInFlight: number;
  readonly deliveredTotal: number;
}

export class CongestionControl {
  #phase: Phase = "startup";
  #blockBytes: number;
  readonly #rates = new RoundMaxFilter(rateMemoryRounds);
  readonly #guard = new CongestionGuard();
  #round = 0;
  #roundEndsAtDelivered = 0;
  #minRttMs = Number.POSITIVE_INFINITY;
  #minRttAt: Instant = 0;
  #fullRate = 0;
  #fullCount = 0;
  #cycleIndex = 0;
  #cycleAt: Instant = 0;
  #probeRttEndsAt: Instant = 0;
  #probedRttMs = Number.POSITIVE_INFINITY;

  /** @param firstPhase which part of the pacing cycle comes first, so that transfers that start together do not probe together */
  constructor(blockBytes: number, firstPhase: number) {
    this.#blockBytes = blockBytes;
    this.#cycleIndex = 2 + (firstPhase % (pacingCycle.length - 2));
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Lowest round-trip time, Infinity before the first sample. */
  get minRttMs(): number {
    return this.#minRttMs;
  }

  /** Delivery rate, 0 before the first sample. */
  get bytesPerMs(): number {
    return this.#rates.value;
  }

  set blockBytes(bytes: number) {
    this.#blockBytes = bytes;
  }

  get pacingBytesPerMs(): number {
    const gain = this.#phase === "startup" ? startupGain : this.#phase === "drain" ? 1 / startupGain : this.#cycleGain();
    const rate = this.#rates.value;
    const initial = (initialBlocks * this.#blockBytes) / Math.min(this.#minRttMs, initialRttMs);
    if (rate === 0) return initial;
    return this.#phase === "startup"
      ? Math.max(gain * rate, this.#fullCount === 0 ? (initialBlocks * this.#blockBytes) / this.#minRttMs : 0)
      : gain * rate;
  }

  /** Bytes that may be in flight. */
  get inFlightMax(): number {
    const least = blocksMin * this.#blockBytes;
    if (this.#rates.value === 0) return initialBlocks * this.#blockBytes;
    const path = this.#pathBytes();
    if (this.#phase === "probe-rtt") return Math.max(least, probeRttGain * path);
    // Acknowledgements come for several blocks at a time, which the gain alone covers only on long paths.
    const wanted = (this.#phase === "startup" ? startupInFlightGain : inFlightGain) * path + 2 * least;
    const { contested, boundBytes } = this.#guard;
    return Math.max(least, contested ? boundBytes : Math.min(wanted, boundBytes));
  }

  /** How far behind its schedule the sender may be and still send the rest at once. */
  get paceSlackMs(): number {
    return paceSlackMs;
  }

  onAck(now: Instant, facts: AckFacts): void {
    if (facts.rttMs !== undefined) this.#onRtt(now, facts.rttMs);
    const { deliveredBytes, lostBytes, bytesInFlight } = facts;
    this.#guard.onAck(deliveredBytes, lostBytes, bytesInFlight + deliveredBytes + lostBytes);
    const rate = facts.rate;
    const newRound = rate !== undefined && rate.priorDelivered >= this.#roundEndsAtDelivered;
    if (newRound) {
      this.#round++;
      this.#roundEndsAtDelivered = facts.deliveredTotal;
    }
    if (rate?.bytesPerMs !== undefined && (!rate.limited || rate.bytesPerMs > this.#rates.value))
      this.#rates.add(this.#round, rate.bytesPerMs);
    if (newRound) {
      const { overflowed, standing } = this.#guard.onRound(now, this.#rates.value, this.#phase === "startup");
      if (this.#phase === "startup" && overflowed) this.#phase = "drain";
      if (this.#phase === "startup" && rate?.limited === false) this.#checkFull(standing);
    }
    this.#advance(now, facts.bytesInFlight);
  }

  /** Nothing came back for long: the path may be another one now. */
  onSilence(now: Instant): void {
    this.#minRttAt = now;
  }

  #onRtt(now: Instant, rttMs: number): void {
    if (this.#probeRttEndsAt > 0) this.#probedRttMs = Math.min(this.#probedRttMs, rttMs);
    if (rttMs <= this.#minRttMs) this.#minRttMs = rttMs;
    if (rttMs <= this.#minRttMs * (1 + minRttSlackShare) + minRttSlackMs) this.#minRttAt = now;
    this.#guard.onRtt(now, rttMs, this.#minRttMs);
  }

  #pathBytes(): number {
    return this.#minRttMs === Number.POSITIVE_INFINITY ? 0 : this.#rates.value * this.#minRttMs;
  }

  #cycleGain(): number {
    if (this.#phase !== "probe-rate") return 1;
    const gain = pacingCycle[this.#cycleIndex] as number;
    return this.#guard.contested && gain >= 1 ? contestedPaceGain : gain;
  }

  /** @param standing there was a queue throughout the round */
  #checkFull(standing: boolean): void {
    if (this.#rates.value >= this.#fullRate * fullGrowth) {
      this.#fullRate = this.#rates.value;
      this.#fullCount = 0;
    } else if (++this.#fullCount >= (standing ? fullRoundsQueued : fullRounds)) this.#phase = "drain";
  }

  #advance(now: Instant, bytesInFlight: number): void {
    const path = this.#pathBytes();
    if (this.#phase === "drain" && bytesInFlight <= path) this.#cruise(now);
    if (this.#phase === "probe-rate") this.#advanceCycle(now, bytesInFlight, path);
    if (this.#phase === "probe-rtt") {
      if (this.#probeRttEndsAt === 0 && bytesInFlight <= this.inFlightMax)
        this.#probeRttEndsAt = now + Math.max(probeRttMs, this.#minRttMs);
      if (this.#probeRttEndsAt > 0 && now >= this.#probeRttEndsAt) this.#endProbeRtt(now);
    } else if (this.#phase !== "startup" && now - this.#minRttAt > minRttMemoryMs) {
      this.#phase = "probe-rtt";
    }
  }

  #endProbeRtt(now: Instant): void {
    // What was measured with the pipe half empty counts, even if it is more than before.
    if (this.#probedRttMs < Number.POSITIVE_INFINITY) this.#minRttMs = this.#probedRttMs;
    this.#probedRttMs = Number.POSITIVE_INFINITY;
    this.#probeRttEndsAt = 0;
    this.#minRttAt = now;
    this.#cruise(now);
  }

  #cruise(now: Instant): void {
    this.#phase = "probe-rate";
    this.#cycleAt = now;
  }

  #advanceCycle(now: Instant, bytesInFlight: number, path: number): void {
    const gain = this.#cycleGain();
    const passed = now - this.#cycleAt > this.#minRttMs;
    // The probe lasts until its queue shows, the drain until it is gone.
    const over =
      gain > 1
        ? passed && (bytesInFlight >= Math.min(gain * path, this.#guard.boundBytes) || now - this.#cycleAt > 3 * this.#minRttMs)
        : passed || (gain < 1 && bytesInFlight <= path);
    if (!over) return;
    this.#cycleIndex = (this.#cycleIndex + 1) % pacingCycle.length;
    this.#cycleAt = now;
  }
}
