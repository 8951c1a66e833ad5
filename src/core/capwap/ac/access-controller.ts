/**
 * The controller's CAPWAP side: answers Discovery without keeping anything of it, begins a session for each WTP that joins,
 * and takes every other message to its session.
 */
import { type Endpoint, sameEndpoint } from "../../../base/endpoint.js";
import { earliest, type Instant } from "../../../base/time.js";
import type { FailureResponse, Message } from "../../../wire/capwap/messages.js";
import { isRequest, messages } from "../../../wire/capwap/messages.js";
import { isSuccess, resultCodes, resultCodeText } from "../../../wire/capwap/result-code.js";
import type { Datagram, DropReason } from "../contract.js";
import { RateCaps } from "../image/rate-cap.js";
import { DatagramMaker } from "../link/datagram-maker.js";
import { Intake, type Received } from "../link/intake.js";
import { failureResponse } from "../link/problem-answer.js";
import { RateLimit } from "../link/rate-limit.js";
import type { LinkIdentity } from "../link/secure-link.js";
import type {
  AccessControllerPort,
  AcOutput,
  AcPolicy,
  AcRequest,
  AcSettings,
  CapwapSessionEnd,
  CapwapSessionId,
  ImageAnswer,
  JoinVerdict,
  WtpIdentity,
} from "./ac-contract.js";
import { discoveryResponseElements, joinResponseElements } from "./ac-messages.js";
import { AcSession } from "./ac-session.js";
import { JoinAdmission, type Seating } from "./admission.js";
import { DataChannel } from "./data-channel.js";
import { LinkTable } from "./link-table.js";
import { SessionTable } from "./session-table.js";
import { StrangerAnswers } from "./stranger-answers.js";
import { identityOf } from "./wtp-identity.js";

/**
 * Answers in one second to peers that have no session. Each kind has a budget of its own, so that strays do not keep a WTP's Discovery from
 * being answered.
 */
const discoveryAnswersPerSecond = 500;
const joinRefusalsPerSecond = 100;

export class AccessController<Tag> implements AccessControllerPort<Tag> {
  readonly #settings: AcSettings;
  readonly #policy: AcPolicy;
  readonly #intake: Intake;
  readonly #sessions = new SessionTable<Tag>();
  readonly #links: LinkTable;
  readonly #rates = new RateCaps();
  readonly #admission: JoinAdmission<Tag>;
  readonly #dataChannel: DataChannel<Tag>;
  readonly #discoveries = new RateLimit(discoveryAnswersPerSecond);
  readonly #refusals = new RateLimit(joinRefusalsPerSecond);
  readonly #strangers = new StrangerAnswers();
  #lastId: CapwapSessionId = 0;

  constructor(settings: AcSettings, policy: AcPolicy) {
    this.#settings = settings;
    this.#policy = policy;
    this.#admission = new JoinAdmission(settings, policy, this.#sessions);
    this.#dataChannel = new DataChannel(this.#sessions);
    this.#intake = new Intake(settings.linkMode, (peer) => this.#sessionOf(peer)?.link.maker);
    this.#links = new LinkTable(settings.timers.waitJoinMs);
  }

  get sessionCount(): number {
    return this.#sessions.seats + this.#sessions.candidates;
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
    const received = this.#intake.take(now, datagram, out);
    if (received === undefined) return;
    const { message } = received;
    if (message.type === "discoveryRequest" || message.type === "primaryDiscoveryRequest") this.#discovery(now, datagram, message, out);
    else if (message.type === "joinRequest") this.#join(now, from, { ...received, message }, out);
    else {
      const { seat, candidate } = this.#sessions.atPeer(from) ?? {};
      const session = candidate === undefined ? seat : this.#takesSeat(now, candidate, seat, received, out);
      if (session === "later") return;
      if (session === undefined) this.#stranger(now, datagram, message, out);
      else {
        session.message(now, received, out);
        this.#update(session, out);
      }
    }
  }

  dataDatagram(now: Instant, from: Endpoint, bytes: Uint8Array, out: AcOutput<Tag>[]): void {
    this.#dataChannel.datagram(now, from, bytes, out);
  }

