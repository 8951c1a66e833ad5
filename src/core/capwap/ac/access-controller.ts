/**
 * The controller's CAPWAP side: answers Discovery without keeping anything of it, begins a session for each WTP that joins,
 * and takes every other message to its session.
 */
import type { Endpoint } from "../../../base/endpoint.js";
import { earliest, type Instant } from "../../../base/time.js";
import type { FailureResponse, Message } from "../../../wire/capwap/messages.js";
import { isRequest, messages } from "../../../wire/capwap/messages.js";
import { isSuccess, resultCodes } from "../../../wire/capwap/result-code.js";
import type { Datagram, DropReason } from "../contract.js";
import { RateCaps } from "../image/rate-cap.js";
import { DatagramMaker } from "../link/datagram-maker.js";
import { Intake } from "../link/intake.js";
import { failureResponse } from "../link/problem-answer.js";
import { RateLimit } from "../link/rate-limit.js";
import type { LinkIdentity } from "../link/secure-link.js";
import type {
  AccessControllerPort,
  AcOutput,
  AcPolicy,
  AcRequest,
  AcSettings,
  CapwapSessionId,
  ImageAnswer,
  JoinVerdict,
  WtpIdentity,
} from "./ac-contract.js";
import { discoveryResponseElements, identityOf, joinResponseElements } from "./ac-messages.js";
import { AcSession } from "./ac-session.js";
import { LinkTable } from "./link-table.js";
import { SessionTable } from "./session-table.js";

/** Answers to peers without a session in one second; the rest is dropped. */
const strangerAnswersPerSecond = 500;

export class AccessController<Tag> implements AccessControllerPort<Tag> {
  readonly #settings: AcSettings;
  readonly #policy: AcPolicy;
  readonly #intake: Intake;
  readonly #sessions = new SessionTable<Tag>();
  readonly #links: LinkTable;
  readonly #rates = new RateCaps();
  readonly #strangers = new RateLimit(strangerAnswersPerSecond);
  #lastId: CapwapSessionId = 0;

  constructor(settings: AcSettings, policy: AcPolicy) {
    this.#settings = settings;
    this.#policy = policy;
    this.#intake = new Intake(settings.linkMode, (peer) => this.#sessions.ofPeer(peer)?.link.maker);
    this.#links = new LinkTable(settings.timers.waitJoinMs);
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  nextWakeAt(): Instant | undefined {
    return earliest(this.#sessions.nextWakeAt(), this.#links.nextWakeAt());
  }

  wake(now: Instant, out: AcOutput<Tag>[]): void {
    for (let session = this.#sessions.takeDue(now); session !== undefined; session = this.#sessions.takeDue(now)) {
      session.wake(now, out);
      this.#update(session, out);
    }
    for (let peer = this.#links.takeOverdue(now); peer !== undefined; peer = this.#links.takeOverdue(now)) {
      out.push({ type: "close-link", peer });
    }
  }

  datagram(now: Instant, datagram: Datagram, out: AcOutput<Tag>[]): void {
    const { from } = datagram;
    const message = this.#intake.take(now, datagram, out);
    if (message === undefined) return;
    const session = this.#sessions.ofPeer(from);
    if (message.type === "discoveryRequest" || message.type === "primaryDiscoveryRequest") this.#discovery(now, datagram, message, out);
    else if (message.type === "joinRequest") this.#join(now, from, message, out);
    else if (session === undefined) this.#stranger(now, datagram, message, out);
    else {
      session.message(now, message, out);
      this.#update(session, out);
    }
  }

  linkUp(now: Instant, peer: Endpoint, identity: LinkIdentity): void {
    this.#links.up(now, peer, identity);
  }

  linkDown(_now: Instant, peer: Endpoint, out: AcOutput<Tag>[]): void {
    this.#links.down(peer);
    const session = this.#sessions.ofPeer(peer);
    if (session !== undefined) this.#close(session, "link-down", out);
  }

  request(now: Instant, id: CapwapSessionId, request: AcRequest, tag: Tag, out: AcOutput<Tag>[]): void {
    this.#with(id, out, (session) => session.request(now, request, tag, out));
  }

  answerImage(now: Instant, id: CapwapSessionId, answer: ImageAnswer, out: AcOutput<Tag>[]): void {
    this.#with(id, out, (session) => session.answerImage(now, answer, out));
  }

  setRate(name: string, bytesPerSecond: number): void {
    this.#rates.set(name, bytesPerSecond);
  }

  abortTransfer(now: Instant, id: CapwapSessionId, out: AcOutput<Tag>[]): void {
    this.#with(id, out, (session) => session.abortTransfer(now, out));
  }

  close(_now: Instant, id: CapwapSessionId, out: AcOutput<Tag>[]): void {
    this.#with(id, out, (session) => session.close("closed", out));
  }

  #with(id: CapwapSessionId, out: AcOutput<Tag>[], work: (session: AcSession<Tag>) => void): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    work(session);
    this.#update(session, out);
  }

  /** Due after every call on a session; one that has ended takes its link along. */
  #update(session: AcSession<Tag>, out: AcOutput<Tag>[]): void {
    this.#sessions.update(session);
    const { peer } = session.wtp;
    if (session.state === "ended" && this.#links.down(peer)) out.push({ type: "close-link", peer });
  }

  #close(session: AcSession<Tag>, reason: "replaced" | "link-down", out: AcOutput<Tag>[]): void {
    session.close(reason, out);
    this.#update(session, out);
  }

