/**
 * Which refused DTLS credentials operators hear of: one a minute for each address, and so many a minute in all. Only addresses that were
 * reported in the last minute are kept.
 */
import type { Instant } from "../../base/time.js";

const perAddressMs = 60_000;
const perMinuteMax = 60;

export class LinkRefusals {
  /** Oldest first. */
  readonly #reportedAt = new Map<string, Instant>();

  /** Whether this one is to be reported. */
  admits(now: Instant, address: string): boolean {
    for (const [reported, at] of this.#reportedAt) {
      if (now - at < perAddressMs) break;
      this.#reportedAt.delete(reported);
    }
    if (this.#reportedAt.has(address) || this.#reportedAt.size >= perMinuteMax) return false;
    this.#reportedAt.set(address, now);
    return true;
  }
}
