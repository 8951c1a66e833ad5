/** The admitted sessions: who holds which slot, and who may have to give one up. */
import { type Endpoint, endpointText } from "../../../base/endpoint.js";
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
   * The session that makes room for a peer at `address`. Only one that no ACK has proven does: to anybody after as long as a peer may take to
   * repeat its request, and sooner if its address has several slots and the new one's has none.
   */
  yielding(now: Instant, address: string): Admission | undefined {
    const admissions = [...this.#admissions.values()];
    const isSilentFor = ({ at, progress }: Admission, ms: number): boolean => !progress.isProven && now - at >= ms;
    const silent = admissions.find((admission) => isSilentFor(admission, GIVEN_UP_MS));
    const held = (other: string): number => admissions.filter(({ plan }) => plan.peer.address === other).length;
    if (silent !== undefined || held(address) > 0) return silent;
    return admissions.reverse().find((admission) => isSilentFor(admission, SILENT_MS_MIN) && held(admission.plan.peer.address) > 1);
  }
}

const peerKey = (peer: Endpoint, local: string): string => `${endpointText(peer)} ${local}`;