  #discovery(
    now: Instant,
    { from, carriage }: Datagram,
    message: Message<"discoveryRequest" | "primaryDiscoveryRequest">,
    out: AcOutput<Tag>[],
  ): void {
    if (!this.#strangers.admits(now)) {
      drop("rate-limit", from, message.type, out);
      return;
    }
    const elements = discoveryResponseElements(this.#settings, this.#sessions.size, message.elements);
    const type = message.type === "discoveryRequest" ? "discoveryResponse" : "primaryDiscoveryResponse";
    out.push(...new DatagramMaker(from, carriage).message({ type, sequence: message.sequence, elements }));
  }

  /**
   * A peer without a session that sends what needs one: most often a WTP of before our restart. Result Code 18 lets it join
   * again at once rather than after its retransmissions.
   */
  #stranger(now: Instant, { from, carriage }: Datagram, message: Message | FailureResponse, out: AcOutput<Tag>[]): void {
    drop("unknown-peer", from, message.type, out);
    if (message.type === "failureResponse" || !isRequest(message.type) || messages[message.type].sender === "ac") return;
    if (!this.#strangers.admits(now)) {
      drop("rate-limit", from, message.type, out);
      return;
    }
    const response = failureResponse(message.type, message.sequence, resultCodes.messageUnexpected);
    out.push(...new DatagramMaker(from, carriage).message(response));
  }

  #join(now: Instant, from: Endpoint, { sequence, elements }: Message<"joinRequest">, out: AcOutput<Tag>[]): void {
    const link = this.#links.identityOf(from);
    const wtp = identityOf(from, elements, link);
    const before = this.#sessions.ofPeer(from);
    const isOfSession = before !== undefined && wtp !== undefined && this.#sessions.ofCapwapIdOf(wtp) === before;
    if (isOfSession && before.repeatJoin(sequence, out)) return;
    const verdict = wtp === undefined ? { resultCode: resultCodes.joinIncorrectData } : this.#verdict(wtp, link);
    if (wtp !== undefined && verdict.resultCode === resultCodes.joinUnknownSource) {
      drop("identity-mismatch", from, `a Join Request of ${wtp.mac} on the link of ${link?.mac}`, out);
    }
    if (wtp === undefined || !isSuccess(verdict.resultCode)) {
      if (!this.#strangers.admits(now)) {
        drop("rate-limit", from, "joinRequest", out);
        return;
      }
      out.push(...new DatagramMaker(from, this.#settings.linkMode).message(failureResponse("joinRequest", sequence, verdict.resultCode)));
      return;
    }
    for (const replaced of new Set([before, this.#sessions.ofMac(wtp.mac)])) {
      if (replaced === undefined) continue;
      replaced.close("replaced", out);
      // The new session takes over the link of a former one at the same endpoint.
      if (replaced === before) this.#sessions.update(replaced);
      else this.#update(replaced, out);
    }
    this.#policy.admit(wtp);
    this.#begin(now, wtp, sequence, verdict, out);
  }

  #begin(now: Instant, wtp: WtpIdentity, sequence: number, verdict: JoinVerdict, out: AcOutput<Tag>[]): void {
    const id = ++this.#lastId;
    const session = new AcSession<Tag>({ id, wtp, settings: this.#settings, policy: this.#policy, rates: this.#rates });
    this.#sessions.add(session);
    this.#links.joined(wtp.peer);
    const resultCode = wtp.nat ? resultCodes.successNat : resultCodes.success;
    session.join(now, sequence, joinResponseElements(this.#settings, this.#sessions.size, wtp, resultCode, verdict), out);
    this.#sessions.update(session);
  }

  #verdict(wtp: WtpIdentity, link: LinkIdentity | undefined): JoinVerdict {
    if (this.#settings.linkMode === "dtls" && link?.mac !== wtp.mac) return { resultCode: resultCodes.joinUnknownSource };
    const holder = this.#sessions.ofCapwapIdOf(wtp);
    if (holder !== undefined && holder.wtp.mac !== wtp.mac) return { resultCode: resultCodes.joinSessionIdInUse };
    const known = this.#sessions.ofMac(wtp.mac) !== undefined || this.#sessions.ofPeer(wtp.peer) !== undefined;
    if (!known && this.#sessions.size >= this.#settings.sessionsMax) return { resultCode: resultCodes.joinResourceDepletion };
    return this.#policy.admits(wtp);
  }
}

function drop<Tag>(reason: DropReason, from: Endpoint, detail: string, out: AcOutput<Tag>[]): void {
  out.push({ type: "dropped", reason, from, detail });
}
