/**
 * Limits the events for refused DTLS credentials: one a minute per address, and `perMinuteMax` in all, which also bounds the table.
 */
import type { Instant } from "../../base/time.js";

const perAddressMs = 60_000;
const perMinuteMax = 60;

export class LinkRefusals {
  /** Oldest first. */
  readonly #reportedAt = new Map<string, Instant>();

  /** Whether to report this one. */
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
