import { type Endpoint, endpointText } from "../../../base/endpoint.js";
import type { Instant } from "../../../base/time.js";
import { TimerTable } from "../../../base/timer-table.js";
import type { LinkIdentity } from "../link/secure-link.js";

interface Link {
  readonly peer: Endpoint;
  readonly identity: LinkIdentity;
}

/** The DTLS links of an AC, each with who its peer proved to be, and how long those without a session may wait to join. */
export class LinkTable {
  readonly #waitJoinMs: number;
  readonly #links = new Map<string, Link>();
  readonly #waiting = new TimerTable<string>();

  constructor(waitJoinMs: number) {
    this.#waitJoinMs = waitJoinMs;
  }

  nextWakeAt(): Instant | undefined {
    return this.#waiting.nextAt();
  }

  up(now: Instant, peer: Endpoint, identity: LinkIdentity): void {
    const key = endpointText(peer);
    this.#links.set(key, { peer, identity });
    this.#waiting.set(key, now + this.#waitJoinMs);
  }

  identityOf(peer: Endpoint): LinkIdentity | undefined {
    return this.#links.get(endpointText(peer))?.identity;
  }

  /** Its peer has a session, which ends it from now on. */
  joined(peer: Endpoint): void {
    this.#waiting.clear(endpointText(peer));
  }

  /** @returns whether there was a link */
  down(peer: Endpoint): boolean {
    const key = endpointText(peer);
    this.#waiting.clear(key);
    return this.#links.delete(key);
  }

  /** Takes a link whose peer did not join in time (WaitJoin, RFC 5415 §4.7.15), if there is one. */
  takeOverdue(now: Instant): Endpoint | undefined {
    const key = this.#waiting.takeDue(now);
    const link = key === undefined ? undefined : this.#links.get(key);
    if (key !== undefined) this.#links.delete(key);
    return link?.peer;
  }
}
