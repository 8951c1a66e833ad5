import { type Endpoint, endpointText } from "../../../base/endpoint.js";
import type { Instant } from "../../../base/time.js";
import { RateLimit } from "../link/rate-limit.js";

/** Answers to one peer without a session, and after what time it starts afresh. */
const answersPerPeerMax = 3;
const forgetMs = 10 * 60_000;
/** Peers that are remembered. */
const peersMax = 4_096;
/** Answers to all of them in a second. */
const answersPerSecond = 100;

/**
 * Whether to answer a peer that has no session. Most often it had one before our restart: a few answers let it join again at once. After
 * that only silence makes it give up, since some WTPs take any answer to an Echo Request as a sign of life.
 */
export class StrangerAnswers {
  /** Answers so far and when they began; the oldest first. */
  readonly #peers = new Map<string, { answers: number; readonly since: Instant }>();
  readonly #all = new RateLimit(answersPerSecond);

  admits(now: Instant, peer: Endpoint): boolean {
    const key = endpointText(peer);
    const known = this.#peers.get(key);
    if (known !== undefined && now - known.since < forgetMs) {
      if (known.answers >= answersPerPeerMax || !this.#all.admits(now)) return false;
      known.answers++;
      return true;
    }
    if (!this.#all.admits(now)) return false;
    this.#peers.delete(key);
    this.#peers.set(key, { answers: 1, since: now });
    const [oldest] = this.#peers.keys();
    if (this.#peers.size > peersMax && oldest !== undefined) this.#peers.delete(oldest);
    return true;
  }
}