  linkUp(now: Instant, peer: Endpoint, identity: LinkIdentity): void {
    this.#links.up(now, peer, identity);
  }

  linkDown(_now: Instant, peer: Endpoint, out: AcOutput<Tag>[]): void {
    this.#links.down(peer);
    const { seat, candidate } = this.#sessions.atPeer(peer) ?? {};
    if (candidate !== undefined) this.#close(candidate, "link-down", out);
    if (seat !== undefined) this.#close(seat, "link-down", out);
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

  /** Due after every call on a session. One that has ended takes its link along, unless another at the same address uses it. */
  #update(session: AcSession<Tag>, out: AcOutput<Tag>[]): void {
    this.#sessions.update(session);
    const { peer } = session.wtp;
    if (session.state === "ended" && this.#sessionOf(peer) === undefined && this.#links.down(peer)) out.push({ type: "close-link", peer });
  }

  #sessionOf(peer: Endpoint): AcSession<Tag> | undefined {
    const here = this.#sessions.atPeer(peer);
    return here?.seat ?? here?.candidate;
  }

  #close(session: AcSession<Tag>, reason: CapwapSessionEnd, out: AcOutput<Tag>[]): void {
    session.close(reason, out);
    this.#update(session, out);
  }

  #discovery(
    now: Instant,
    { from, carriage }: Datagram,
    message: Message<"discoveryRequest" | "primaryDiscoveryRequest">,
    out: AcOutput<Tag>[],
  ): void {
    if (!this.#discoveries.admits(now)) {
      drop("rate-limit", from, message.type, out);
      return;
    }
    const elements = discoveryResponseElements(this.#settings, this.#sessions.seats, message.elements);
    const type = message.type === "discoveryRequest" ? "discoveryResponse" : "primaryDiscoveryResponse";
    out.push(...new DatagramMaker(from, carriage).message({ type, sequence: message.sequence, elements }));
  }

  /** The AC does not know this session, most often since it has restarted: Result Code 18 lets the WTP join again at once. */
  #stranger(now: Instant, { from, carriage }: Datagram, message: Message | FailureResponse, out: AcOutput<Tag>[]): void {
    drop("unknown-peer", from, message.type, out);
    if (message.type === "failureResponse" || !isRequest(message.type) || messages[message.type].sender === "ac") return;
    if (!this.#strangers.admits(now, from)) {
      drop("rate-limit", from, message.type, out);
      return;
    }
    const response = failureResponse(message.type, message.sequence, resultCodes.messageUnexpected);
    out.push(...new DatagramMaker(from, carriage).message(response));
  }

  // ---- Join

  #join(now: Instant, from: Endpoint, received: JoinReceived, out: AcOutput<Tag>[]): void {
    const { message, radioMac } = received;
    const link = this.#links.identityOf(from);
    const identity = identityOf(from, message.elements, radioMac, link);
    if (!identity.ok) {
      this.#refuseJoin(now, from, message.sequence, resultCodes.joinIncorrectData, identity.failure.message, out);
      return;
    }
    const wtp = identity.value;
    const known = this.#sessions.ofCapwapIdOf(wtp);
    if (known !== undefined && sameEndpoint(known.wtp.peer, from) && known.repeatJoin(now, received, out)) return;
    if (this.#settings.linkMode === "dtls" && link?.mac !== wtp.mac) {
      drop("identity-mismatch", from, `a Join Request of ${wtp.mac} on the link of ${link?.mac}`, out);
      this.#answerRefused(now, from, message.sequence, resultCodes.joinUnknownSource, out);
      return;
    }
    const verdict = this.#admission.join(wtp);
    if (!isSuccess(verdict.resultCode)) {
      this.#refuseJoin(now, from, message.sequence, verdict.resultCode, `${wtp.mac}: ${resultCodeText(verdict.resultCode)}`, out);
      return;
    }
    for (const replaced of this.#replacedBy(wtp)) {
      replaced.close("replaced", out);
      // The new session takes over a link at the same address.
      if (sameEndpoint(replaced.wtp.peer, from)) this.#sessions.update(replaced);
      else this.#update(replaced, out);
    }
    this.#begin(now, wtp, received, verdict, out);
  }

  #refuseJoin(now: Instant, from: Endpoint, sequence: number, resultCode: number, detail: string, out: AcOutput<Tag>[]): void {
    drop("join-refused", from, detail, out);
    this.#answerRefused(now, from, sequence, resultCode, out);
  }

  #answerRefused(now: Instant, from: Endpoint, sequence: number, resultCode: number, out: AcOutput<Tag>[]): void {
    if (!this.#refusals.admits(now)) return;
    out.push(...new DatagramMaker(from, this.#settings.linkMode).message(failureResponse("joinRequest", sequence, resultCode)));
  }

  /** Sessions that end for this Join Request. One over a DTLS link is the WTP's own, whose other sessions end at once. */
  #replacedBy(wtp: WtpIdentity): Set<AcSession<Tag>> {
    const { seat, candidate } = this.#sessions.atPeer(wtp.peer) ?? {};
    const seats = wtp.link === undefined ? [] : [this.#sessions.seatOfMac(wtp.mac), seat];
    return new Set([candidate, this.#admission.surplusCandidate(), ...seats].filter((session) => session !== undefined));
  }

  #begin(now: Instant, wtp: WtpIdentity, received: JoinReceived, verdict: JoinVerdict, out: AcOutput<Tag>[]): void {
    const id = ++this.#lastId;
    const token = this.#policy.sessionToken();
    const session = new AcSession<Tag>({ id, wtp, settings: this.#settings, policy: this.#policy, rates: this.#rates, token });
    this.#sessions.addCandidate(session);
    this.#links.joined(wtp.peer);
    const resultCode = wtp.nat ? resultCodes.successNat : resultCodes.success;
    if (wtp.link !== undefined) this.#sessions.seat(session);
    session.join(now, received, joinResponseElements(this.#settings, this.#sessions.seats, wtp, resultCode, verdict, token), out);
    this.#sessions.update(session);
  }

  /**
   * The session that a message belongs to. A candidate takes its seat with what follows the Join Response: a message that only one
   * without a session would send, when the peer's address has both.
   */
  #takesSeat(
    now: Instant,
    candidate: AcSession<Tag>,
    seat: AcSession<Tag> | undefined,
    received: Received,
    out: AcOutput<Tag>[],
  ): AcSession<Tag> | "later" {
    if (seat !== undefined && !isForCandidate(received, candidate, seat)) return seat;
    candidate.prove(received);
    if (!followsJoin(received)) return candidate;
    const seating = this.#admission.seat(now, candidate, out);
    switch (seating.type) {
      case "later":
        drop("repeat-while-busy", candidate.wtp.peer, `${candidate.wtp.mac} has another session, which is being probed`, out);
        return "later";
      case "refused":
        this.#refuseSeat(candidate, received, seating, out);
        return "later";
      case "seated":
        for (const other of seating.replaces) this.#close(other, "replaced", out);
        this.#sessions.seat(candidate);
        return candidate;
    }
  }

  #refuseSeat(
    candidate: AcSession<Tag>,
    { message }: Received,
    { resultCode, detail }: Extract<Seating<Tag>, { readonly type: "refused" }>,
    out: AcOutput<Tag>[],
  ): void {
    const { peer, mac } = candidate.wtp;
    drop("join-refused", peer, `${mac}: ${detail}`, out);
    if (message.type !== "failureResponse" && isRequest(message.type)) {
      candidate.link.refuse(message.type, message.sequence, resultCode, out);
    }
    this.#close(candidate, "refused", out);
  }
}

type JoinReceived = Omit<Received, "message"> & { readonly message: Message<"joinRequest"> };

/** By its token; without one, by what only a WTP that has just joined asks for. */
function isForCandidate<Tag>(received: Received, candidate: AcSession<Tag>, seat: AcSession<Tag>): boolean {
  if (candidate.ownsToken(received)) return true;
  return !seat.ownsToken(received) && received.message.type === "configurationStatusRequest";
}

const followsJoin = ({ message: { type } }: Received): boolean => type === "configurationStatusRequest" || type === "imageDataRequest";

function drop<Tag>(reason: DropReason, from: Endpoint, detail: string, out: AcOutput<Tag>[]): void {
  out.push({ type: "dropped", reason, from, detail });
}
