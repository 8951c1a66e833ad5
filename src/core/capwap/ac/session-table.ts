import { type Endpoint, endpointText } from "../../../base/endpoint.js";
import type { MacAddress } from "../../../base/mac-address.js";
import type { Instant } from "../../../base/time.js";
import { TimerTable } from "../../../base/timer-table.js";
import type { CapwapSessionId, WtpIdentity } from "./ac-contract.js";
import type { AcSession } from "./ac-session.js";

const capwapSessionId = ({ join }: WtpIdentity): string => join.sessionId.join(".");

/** The sessions of an AC, found by what names them, and when each wants to be woken. */
export class SessionTable<Tag> {
  readonly #sessions = new Map<CapwapSessionId, AcSession<Tag>>();
  readonly #byPeer = new Map<string, AcSession<Tag>>();
  readonly #byMac = new Map<MacAddress, AcSession<Tag>>();
  readonly #byCapwapId = new Map<string, AcSession<Tag>>();
  readonly #timers = new TimerTable<AcSession<Tag>>();

  get size(): number {
    return this.#sessions.size;
  }

  nextWakeAt(): Instant | undefined {
    return this.#timers.nextAt();
  }

  /** Takes the session whose deadline came first, if it has come; `update` is due once it was woken. */
  takeDue(now: Instant): AcSession<Tag> | undefined {
    return this.#timers.takeDue(now);
  }

  get(id: CapwapSessionId): AcSession<Tag> | undefined {
    return this.#sessions.get(id);
  }

  ofPeer(peer: Endpoint): AcSession<Tag> | undefined {
    return this.#byPeer.get(endpointText(peer));
  }

  ofMac(mac: MacAddress): AcSession<Tag> | undefined {
    return this.#byMac.get(mac);
  }

  /** By the Session ID that the WTP chose. */
  ofCapwapIdOf(wtp: WtpIdentity): AcSession<Tag> | undefined {
    return this.#byCapwapId.get(capwapSessionId(wtp));
  }

  add(session: AcSession<Tag>): void {
    this.#sessions.set(session.id, session);
    this.#byPeer.set(endpointText(session.wtp.peer), session);
    this.#byMac.set(session.wtp.mac, session);
    this.#byCapwapId.set(capwapSessionId(session.wtp), session);
  }

  /** Due after every call on a session: files its next deadline, or forgets it when it has ended. */
  update(session: AcSession<Tag>): void {
    if (session.state === "ended") {
      this.#forget(session);
      return;
    }
    const wakeAt = session.nextWakeAt();
    if (wakeAt === undefined) this.#timers.clear(session);
    else if (wakeAt !== this.#timers.at(session)) this.#timers.set(session, wakeAt);
  }

  #forget(session: AcSession<Tag>): void {
    this.#timers.clear(session);
    this.#sessions.delete(session.id);
    forget(this.#byPeer, endpointText(session.wtp.peer), session);
    forget(this.#byMac, session.wtp.mac, session);
    forget(this.#byCapwapId, capwapSessionId(session.wtp), session);
  }
}

/** A key that another session has taken over meanwhile stays. */
function forget<Key, Session>(map: Map<Key, Session>, key: Key, session: Session): void {
  if (map.get(key) === session) map.delete(key);
}
