import type { Instant } from "../../../base/time.js";
import { Rate } from "../rate.js";

/** Addresses whose request rate is remembered; the one seen first is forgotten first. */
const REMEMBERED_ADDRESSES_MAX = 1024;

/** How many requests each address may make. */
export class RequestRates {
  readonly #perSecondMax: number;
  readonly #rates = new Map<string, Rate>();

  constructor(perSecondMax: number) {
    this.#perSecondMax = perSecondMax;
  }

  /** Counts one request of `address`; false where it made too many. */
  admits(now: Instant, address: string): boolean {
    const rate = this.#rates.get(address) ?? this.#remember(address);
    if (rate.available(now) < 1) return false;
    rate.take(1);
    return true;
  }

  #remember(address: string): Rate {
    if (this.#rates.size >= REMEMBERED_ADDRESSES_MAX) {
      const [oldest] = this.#rates.keys();
      if (oldest !== undefined) this.#rates.delete(oldest);
    }
    const rate = new Rate(this.#perSecondMax, 2 * this.#perSecondMax);
    this.#rates.set(address, rate);
    return rate;
  }
}
