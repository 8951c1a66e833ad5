import { type Endpoint, endpointText } from "../../../base/endpoint.js";
import { networkOf } from "../../../base/ip-address.js";
import type { MacAddress } from "../../../base/mac-address.js";
import type { Instant } from "../../../base/time.js";
import { TimerTable } from "../../../base/timer-table.js";
import type { CapwapSessionId, WtpIdentity } from "./ac-contract.js";
import type { AcSession } from "./ac-session.js";

const capwapIdOf = ({ join }: WtpIdentity): string => join.sessionId.join(".");

/** What one host or site can have at its disposal. */
const networkBits = { ipv4: 24, ipv6: 56 } as const;

/** The sessions at one address; one of the two at least. */
export interface PeerSessions<Tag> {
  seat: AcSession<Tag> | undefined;
  candidate: AcSession<Tag> | undefined;
}

/**
 * The sessions of an AC, found by what names them, and when each wants to be woken. One that has only joined is a candidate: anybody can
 * invent it, so it is kept apart until it takes its seat.
 */
export class SessionTable<Tag> {
  readonly #sessions = new Map<CapwapSessionId, AcSession<Tag>>();
  readonly #atPeer = new Map<string, PeerSessions<Tag>>();
  readonly #seatOfMac = new Map<MacAddress, AcSession<Tag>>();
  readonly #candidatesOfNetwork = new Map<string, Set<AcSession<Tag>>>();
  /** Seats of WTPs that do not speak the session token, the oldest first. */
  readonly #unproven = new Map<string, Set<AcSession<Tag>>>();
  readonly #ofCapwapId = new Map<string, AcSession<Tag>>();
  readonly #timers = new TimerTable<AcSession<Tag>>();
  #seats = 0;
  #candidates = 0;

  /** Sessions that have a seat. */
  get seats(): number {
    return this.#seats;
  }

  get candidates(): number {
    return this.#candidates;
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

  atPeer(peer: Endpoint): Readonly<PeerSessions<Tag>> | undefined {
    return this.#atPeer.get(endpointText(peer));
  }

  seatOfMac(mac: MacAddress): AcSession<Tag> | undefined {
    return this.#seatOfMac.get(mac);
  }

  /** By the Session ID that the WTP chose. */
  ofCapwapIdOf(wtp: WtpIdentity): AcSession<Tag> | undefined {
    return this.#ofCapwapId.get(capwapIdOf(wtp));
  }

  /** @param octets a Session ID */
  seatOfCapwapId(octets: Uint8Array): AcSession<Tag> | undefined {
    const session = this.#ofCapwapId.get(octets.join("."));
    return session !== undefined && this.atPeer(session.wtp.peer)?.seat === session ? session : undefined;
  }

  addCandidate(session: AcSession<Tag>): void {
    this.#sessions.set(session.id, session);
    this.#place(session, "candidate");
    this.#ofCapwapId.set(capwapIdOf(session.wtp), session);
    addTo(this.#candidatesOfNetwork, networkOf(session.wtp.peer.address, networkBits), session);
  }

  /** A candidate takes its seat. Sessions that it replaces have been closed. */
  seat(session: AcSession<Tag>): void {
    this.#forgetCandidate(session);
    this.#place(session, "seat");
    this.#seatOfMac.set(session.wtp.mac, session);
    if (!session.isProven) addTo(this.#unproven, networkOf(session.wtp.peer.address, networkBits), session);
  }

  /** The oldest candidate of the network that has the most of them. */
  crowdedCandidate(): AcSession<Tag> | undefined {
    return oldestOfLargest(this.#candidatesOfNetwork);
  }

  /** The oldest seat without proof of the network that has the most of them. */
  crowdedSeat(): AcSession<Tag> | undefined {
    return oldestOfLargest(this.#unproven);
  }

  /** Seats without proof in the network of this peer. */
  unprovenSeatsNear({ address }: Endpoint): number {
    return this.#unproven.get(networkOf(address, networkBits))?.size ?? 0;
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
    this.#forgetCandidate(session);
    this.#remove(session, "seat");
    forget(this.#seatOfMac, session.wtp.mac, session);
    forget(this.#ofCapwapId, capwapIdOf(session.wtp), session);
    takeFrom(this.#unproven, networkOf(session.wtp.peer.address, networkBits), session);
  }

  #forgetCandidate(session: AcSession<Tag>): void {
    this.#remove(session, "candidate");
    takeFrom(this.#candidatesOfNetwork, networkOf(session.wtp.peer.address, networkBits), session);
  }

  #place(session: AcSession<Tag>, as: keyof PeerSessions<Tag>): void {
    const key = endpointText(session.wtp.peer);
    const here = this.#atPeer.get(key) ?? { seat: undefined, candidate: undefined };
    this.#count(as, here[as] === undefined ? 1 : 0);
    here[as] = session;
    this.#atPeer.set(key, here);
  }

  /** A place that another session has taken over meanwhile stays. */
  #remove(session: AcSession<Tag>, as: keyof PeerSessions<Tag>): void {
    const key = endpointText(session.wtp.peer);
    const here = this.#atPeer.get(key);
    if (here?.[as] !== session) return;
    here[as] = undefined;
    this.#count(as, -1);
    if (here.seat === undefined && here.candidate === undefined) this.#atPeer.delete(key);
  }

  #count(as: keyof PeerSessions<Tag>, change: number): void {
    if (as === "seat") this.#seats += change;
    else this.#candidates += change;
  }
}

/** A key that another session has taken over meanwhile stays. */
function forget<Key, Session>(map: Map<Key, Session>, key: Key, session: Session): void {
  if (map.get(key) === session) map.delete(key);
}

function addTo<Item>(sets: Map<string, Set<Item>>, key: string, item: Item): void {
  const set = sets.get(key) ?? new Set();
  sets.set(key, set.add(item));
}

function takeFrom<Item>(sets: Map<string, Set<Item>>, key: string, item: Item): void {
  const set = sets.get(key);
  if (set?.delete(item) && set.size === 0) sets.delete(key);
}

function oldestOfLargest<Item>(sets: ReadonlyMap<string, ReadonlySet<Item>>): Item | undefined {
  let largest: ReadonlySet<Item> | undefined;
  for (const set of sets.values()) if (set.size > (largest?.size ?? 0)) largest = set;
  const [oldest] = largest ?? [];
  return oldest;
}
