/**
 * The controller's CAPWAP side: answers Discovery without keeping anything of it, begins a session for each WTP that joins,
 * and takes every other message to its session. One timer table wakes all sessions.
 */
import { type Endpoint, endpointText } from "../../../base/endpoint.js";
import type { MacAddress } from "../../../base/mac-address.js";
import type { Instant } from "../../../base/time.js";
import { TimerTable } from "../../../base/timer-table.js";
import type { FailureResponse, Message } from "../../../wire/capwap/messages.js";
import { isRequest, messages } from "../../../wire/capwap/messages.js";
import { isSuccess, resultCodes } from "../../../wire/capwap/result-code.js";
import type {
  AccessControllerPort,
  AcOutput,
  AcPolicy,
  AcRequest,
  AcSettings,
  CapwapSessionId,
  Datagram,
  DropReason,
  ImageAnswer,
  JoinVerdict,
  WtpIdentity,
} from "../contract.js";
import { DatagramMaker } from "../link/datagram-maker.js";
import { Intake } from "../link/intake.js";
import { failureResponse, problemAnswer, problemDetail, problemReason } from "../link/problem-answer.js";
import { RateLimit } from "../link/rate-limit.js";
import { discoveryResponseElements, identityOf, joinResponseElements } from "./ac-messages.js";
import { AcSession } from "./ac-session.js";

/** Answers to peers without a session in one second; the rest is dropped. */
const strangerAnswersPerSecond = 500;

export class AccessController<Tag> implements AccessControllerPort<Tag> {
  readonly #settings: AcSettings;
  readonly #policy: AcPolicy;
  readonly #intake: Intake;
  readonly #sessions = new Map<CapwapSessionId, AcSession<Tag>>();
  readonly #byPeer = new Map<string, AcSession<Tag>>();
  readonly #byMac = new Map<MacAddress, AcSession<Tag>>();
  readonly #bySessionId = new Map<string, AcSession<Tag>>();
  readonly #timers = new TimerTable<CapwapSessionId>();
  readonly #strangers = new RateLimit(strangerAnswersPerSecond);
  #lastId: CapwapSessionId = 0;

