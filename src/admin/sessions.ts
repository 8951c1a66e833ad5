import { randomBytes } from "node:crypto";
import type { Instant } from "../base/time.js";

export interface Session {
  readonly id: string;
  readonly name: string;
  /** Must come with every request that changes something: another site's page can send the cookie, but not know this. */
  readonly csrfToken: string;
}

const idleMsMax = 60 * 60_000;
const ageMsMax = 12 * 60 * 60_000;
/** The one unused longest ends first. */
const sessionsMax = 1000;

/** Logins of browsers. They end with the process. */
export class Sessions {
  readonly #now: () => Instant;
  readonly #sessions = new Map<string, Session & { readonly since: Instant; seen: Instant }>();

  constructor(now: () => Instant) {
    this.#now = now;
  }

  open(name: string): Session {
    const session = { id: random(), name, csrfToken: random(), since: this.#now(), seen: this.#now() };
    this.#sessions.set(session.id, session);
    const oldest = this.#sessions.keys().next();
    if (this.#sessions.size > sessionsMax && !oldest.done) this.#sessions.delete(oldest.value);
    return session;
  }

  /** The session of a cookie, undefined when it has ended. */
  find(id: string): Session | undefined {
    const session = this.#sessions.get(id);
    if (session === undefined) return undefined;
    const now = this.#now();
    this.#sessions.delete(id);
    if (now - session.seen > idleMsMax || now - session.since > ageMsMax) return undefined;
    session.seen = now;
    this.#sessions.set(id, session);
    return session;
  }

  close(id: string): void {
    this.#sessions.delete(id);
  }

  /** Ends every session of a user: the password changed, or the user is gone. */
  closeAll(name: string): void {
    for (const [id, session] of this.#sessions) if (session.name === name) this.#sessions.delete(id);
  }
}

const random = (): string => randomBytes(24).toString("base64url");
