import type { Instant } from "../../base/time.js";

/** Before the first sample: RFC 6298 §2.1. */
const FIRST_TIMEOUT_MS = 1000;

/**
 * Some peers (atftp, atftpd) answer no repetition, and each one that they hear puts off their own: they must hear nothing for longer
 * than their 5 s. So after so many time-outs in a row comes one silence.
 */
const REPETITIONS_MAX = 9;
const SILENCE_MS = 6000;

/**
 * Retransmission time-out from measured round trips (RFC 6298 §2) with exponential back-off. A negotiated timeout option
 * is a floor that no measurement goes below.
 */
export class RoundTrip {
  readonly #floorMs: number;
  readonly #ceilingMs: number;
  #smoothedMs: number | undefined;
  #variationMs = 0;
  /** In a row. */
  #expirations = 0;
  #firstMs: number;

  /** @param options `floorMs`: no time-out is shorter; `ceilingMs`: back-off makes none longer than this */
  constructor({ floorMs, ceilingMs, firstMs = FIRST_TIMEOUT_MS }: { floorMs: number; ceilingMs: number; firstMs?: number }) {
    this.#floorMs = floorMs;
    this.#ceilingMs = ceilingMs;
    this.#firstMs = firstMs;
  }

  /** The estimate of one round trip; 0 while there is none. */
  get smoothedMs(): number {
    return this.#smoothedMs ?? 0;
  }

  /** @param elapsedMs a round trip of something that was sent once (Karn's rule is the caller's) */
  sample(elapsedMs: number): void {
    const smoothed = this.#smoothedMs;
    if (smoothed === undefined) {
      this.#smoothedMs = elapsedMs;
      this.#variationMs = elapsedMs / 2;
    } else {
      this.#variationMs += (Math.abs(smoothed - elapsedMs) - this.#variationMs) / 4;
      this.#smoothedMs = smoothed + (elapsedMs - smoothed) / 8;
    }
  }

  /** Something new arrived: the path works again. */
  progress(): void {
    this.#expirations = 0;
  }

  /** A time-out passed: the next one is twice as long, up to the ceiling. */
  expired(): void {
    this.#expirations++;
  }

  deadline(now: Instant): Instant {
    const estimate = this.#smoothedMs === undefined ? this.#firstMs : this.#smoothedMs + 4 * this.#variationMs;
    const timeoutMs = Math.max(estimate, this.#floorMs);
    if (this.#expirations % (REPETITIONS_MAX + 1) === REPETITIONS_MAX) return now + Math.max(SILENCE_MS, 2 * timeoutMs);
    return now + Math.min(timeoutMs * 2 ** this.#expirations, Math.max(timeoutMs, this.#ceilingMs));
  }
}
