/**
 * Which candidate may take a seat (RFC 5415 §2.3.1 leaves open what becomes of a WTP's other session). A Join Request in clear proves
 * nothing, so a session that lives gives way only to a WTP that speaks the session token, or that shows itself where the other is silent.
 */
import { sameEndpoint } from "../../../base/endpoint.js";
import type { Instant } from "../../../base/time.js";
import { isSuccess, resultCodes } from "../../../wire/capwap/result-code.js";
import { retransmitWaitMs } from "../link/request-channel.js";
import type { AcOutput, AcPolicy, AcSettings, JoinVerdict, WtpIdentity } from "./ac-contract.js";
import type { AcSession } from "./ac-session.js";
import type { SessionTable } from "./session-table.js";

/** WTPs that have joined and not been heard of since. Beyond, the oldest of the most crowded network goes. */
const candidatesMax = 1_024;
/** Seats of WTPs without session token in one network. */
const unprovenPerNetworkMax = 64;

export type Seating<Tag> =
  /** `replaces` end first. */
  | { readonly type: "seated"; readonly replaces: ReadonlySet<AcSession<Tag>> }
  /** The other session is being probed; the WTP's retransmission is judged again. */
  | { readonly type: "later" }
  | { readonly type: "refused"; readonly resultCode: number; readonly detail: string };

export class JoinAdmission<Tag> {
  readonly #settings: AcSettings;
  readonly #policy: AcPolicy;
  readonly #table: SessionTable<Tag>;
  /** When the other sessions of a candidate were probed. */
  readonly #probedAt = new WeakMap<AcSession<Tag>, Instant>();

  constructor(settings: AcSettings, policy: AcPolicy, table: SessionTable<Tag>) {
    this.#settings = settings;
    this.#policy = policy;
    this.#table = table;
  }

  /** A Join Request. */
  join(wtp: WtpIdentity): JoinVerdict {
    const holder = this.#table.ofCapwapIdOf(wtp);
    if (holder !== undefined && holder.wtp.mac !== wtp.mac) return { resultCode: resultCodes.joinSessionIdInUse };
    const verdict = this.#policy.admits(wtp);
    if (!isSuccess(verdict.resultCode) || this.#hasRoomFor(wtp, verdict)) return verdict;
    return { resultCode: resultCodes.joinResourceDepletion };
  }

  /** A candidate that has to go for the next one, if there are too many. */
  surplusCandidate(): AcSession<Tag> | undefined {
    return this.#table.candidates >= candidatesMax ? this.#table.crowdedCandidate() : undefined;
  }

  /** A candidate shows itself after the Join Response. */
  seat(now: Instant, candidate: AcSession<Tag>, out: AcOutput<Tag>[]): Seating<Tag> {
    const { mac, peer } = candidate.wtp;
    const others = new Set([this.#table.seatOfMac(mac), this.#table.atPeer(peer)?.seat].filter((other) => other !== undefined));
    let awaitsAnswer = false;
    for (const other of others) {
      if (other.isProven && !candidate.isProven) return refused("a WTP without session token would replace one that has it");
      const isItself = candidate.isProven && sameEndpoint(other.wtp.peer, peer);
      if (!other.isEstablished || isItself) continue;
      const probedAt = this.#probedAt.get(candidate);
      if (probedAt === undefined) other.probe(now, out);
      else if (other.heardAt > probedAt) return refused(`the session of ${mac} lives at another address`);
      if (probedAt === undefined || now < probedAt + this.#probeMs()) awaitsAnswer = true;
    }
    if (awaitsAnswer) {
      if (!this.#probedAt.has(candidate)) this.#probedAt.set(candidate, now);
      return { type: "later" };
    }
    return this.#place(candidate, others);
  }

  #place(candidate: AcSession<Tag>, others: ReadonlySet<AcSession<Tag>>): Seating<Tag> {
    const { wtp } = candidate;
    if (others.size > 0) return { type: "seated", replaces: others };
    if (!candidate.isProven && this.#table.unprovenSeatsNear(wtp.peer) >= unprovenPerNetworkMax) {
      return refused("too many WTPs without session token in its network", resultCodes.joinResourceDepletion);
    }
    if (this.#table.seats < this.#settings.sessionsMax) return { type: "seated", replaces: others };
    const verdict = this.#policy.admits(wtp);
    const giving = candidate.isProven || verdict.isMember === true ? this.#table.crowdedSeat() : undefined;
    return giving === undefined
      ? refused("all places are taken", resultCodes.joinResourceDepletion)
      : { type: "seated", replaces: new Set([giving]) };
  }

  /** Nothing is known of a candidate yet, so that one place without proof is room for any. */
  #hasRoomFor(wtp: WtpIdentity, { isMember = false }: JoinVerdict): boolean {
    if (this.#table.seatOfMac(wtp.mac) !== undefined || this.#table.atPeer(wtp.peer)?.seat !== undefined) return true;
    return this.#table.seats < this.#settings.sessionsMax || isMember || this.#table.crowdedSeat() !== undefined;
  }

  /** A request and one retransmission have gone unanswered. */
  #probeMs(): number {
    return retransmitWaitMs(this.#settings.timers, 0) + retransmitWaitMs(this.#settings.timers, 1);
  }
}

const refused = (detail: string, resultCode: number = resultCodes.joinUnspecified): Seating<never> => ({
  type: "refused",
  resultCode,
  detail,
});
