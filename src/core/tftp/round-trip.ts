import type { Instant } from "../../base/time.js";

/** Before the first sample: RFC 6298 §2.1. */
const FIRST_TIMEOUT_MS = 1000;

/**
 * Some peers (atftp, atftpd) answer no repetition, and each one that they hear puts off their own: they must hear nothing for longer
 * than their time-out. So a run of our repetitions is followed by one silence. Their time-out is 5 s unless they asked for another.
 */
const unasked = { repetitionsMax: 9, silenceMs: 6000 };
const asked = (peerTimeoutMs: number) => ({ repetitionsMax: 2, silenceMs: 2 * peerTimeoutMs });

/** How long nothing may happen between peers that agreed on this time-out: the silence, and a try after it. */
export const idleMsFor = (peerTimeoutMs: number): number => 5 * peerTimeoutMs;

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
  readonly #firstMs: number;
  readonly #patience: { readonly repetitionsMax: number; readonly silenceMs: number };

  constructor(limits: {
    /** No time-out is shorter, nor shorter than `peerTimeoutMs`. */
    readonly floorMs: number;
    /** Back-off makes none longer than this. */
    readonly ceilingMs: number;
    readonly firstMs?: number;
    /** The timeout option, where one was asked. */
    readonly peerTimeoutMs: number | undefined;
  }) {
    const { floorMs, ceilingMs, firstMs = FIRST_TIMEOUT_MS, peerTimeoutMs } = limits;
    this.#floorMs = Math.max(floorMs, peerTimeoutMs ?? 0);
    this.#ceilingMs = Math.max(ceilingMs, peerTimeoutMs ?? 0);
    this.#firstMs = firstMs;
    this.#patience = peerTimeoutMs === undefined ? unasked : asked(peerTimeoutMs);
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
    const { repetitionsMax, silenceMs } = this.#patience;
    if (this.#expirations % (repetitionsMax + 1) === repetitionsMax) return now + Math.max(silenceMs, 2 * timeoutMs);
    return now + Math.min(timeoutMs * 2 ** this.#expirations, Math.max(timeoutMs, this.#ceilingMs));
  }
}
