/** The admitted sessions: who holds which slot, and who may have to give one up. */
import { type Endpoint, endpointText } from "../../../base/endpoint.js";
import type { IpAddress } from "../../../base/ip-address.js";
import type { Instant } from "../../../base/time.js";
import type { SessionPlan, SessionProgress, TftpSessionId } from "./contract.js";

/** A living peer on a LAN has acknowledged something by then. */
const SILENT_MS_MIN = 250;
/** A peer that lost its first answer has asked again by then; one that erases its flash after the first block may take longer. */
const GIVEN_UP_MS = 10_000;

export interface Admission {
  readonly plan: SessionPlan;
  /** The request that was granted, to tell its repetition from another. */
  readonly request: Uint8Array;
  readonly at: Instant;
  progress: SessionProgress;
  /** Its share of the server's rate. */
  rateBytesPerSecond: number | undefined;
  /** It was asked to end. */
  isEnding: boolean;
}

export class TransferSlots {
  readonly #admissions = new Map<TftpSessionId, Admission>();
  readonly #byPeer = new Map<string, Admission>();

  get(session: TftpSessionId): Admission | undefined {
    return this.#admissions.get(session);
  }

  all(): Iterable<Admission> {
    return this.#admissions.values();
  }

  ofPeer(peer: Endpoint, local: string): Admission | undefined {
    return this.#byPeer.get(peerKey(peer, local));
  }

  get size(): number {
    return this.#admissions.size;
  }

  add(at: Instant, plan: SessionPlan, request: Uint8Array): void {
    const progress = { bytesDone: 0, isProven: false, isAllSent: false };
    const admission = { plan, request, at, progress, rateBytesPerSecond: plan.rateBytesPerSecond, isEnding: false };
    this.#admissions.set(plan.session, admission);
    this.#byPeer.set(peerKey(plan.peer, plan.local), admission);
  }

  remove(session: TftpSessionId): void {
    const admission = this.#admissions.get(session);
    if (admission === undefined) return;
    this.#admissions.delete(session);
    this.#byPeer.delete(peerKey(admission.plan.peer, admission.plan.local));
  }

  /** Whether a slot may be free in a moment: a session was asked to end, or waits for nothing but its last ACK. */
  hasEnding(): boolean {
    return [...this.#admissions.values()].some(({ isEnding, progress }) => isEnding || (progress.isAllSent && progress.isProven));
  }

  /**
   * The session that makes room for a peer at `address`: one that no ACK has proven though its peer should have repeated its request; for a
   * member, one of anybody else; for an address that holds none, one of an address that holds several.
   * @param members addresses that come before any others
   */
  yielding(now: Instant, address: IpAddress, members: ReadonlySet<IpAddress>): Admission | undefined {
    // The newest has the least to lose.
    const newestFirst = [...this.#admissions.values()].reverse();
    const addressOf = ({ plan }: Admission): IpAddress => plan.peer.address;
    const isSilentFor = ({ at, progress }: Admission, ms: number): boolean => !progress.isProven && now - at >= ms;
    const giveUp = (admissions: readonly Admission[]): Admission | undefined =>
      admissions.find((admission) => isSilentFor(admission, SILENT_MS_MIN)) ?? admissions.find(({ progress }) => progress.isProven);

    const givenUp = newestFirst.find((admission) => isSilentFor(admission, GIVEN_UP_MS));
    if (givenUp !== undefined) return givenUp;
    const isMember = members.has(address);
    const own = newestFirst.filter((admission) => addressOf(admission) === address);
    // A member's other request may be forged, or of the process that it was before a restart.
    if (own.length > 0) return isMember ? own.find((admission) => isSilentFor(admission, SILENT_MS_MIN)) : undefined;
    const others = newestFirst.filter((admission) => !members.has(addressOf(admission)));
    const ofStranger = isMember ? giveUp(others) : undefined;
    if (ofStranger !== undefined) return ofStranger;
    const isOneOfSeveral = (admission: Admission): boolean =>
      newestFirst.some((other) => other !== admission && addressOf(other) === addressOf(admission));
    return giveUp((isMember ? newestFirst : others).filter(isOneOfSeveral));
  }
}

const peerKey = (peer: Endpoint, local: string): string => `${endpointText(peer)} ${local}`;
