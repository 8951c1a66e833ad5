/**
 * Delivery rate as the acknowledgements show it (draft-cheng-iccrg-delivery-rate-estimation): for each block, what was
 * delivered between its sending and its acknowledgement, over the longer of the times in which that was sent and acknowledged.
 */
import type { Instant } from "../../../base/time.js";

/** What a block remembers of the moment when it was sent. */
export interface SendSnapshot {
  readonly sentAt: Instant;
  /** Bytes delivered by then, and when the last of them was. */
  readonly delivered: number;
  readonly deliveredAt: Instant;
  /** When the first block of the flight that it belongs to was sent. */
  readonly flightSentAt: Instant;
  /** The sender had less to send than the path would have taken. */
  readonly limited: boolean;
}

export interface RateSample {
  /** Bytes per millisecond; undefined when the interval is too short to say. */
  readonly bytesPerMs: number | undefined;
  readonly limited: boolean;
  /** `delivered` when the newest block of this acknowledgement was sent: counts round trips. */
  readonly priorDelivered: number;
}

export class DeliveryRate {
  delivered = 0;
  #deliveredAt: Instant = 0;
  #flightSentAt: Instant = 0;
  #limitedUntil = 0;
  #newest: SendSnapshot | undefined;

  onSend(now: Instant, bytesInFlight: number): SendSnapshot {
    if (bytesInFlight === 0) {
      this.#flightSentAt = now;
      this.#deliveredAt = now;
    }
    return {
      sentAt: now,
      delivered: this.delivered,
      deliveredAt: this.#deliveredAt,
      flightSentAt: this.#flightSentAt,
      limited: this.#limitedUntil > 0,
    };
  }

  /** The sender has nothing to send, or may not: what is in flight now says little about the path. */
  onLimited(bytesInFlight: number): void {
    this.#limitedUntil = Math.max(1, this.delivered + bytesInFlight);
  }

  /** One newly acknowledged block; call `take` after the last of an acknowledgement. */
  onDelivered(now: Instant, block: SendSnapshot, length: number): void {
    this.delivered += length;
    this.#deliveredAt = now;
    if (this.#newest !== undefined && block.sentAt <= this.#newest.sentAt) return;
    this.#newest = block;
    this.#flightSentAt = block.sentAt;
  }

  /** The sample of one acknowledgement, or undefined when it delivered nothing new. */
  take(minRttMs: number): RateSample | undefined {
    const newest = this.#newest;
    if (newest === undefined) return undefined;
    this.#newest = undefined;
    if (this.#limitedUntil > 0 && this.delivered > this.#limitedUntil) this.#limitedUntil = 0;
    const sendMs = newest.sentAt - newest.flightSentAt;
    const ackMs = this.#deliveredAt - newest.deliveredAt;
    const intervalMs = Math.max(sendMs, ackMs);
    // An interval below the lowest round-trip time means that the acknowledgements came in a burst.
    const bytesPerMs = intervalMs > 0 && intervalMs >= minRttMs * 0.99 ? (this.delivered - newest.delivered) / intervalMs : undefined;
    return { bytesPerMs, limited: newest.limited, priorDelivered: newest.delivered };
  }
}
