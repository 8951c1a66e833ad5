/**
 * The AC's session with one WTP, from the Join Response on (RFC 5415 §2.3.1). There is no data channel, so the state Data Check is
 * left out: Change State Event Request leads to Run (docs/capwap.md).
 */
import { earliest, type Instant } from "../../../base/time.js";
import { TimerTable } from "../../../base/timer-table.js";
import { type ElementsOf, isRequest, type Message, messages, type RequestName, type ResponseName } from "../../../wire/capwap/messages.js";
import { isSuccess, resultCodes } from "../../../wire/capwap/result-code.js";
import type { DropReason } from "../contract.js";
import type { RateCaps } from "../image/rate-cap.js";
import type { Received } from "../link/intake.js";
import { dropReasonOf, giveUpAfterMs, type RequestArrival } from "../link/request-channel.js";
import type {
  AcOutput,
  AcPolicy,
  AcRequest,
  AcSettings,
  CapwapSessionEnd,
  CapwapSessionId,
  ImageAnswer,
  TransferOutcome,
  WtpIdentity,
} from "./ac-contract.js";
import { AcLink, type RequestTicket } from "./ac-link.js";
import { configurationStatusElements, echoIntervalMsOf } from "./ac-messages.js";
import { type AcState, isAccepted, isSpokenByAc } from "./ac-states.js";
import { ImageDelivery } from "./image-delivery.js";
import { PathBudget } from "./path-budget.js";

type Deadline = "wait-join" | "change-state-pending" | "echo";

export interface AcSessionOptions {
  readonly id: CapwapSessionId;
  readonly wtp: WtpIdentity;
  readonly settings: AcSettings;
  readonly policy: AcPolicy;
  readonly rates: RateCaps;
  /** Of the Join Response. */
  readonly token: Uint8Array;
}

export class AcSession<Tag> {
  readonly id: CapwapSessionId;
  readonly wtp: WtpIdentity;
  readonly link: AcLink<Tag>;
  readonly #settings: AcSettings;
  readonly #policy: AcPolicy;
  readonly #timers = new TimerTable<Deadline>();
  readonly #delivery: ImageDelivery;
  readonly #token: Uint8Array;
  readonly #path = new PathBudget();
  #state: AcState = "join";
  #speaksToken = false;
  #heardAt: Instant = Number.NEGATIVE_INFINITY;

