import type { Instant } from "../../base/time.js";

/** No timer is finer, and a shorter wait could vanish in the rounding of an Instant: the wake would come at once, for ever. */
const waitMsMin = 1;

/** A token bucket: `perSecond` tokens flow in, up to `burst` are kept. Starts full. */
export class Rate {
  #perSecond: number;
  #burst: number;
  #tokens: number;
  #at: Instant | undefined;

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** Tokens there at `now`. */
  available(now: Instant): number {
    if (this.#at !== undefined && now > this.#at) {
      this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) * this.#perSecond) / 1000);
    }
    this.#at = now;
    return this.#tokens;
  }

  take(tokens: number): void {
    this.#tokens -= tokens;
  }

  /** When `tokens` (at most the burst) will be there. */
  availableAt(now: Instant, tokens: number): Instant {
    const missing = Math.min(tokens, this.#burst) - this.available(now);
    return missing <= 0 ? now : now + Math.max(waitMsMin, (missing * 1000) / this.#perSecond);
  }
}
