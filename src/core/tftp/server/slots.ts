/** The admitted sessions: who holds which slot, and who may have to give one up. */
import { type Endpoint, endpointText } from "../../../base/endpoint.js";
import type { Instant } from "../../../base/time.js";
import type { SessionPlan, SessionProgress, TftpSessionId } from "./contract.js";

const SILENT_MS_MIN = 250;

export interface Admission {
  readonly plan: SessionPlan;
  /** The request that was granted, to tell its repetition from another. */
  readonly request: Uint8Array;
  readonly at: Instant;
  progress: SessionProgress;
  /** It was told to end. */
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
    const admission = { plan, request, at, progress: { bytesDone: 0, isProven: false, isAllSent: false }, isEnding: false };
    this.#admissions.set(plan.session, admission);
    this.#byPeer.set(peerKey(plan.peer, plan.local), admission);
  }

  remove(session: TftpSessionId): void {
    const admission = this.#admissions.get(session);
    if (admission === undefined) return;
    this.#admissions.delete(session);
    this.#byPeer.delete(peerKey(admission.plan.peer, admission.plan.local));
  }

  /** Whether a slot may be free in a moment: a session was told to end, or waits for nothing but its last ACK. */
  hasEnding(): boolean {
    return [...this.#admissions.values()].some(({ isEnding, progress }) => isEnding || (progress.isAllSent && progress.isProven));
  }

  /**
   * The session that makes room for a peer at `address`, which has none: the newest of an address that has several, if no ACK has come in
   * the time that a living peer takes.
   */
  yielding(now: Instant, address: string): Admission | undefined {
    const admissions = [...this.#admissions.values()];
    const held = (other: string): number => admissions.filter(({ plan }) => plan.peer.address === other).length;
    if (held(address) > 0) return undefined;
    const isSilent = ({ at, progress }: Admission): boolean => !progress.isProven && now - at >= SILENT_MS_MIN;
    return admissions.reverse().find((admission) => isSilent(admission) && held(admission.plan.peer.address) > 1);
  }
}

const peerKey = (peer: Endpoint, local: string): string => `${endpointText(peer)} ${local}`;