  constructor({ id, wtp, settings, policy, rates, token }: AcSessionOptions) {
    this.id = id;
    this.#token = token;
    if (wtp.link !== undefined) this.#path.prove();
    this.wtp = wtp;
    this.#settings = settings;
    this.#policy = policy;
    this.link = new AcLink(wtp.peer, settings.linkMode, settings.timers, this.#path);
    this.#delivery = new ImageDelivery({ session: id, wtp, settings, rates });
  }

  /** The WTP has shown that it received our Join Response, or has a DTLS link. */
  get isProven(): boolean {
    return this.#speaksToken || this.wtp.link !== undefined;
  }

  /** It has come to Run or downloads: only after a probe, or by the WTP itself, does it give way to another session. */
  get isEstablished(): boolean {
    return this.#state === "run" || this.#state === "image-data";
  }

  /** When the WTP's last message came. */
  get heardAt(): Instant {
    return this.#heardAt;
  }

  get state(): AcState {
    return this.#state;
  }

  nextWakeAt(): Instant | undefined {
    return earliest(this.#timers.nextAt(), this.link.nextWakeAt(), this.#delivery.nextWakeAt());
  }

  wake(now: Instant, out: AcOutput<Tag>[]): void {
    const due = this.#timers.takeDue(now);
    if (due !== undefined) {
      this.close(due === "echo" ? "echo-timeout" : "state-timeout", out);
      return;
    }
    const retried = this.link.retry(now, out);
    if (retried === "exhausted") {
      this.#unanswered(this.link.abandonOutstanding(), "timeout", out);
      this.close("no-response", out);
      return;
    }
    if (retried === "block-resent") this.#delivery.transfer?.blockResent(now);
    this.#delivery.wake(now, out);
    this.#sendNext(now, out);
  }

  // ---- the controller

  /** Answers the Join Request that began the session; called once. */
  join(now: Instant, { octets, message: { sequence } }: Received, elements: ElementsOf<"joinResponse">, out: AcOutput<Tag>[]): void {
    this.#path.received(octets.length);
    this.link.admit(now, "joinRequest", sequence, octets, out);
    out.push({ type: "joined", session: this.id, wtp: this.wtp });
    this.link.reply({ type: "joinResponse", sequence, elements }, out);
    this.#timers.set("wait-join", now + this.#settings.timers.waitJoinMs);
  }

  /** A Join Request under this session's ID; a repeat gets its answer again. @returns false for a new one, which begins another session */
  repeatJoin(now: Instant, { octets, message: { sequence } }: Received, out: AcOutput<Tag>[]): boolean {
    const arrival = this.link.admit(now, "joinRequest", sequence, octets, out);
    if (arrival === "new") return false;
    this.#dropRequest(arrival, "joinRequest", out);
    return true;
  }

  /** A message carries the token of our Join Response. */
  ownsToken({ message }: Received): boolean {
    const { sessionToken } = message.elements as Partial<ElementsOf<"echoRequest">>;
    return sessionToken?.every((octet, index) => octet === this.#token[index]) === true;
  }

  /** Notes whether a request carries the token of our Join Response. */
  prove(received: Received): void {
    if (this.#speaksToken || !this.ownsToken(received)) return;
    this.#speaksToken = true;
    this.#path.prove();
    this.link.maker.token = this.#token;
  }

  /** Asks the WTP for a sign of life; `heardAt` tells when one came. */
  probe(now: Instant, out: AcOutput<Tag>[]): void {
    this.link.probe(now, { wtpFallback: this.#policy.wtpFallback() }, out);
  }

  request(now: Instant, request: AcRequest, tag: Tag, out: AcOutput<Tag>[]): void {
    if (this.#state === "ended") return;
    this.link.enqueue(request, tag);
    this.#sendNext(now, out);
  }

  answerImage(now: Instant, answer: ImageAnswer, out: AcOutput<Tag>[]): void {
    const sequence = this.link.awaiting("imageDataRequest");
    if (sequence === undefined) return;
    if (answer.type === "refuse") {
      this.link.reply({ type: "imageDataResponse", sequence, elements: { resultCode: answer.resultCode } }, out);
      return;
    }
    const transfer = this.#delivery.begin(answer);
    const imageInformation = { sizeBytes: answer.sizeBytes, md5: answer.md5 };
    const elements = { resultCode: resultCodes.success, imageInformation, ...transfer.openingElements };
    this.link.reply({ type: "imageDataResponse", sequence, elements }, out);
    transfer.start(now, out);
    this.#sendNext(now, out);
  }

  abortTransfer(now: Instant, out: AcOutput<Tag>[]): void {
    if (this.#delivery.transfer === undefined) return;
    this.#endTransfer({ type: "aborted" }, out);
    this.link.enqueueAbort();
    this.#sendNext(now, out);
  }

  close(reason: CapwapSessionEnd, out: AcOutput<Tag>[]): void {
    if (this.#state === "ended") return;
    this.#endTransfer({ type: "session-ended" }, out);
    this.#state = "ended";
    this.#timers.clearAll();
    for (const ticket of this.link.abandonAll()) this.#unanswered(ticket, "session-ended", out);
    out.push({ type: "left", session: this.id, reason });
  }

  // ---- the WTP

  /** A message of the WTP, other than Join and Discovery. */
  message(now: Instant, received: Received, out: AcOutput<Tag>[]): void {
    const { message, octets } = received;
    this.#path.received(octets.length);
    this.prove(received);
    if (message.type === "failureResponse") this.#response(now, message.response, message, out);
    else if (isRequest(message.type)) this.#request(now, message as Message<RequestName>, received, out);
    else this.#response(now, message.type, message as Message<ResponseName>, out);
    this.#sendNext(now, out);
  }

  #request(now: Instant, message: Message<RequestName>, received: Received, out: AcOutput<Tag>[]): void {
    const { type: name, sequence } = message;
    if (messages[name].sender === "ac") {
      this.#drop("wrong-sender", name, out);
      return;
    }
    if (this.#speaksToken && !this.ownsToken(received)) {
      this.#drop("wrong-token", name, out);
      return;
    }
    this.#heardAt = now;
    const arrival = this.link.admit(now, name, sequence, received.octets, out);
    if (this.isEstablished) this.#restartEchoTimer(now);
    if (arrival !== "new") {
      this.#dropRequest(arrival, name, out);
      return;
    }
    if (!isAccepted(this.#state, name)) {
      this.#drop("wrong-state", `${name} in state ${this.#state}`, out);
      this.link.refuse(name, sequence, isSpokenByAc(name) ? resultCodes.messageUnexpected : resultCodes.messageUnrecognized, out);
      return;
    }
    switch (message.type) {
      case "configurationStatusRequest":
        this.#configure(now, sequence, out);
        return;
      case "changeStateEventRequest":
        this.#changeState(now, message, out);
        return;
      case "echoRequest":
        this.link.reply({ type: "echoResponse", sequence, elements: {} }, out);
        return;
      case "wtpEventRequest":
        out.push({ type: "wtp-event", session: this.id, elements: message.elements });
        this.link.reply({ type: "wtpEventResponse", sequence, elements: {} }, out);
        return;
      case "imageDataRequest":
        this.#imageRequest(now, message, out);
        return;
    }
  }

  #configure(now: Instant, sequence: number, out: AcOutput<Tag>[]): void {
    this.#state = "configure";
    this.#timers.clear("wait-join");
    this.#timers.set("change-state-pending", now + this.#settings.timers.changeStatePendingTimerMs);
    const elements = configurationStatusElements(this.#settings, this.wtp, this.#policy.wtpFallback());
    this.link.reply({ type: "configurationStatusResponse", sequence, elements }, out);
  }

  #changeState(now: Instant, { sequence, elements }: Message<"changeStateEventRequest">, out: AcOutput<Tag>[]): void {
    const { resultCode } = elements;
    const entersRun = this.#state === "configure";
    const failed = entersRun && !isSuccess(resultCode) && resultCode !== resultCodes.configurationNotAppliedServiceAnyhow;
    // The last place may have gone since the Join.
    const verdict = entersRun && !failed ? this.#policy.admits(this.wtp) : undefined;
    if (verdict !== undefined && !isSuccess(verdict.resultCode)) {
      this.link.refuse("changeStateEventRequest", sequence, verdict.resultCode, out);
      this.close("refused", out);
      return;
    }
    if (verdict !== undefined) this.#run(now, out);
    this.link.reply({ type: "changeStateEventResponse", sequence, elements: {} }, out);
    if (failed) this.close("configuration-failed", out);
  }

  #run(now: Instant, out: AcOutput<Tag>[]): void {
    this.#policy.admit(this.wtp);
    this.#state = "run";
    this.#timers.clear("change-state-pending");
    this.#restartEchoTimer(now);
    this.#hideSequence();
    out.push({ type: "running", session: this.id, proven: this.isProven });
  }

  /** Without token, a WTP can prove its address only by answering a request whose number it could not guess. */
  #hideSequence(): void {
    if (!this.isProven) this.link.firstSequence = this.#token[0] ?? 0;
  }

  #imageRequest(now: Instant, { sequence, elements }: Message<"imageDataRequest">, out: AcOutput<Tag>[]): void {
    const verdict = this.#delivery.request(now, this.isProven, elements);
    if (verdict.type === "refused") {
      this.#drop(verdict.reason, verdict.detail, out);
      this.link.reply({ type: "imageDataResponse", sequence, elements: { resultCode: verdict.resultCode } }, out);
      return;
    }
    if (this.#state === "join") {
      this.#state = "image-data";
      this.#timers.clear("wait-join");
      this.#restartEchoTimer(now);
      this.#hideSequence();
    }
    this.#endTransfer({ type: "restarted" }, out);
    out.push({ type: "image-wanted", session: this.id, identifier: verdict.identifier, elements });
  }

  #response(
    now: Instant,
    name: ResponseName,
    { sequence, elements }: { readonly sequence: number; readonly elements: Partial<ElementsOf<ResponseName>> },
    out: AcOutput<Tag>[],
  ): void {
    // A response without a Result Code (Reset Response may lack it) reports no error.
    const { fastAck, resultCode = resultCodes.success } = elements as Partial<ElementsOf<"imageDataResponse">>;
    if (fastAck !== undefined) {
      // Its sequence number is that of a segment, not of a request in the window.
      if (this.#delivery.transfer?.acknowledge(now, resultCode, fastAck, out) !== true) {
        this.#drop("stray-response", "acknowledgement of no transfer", out);
        return;
      }
      this.#heardAt = now;
      this.#delivery.settle(out);
      return;
    }
    const ticket = this.link.take(name, sequence);
    if (ticket === undefined) {
      this.#drop("stray-response", name, out);
      return;
    }
    this.#heardAt = now;
    this.#path.prove();
    if (ticket.type === "block") {
      this.#delivery.transfer?.blockAnswered(resultCode);
      this.#delivery.settle(out);
    } else if (ticket.type === "request") this.#answered(ticket, resultCode, elements, out);
  }

  #answered(
    { tag, request }: RequestTicket<Tag>,
    resultCode: number,
    elements: Partial<ElementsOf<ResponseName>>,
    out: AcOutput<Tag>[],
  ): void {
    out.push({ type: "answered", session: this.id, tag, resultCode, elements });
    const resets = isSuccess(resultCode) || resultCode === resultCodes.resetFirmwareWriteError;
    if (request.type === "resetRequest" && resets) this.close("reset", out);
  }

  // ---- parts of the above

  #sendNext(now: Instant, out: AcOutput<Tag>[]): void {
    if (this.isEstablished) this.link.sendNext(now, this.#delivery.transfer, out);
  }

  #endTransfer(outcome: TransferOutcome, out: AcOutput<Tag>[]): void {
    if (this.#delivery.transfer === undefined) return;
    this.link.abandonBlock();
    this.#delivery.end(outcome, out);
  }

  #restartEchoTimer(now: Instant): void {
    const { timers } = this.#settings;
    const echoIntervalMs = echoIntervalMsOf(timers);
    this.#timers.set("echo", now + echoIntervalMs + giveUpAfterMs({ ...timers, echoIntervalMs }));
  }

  #unanswered(ticket: RequestTicket<Tag> | undefined, reason: "timeout" | "session-ended", out: AcOutput<Tag>[]): void {
    if (ticket !== undefined) out.push({ type: "unanswered", session: this.id, tag: ticket.tag, reason });
  }

  #dropRequest(arrival: Exclude<RequestArrival, "new">, name: RequestName, out: AcOutput<Tag>[]): void {
    const reason = dropReasonOf[arrival];
    if (reason !== undefined) this.#drop(reason, name, out);
  }

  #drop(reason: DropReason, detail: string, out: AcOutput<Tag>[]): void {
    out.push({ type: "dropped", reason, from: this.wtp.peer, detail });
  }
}
