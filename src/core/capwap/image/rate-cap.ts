import type { Instant } from "../../../base/time.js";

/** Unused allowance that may be spent at once: 1 % of the ten seconds over which a rate is judged. */
const burstMs = 100;

/**
 * A rate shared by several senders. Each reserves one datagram at a time, so they take turns, and none waits for more than one datagram
 * of each other.
 */
export class RateCap {
  #bytesPerMs: number;
  /** When all that was reserved has gone at the capped rate. */
  #reservedUntil: Instant = 0;

  /** @param bytesPerSecond Infinity for no cap */
  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
  }

  set bytesPerSecond(value: number) {
    this.#bytesPerMs = value / 1000;
  }

  /** @returns when `bytes` may be sent; now or later */
  reserve(now: Instant, bytes: number): Instant {
    const from = Math.max(this.#reservedUntil, now - burstMs);
    this.#reservedUntil = from + bytes / this.#bytesPerMs;
    return Math.max(now, from);
  }
}

/** Rate caps by name, so that what is only data can refer to them. */
export class RateCaps {
  readonly #caps = new Map<string, RateCap>();

  /** Senders that hold the cap follow. */
  set(name: string, bytesPerSecond: number): void {
    const cap = this.#caps.get(name);
    if (cap === undefined) this.#caps.set(name, new RateCap(bytesPerSecond));
    else cap.bytesPerSecond = bytesPerSecond;
  }

  /** A name that was never set stands for a cap that limits nothing until it is. */
  of(names: readonly string[]): readonly RateCap[] {
    return names.map((name) => {
      const cap = this.#caps.get(name) ?? new RateCap(Number.POSITIVE_INFINITY);
      this.#caps.set(name, cap);
      return cap;
    });
  }
}
