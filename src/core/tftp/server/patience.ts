/** How long a peer may keep a slot. */
import type { Instant } from "../../../base/time.js";
import { idleMsFor } from "../round-trip.js";
import type { SessionPlan } from "./contract.js";

/** No time-out that a peer asks for buys more silence than this. */
const PEER_IDLE_MS_MAX = 60_000;
/** In each such span a peer gets at least so much further, or it is one that only holds the slot. */
const SPAN_MS = 60_000;
const SPAN_BYTES_MIN = 4096;

export class Patience {
  readonly #firstAckMsMax: number;
  readonly #idleMsMax: number;
  #startedAt: Instant = 0;
  #progressAt: Instant = 0;
  #span: { readonly startedAt: Instant; readonly bytesDone: number } = { startedAt: 0, bytesDone: 0 };

  constructor({ firstAckMsMax, idleMsMax, timeoutMs = 0 }: Pick<SessionPlan, "firstAckMsMax" | "idleMsMax" | "timeoutMs">) {
    this.#firstAckMsMax = Math.min(firstAckMsMax, idleMsMax);
    this.#idleMsMax = Math.max(idleMsMax, Math.min(idleMsFor(timeoutMs), PEER_IDLE_MS_MAX));
  }

  get progressAt(): Instant {
    return this.#progressAt;
  }

  start(now: Instant): void {
    this.#startedAt = now;
    this.#progressAt = now;
    this.#span = { startedAt: now, bytesDone: 0 };
  }

  progress(now: Instant): void {
    this.#progressAt = now;
  }

  /** When a peer that makes no progress is given up. */
  get idleAt(): Instant {
    return this.#progressAt + this.#idleMsMax;
  }

  /** When a peer that has acknowledged nothing is given up. */
  get firstAckDueAt(): Instant {
    return this.#startedAt + this.#firstAckMsMax;
  }

  isIdle(now: Instant, isProven: boolean): boolean {
    return isProven ? now - this.#progressAt >= this.#idleMsMax : now >= this.firstAckDueAt;
  }

  /** Whether the span that ends now brought too little. @param rate our own cap, which is not the peer's fault */
  isTooSlow(now: Instant, bytesDone: number, rateBytesPerSecond: number | undefined): boolean {
    const { startedAt, bytesDone: before } = this.#span;
    if (now - startedAt < SPAN_MS) return false;
    this.#span = { startedAt: now, bytesDone };
    const possible = ((rateBytesPerSecond ?? Number.POSITIVE_INFINITY) * SPAN_MS) / 1000;
    return bytesDone - before < Math.min(SPAN_BYTES_MIN, possible / 4);
  }
}
