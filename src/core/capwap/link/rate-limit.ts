import type { Instant } from "../../../base/time.js";

/** Admits so many events in each second, counted from the first. */
export class RateLimit {
  readonly #perSecond: number;
  #secondAt: Instant = Number.NEGATIVE_INFINITY;
  #admitted = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  admits(now: Instant): boolean {
    if (now - this.#secondAt >= 1000) {
      this.#secondAt = now;
      this.#admitted = 0;
    }
    return ++this.#admitted <= this.#perSecond;
  }
}