  constructor(settings: AcSettings, policy: AcPolicy) {
    this.#settings = settings;
    this.#policy = policy;
    this.#intake = new Intake(settings.linkMode);
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  nextWakeAt(): Instant | undefined {
    return this.#timers.nextAt();
  }

  wake(now: Instant, out: AcOutput<Tag>[]): void {
    for (let id = this.#timers.takeDue(now); id !== undefined; id = this.#timers.takeDue(now)) {
      this.#with(id, (session) => session.wake(now, out));
    }
  }

  datagram(now: Instant, datagram: Datagram, out: AcOutput<Tag>[]): void {
    const { from } = datagram;
    const taken = this.#intake.take(now, datagram);
    if (taken.type === "partial") return;
    if (taken.type === "dropped") {
      drop(taken.reason, from, taken.detail, out);
      return;
    }
    const session = this.#byPeer.get(endpointText(from));
    if (taken.type === "problem") {
      drop(problemReason(taken.problem), from, problemDetail(taken.problem), out);
      if (session !== undefined) out.push(...(problemAnswer(taken.problem, session.maker) ?? []));
      return;
    }
    const { message } = taken;
    if (message.type === "discoveryRequest" || message.type === "primaryDiscoveryRequest") this.#discovery(now, datagram, message, out);
    else if (message.type === "joinRequest") this.#join(now, from, message, out);
    else if (session === undefined) this.#stranger(now, datagram, message, out);
    else this.#with(session.id, () => session.message(now, message, out));
  }

  linkDown(_now: Instant, peer: Endpoint, out: AcOutput<Tag>[]): void {
    const session = this.#byPeer.get(endpointText(peer));
    if (session !== undefined) this.#with(session.id, () => session.close("link-down", out));
  }

  request(now: Instant, id: CapwapSessionId, request: AcRequest, tag: Tag, out: AcOutput<Tag>[]): void {
    this.#with(id, (session) => session.request(now, request, tag, out));
  }

  answerImage(now: Instant, id: CapwapSessionId, answer: ImageAnswer, out: AcOutput<Tag>[]): void {
    this.#with(id, (session) => session.answerImage(now, answer, out));
  }

  abortTransfer(now: Instant, id: CapwapSessionId, out: AcOutput<Tag>[]): void {
    this.#with(id, (session) => session.abortTransfer(now, out));
  }

  close(_now: Instant, id: CapwapSessionId, out: AcOutput<Tag>[]): void {
    this.#with(id, (session) => session.close("closed", out));
  }

  /** Lets a session work, then files its next deadline, or forgets it when it has ended. */
  #with(id: CapwapSessionId, work: (session: AcSession<Tag>) => void): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    work(session);
    if (session.state === "ended") {
      this.#forget(session);
      return;
    }
    const wakeAt = session.nextWakeAt();
    if (wakeAt === undefined) this.#timers.clear(id);
    else if (wakeAt !== this.#timers.at(id)) this.#timers.set(id, wakeAt);
  }

  #forget(session: AcSession<Tag>): void {
    this.#timers.clear(session.id);
    this.#sessions.delete(session.id);
    forget(this.#byPeer, endpointText(session.wtp.peer), session);
    forget(this.#byMac, session.wtp.mac, session);
    forget(this.#bySessionId, sessionIdText(session.wtp), session);
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
    const before = this.#byPeer.get(endpointText(from));
    const wtp = identityOf(from, elements);
    const isOfSession = before !== undefined && wtp !== undefined && sessionIdText(before.wtp) === sessionIdText(wtp);
    if (isOfSession && before.repeatJoin(sequence, out)) return;
    const verdict = wtp === undefined ? { resultCode: resultCodes.joinIncorrectData } : this.#verdict(wtp);
    if (wtp === undefined || !isSuccess(verdict.resultCode)) {
      if (!this.#strangers.admits(now)) {
        drop("rate-limit", from, "joinRequest", out);
        return;
      }
      out.push(...new DatagramMaker(from, this.#settings.linkMode).message(failureResponse("joinRequest", sequence, verdict.resultCode)));
      return;
    }
    for (const replaced of new Set([before, this.#byMac.get(wtp.mac)])) {
      if (replaced !== undefined) this.#with(replaced.id, () => replaced.close("replaced", out));
    }
    const session = new AcSession<Tag>({ id: ++this.#lastId, wtp, settings: this.#settings, policy: this.#policy });
    this.#sessions.set(session.id, session);
    this.#byPeer.set(endpointText(from), session);
    this.#byMac.set(wtp.mac, session);
    this.#bySessionId.set(sessionIdText(wtp), session);
    const resultCode = wtp.nat ? resultCodes.successNat : resultCodes.success;
    const response = joinResponseElements(this.#settings, this.#sessions.size, wtp, resultCode, verdict);
    this.#with(session.id, () => session.join(now, sequence, response, out));
  }

  #verdict(wtp: WtpIdentity): JoinVerdict {
    const holder = this.#bySessionId.get(sessionIdText(wtp));
    if (holder !== undefined && holder.wtp.mac !== wtp.mac) return { resultCode: resultCodes.joinSessionIdInUse };
    const known = this.#byMac.has(wtp.mac) || this.#byPeer.has(endpointText(wtp.peer));
    if (!known && this.#sessions.size >= this.#settings.sessionsMax) return { resultCode: resultCodes.joinResourceDepletion };
    return this.#policy.join(wtp);
  }
}

const sessionIdText = (wtp: WtpIdentity): string => wtp.join.sessionId.join(".");

/** A key that another session has taken over meanwhile stays. */
function forget<Key, Session>(map: Map<Key, Session>, key: Key, session: Session): void {
  if (map.get(key) === session) map.delete(key);
}

function drop<Tag>(reason: DropReason, from: Endpoint, detail: string, out: AcOutput<Tag>[]): void {
  out.push({ type: "dropped", reason, from, detail });
}
