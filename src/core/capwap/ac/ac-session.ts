/**
 * The AC's session with one WTP, from the Join Response on (RFC 5415 §2.3.1). There is no data channel, so the state Data Check is
 * left out: Change State Event Request leads to Run (docs/capwap.md).
 */
import { earliest, type Instant } from "../../../base/time.js";
import { TimerTable } from "../../../base/timer-table.js";
import type { ImageIdentifier } from "../../../wire/capwap/elements.js";
import { fastFragmentIdAfter, fastFragmentIdBit } from "../../../wire/capwap/fast-segment.js";
import {
  type ElementsOf,
  type FailureResponse,
  isRequest,
  type Message,
  messages,
  type RequestName,
} from "../../../wire/capwap/messages.js";
import { isSuccess, resultCodes } from "../../../wire/capwap/result-code.js";
import type { FastOffer } from "../../../wire/capwap/vendor-transfer.js";
import type {
  AcOutput,
  AcPolicy,
  AcRequest,
  AcSettings,
  CapwapSessionId,
  DropReason,
  ImageAnswer,
  SessionEnd,
  TransferOutcome,
  WtpIdentity,
} from "../contract.js";
import { FastImageTransfer, isFast } from "../image/fast-image-transfer.js";
import { ImageDataSender } from "../image/image-data-sender.js";
import type { ImageTransfer } from "../image/image-transfer.js";
import { DatagramMaker } from "../link/datagram-maker.js";
import { failureResponse } from "../link/problem-answer.js";
import { RateLimit } from "../link/rate-limit.js";
import { giveUpAfterMs, RequestChannel } from "../link/request-channel.js";
import { configurationStatusElements, echoIntervalMsOf } from "./ac-messages.js";

export type AcState = "join" | "configure" | "image-data" | "run" | "ended";

/** Requests of the WTP that a state takes; any other that the AC speaks is answered with Result Code 18. */
const accepts: Readonly<Record<AcState, readonly RequestName[]>> = {
  join: ["configurationStatusRequest", "imageDataRequest"],
  configure: ["changeStateEventRequest"],
  "image-data": ["echoRequest", "imageDataRequest"],
  run: ["echoRequest", "wtpEventRequest", "changeStateEventRequest", "imageDataRequest"],
  ended: [],
};
const spoken: ReadonlySet<RequestName> = new Set(Object.values(accepts).flat());

/** What the session wants back with a response. */
type Ticket<Tag> =
  | { readonly type: "request"; readonly request: AcRequest; readonly tag: Tag }
  | { readonly type: "block" }
  | { readonly type: "abort" };

type Queued<Tag> = Exclude<Ticket<Tag>, { type: "block" }>;

const ethernetMtuBytes = 1_500;

/** Transfers that one WTP may begin in a second: each sends a first flight, or takes a turn under the caps, whatever comes of it. */
const transfersPerSecond = 4;

type Deadline = "wait-join" | "change-state-pending" | "echo";

export interface AcSessionOptions {
  readonly id: CapwapSessionId;
  readonly wtp: WtpIdentity;
  readonly settings: AcSettings;
  readonly policy: AcPolicy;
}

export class AcSession<Tag> {
  readonly id: CapwapSessionId;
  readonly wtp: WtpIdentity;
  readonly maker: DatagramMaker;
  #state: AcState = "join";
  readonly #settings: AcSettings;
  readonly #policy: AcPolicy;
  readonly #channel: RequestChannel<Ticket<Tag>>;
  readonly #timers = new TimerTable<Deadline>();
  readonly #queue: Queued<Tag>[] = [];
  readonly #imageRequests = new RateLimit(transfersPerSecond);
  #transfer: ImageTransfer | undefined;
  /** Of the Image Data Request that waits for `answerImage`. */
  #fastOffer: FastOffer | undefined;
  #nextFastFragmentId = fastFragmentIdBit;
  /** `bytesDone` when progress was told last. */
  #toldBytesDone = 0;

  constructor({ id, wtp, settings, policy }: AcSessionOptions) {
    this.id = id;
    this.wtp = wtp;
    this.#settings = settings;
    this.#policy = policy;
    this.maker = new DatagramMaker(wtp.peer, settings.linkMode);
    this.#channel = new RequestChannel({ ...settings.timers, echoIntervalMs: echoIntervalMsOf(settings.timers) });
  }

  get state(): AcState {
    return this.#state;
  }

  nextWakeAt(): Instant | undefined {
    return earliest(this.#timers.nextAt(), this.#channel.nextWakeAt(), this.#transfer?.nextWakeAt());
  }

  /** Answers the Join Request that began the session; called once. */
  join(now: Instant, sequence: number, elements: ElementsOf<"joinResponse">, out: AcOutput<Tag>[]): void {
    this.#channel.admit("joinRequest", sequence, out);
    out.push({ type: "joined", session: this.id, wtp: this.wtp });
    this.#reply({ type: "joinResponse", sequence, elements }, out);
    this.#timers.set("wait-join", now + this.#settings.timers.waitJoinMs);
  }

  wake(now: Instant, out: AcOutput<Tag>[]): void {
    const due = this.#timers.takeDue(now);
    if (due !== undefined) {
      this.#end(due === "echo" ? "echo-timeout" : "state-timeout", out);
      return;
    }
    const retried = this.#channel.retry(now, out);
    if (retried === "exhausted") {
      this.#unanswered(this.#channel.abandon(), "timeout", out);
      this.#end("no-response", out);
      return;
    }
    if (retried === "resent" && this.#channel.outstanding?.type === "block") this.#transfer?.blockResent(now);
    this.#transfer?.wake(now, out);
    this.#settleTransfer(out);
    this.#pump(now, out);
  }

  /** A message of the WTP, other than Join and Discovery. */
  message(now: Instant, message: Message | FailureResponse, out: AcOutput<Tag>[]): void {
    if (message.type === "failureResponse") this.#response(now, message.response, message, out);
    else if (isRequest(message.type)) this.#request(now, message as Message<RequestName>, out);
    else this.#response(now, message.type, message as Message<Exclude<Message["type"], RequestName>>, out);
    this.#pump(now, out);
  }

  /** A Join Request under this session's ID: a repeat gets its answer again. @returns false for a new one, which begins a session of its own */
  repeatJoin(sequence: number, out: AcOutput<Tag>[]): boolean {
    const arrival = this.#channel.admit("joinRequest", sequence, out);
    if (arrival === "new") return false;
    this.#dropUnless(["repeat"], arrival, "joinRequest", out);
    return true;
  }

  request(now: Instant, request: AcRequest, tag: Tag, out: AcOutput<Tag>[]): void {
    if (this.#state === "ended") return;
    this.#queue.push({ type: "request", request, tag });
    this.#pump(now, out);
  }

  answerImage(now: Instant, answer: ImageAnswer, out: AcOutput<Tag>[]): void {
    const sequence = this.#channel.awaiting("imageDataRequest");
    if (sequence === undefined) return;
    if (answer.type === "refuse") {
      this.#reply({ type: "imageDataResponse", sequence, elements: { resultCode: answer.resultCode } }, out);
      return;
    }
    const transfer = this.#transferOf(answer);
    this.#transfer = transfer;
    this.#toldBytesDone = 0;
    const imageInformation = { sizeBytes: answer.sizeBytes, md5: answer.md5 };
    const elements = { resultCode: resultCodes.success, imageInformation, ...transfer.openingElements };
    this.#reply({ type: "imageDataResponse", sequence, elements }, out);
    transfer.start(now, out);
    this.#pump(now, out);
  }

  /** As the WTP offered, else the RFC's way. */
  #transferOf(answer: Extract<ImageAnswer, { type: "transfer" }>): ImageTransfer {
    const offer = this.#fastOffer;
    if (!isFast(offer, answer)) return new ImageDataSender(answer.sha256, answer.sizeBytes, answer.caps ?? []);
    const { linkMode, mtuBytes = ethernetMtuBytes } = this.#settings;
    const firstFragmentId = this.#nextFastFragmentId;
    const transfer = new FastImageTransfer({ to: this.wtp.peer, carriage: linkMode, offer, answer, firstFragmentId, mtuBytes });
    this.#nextFastFragmentId = fastFragmentIdAfter(firstFragmentId, transfer.segmentCount);
    return transfer;
  }

  abortTransfer(now: Instant, out: AcOutput<Tag>[]): void {
    if (this.#transfer === undefined) return;
    this.#endTransfer({ type: "aborted" }, out);
    this.#queue.unshift({ type: "abort" });
    this.#pump(now, out);
  }

  close(reason: SessionEnd, out: AcOutput<Tag>[]): void {
    this.#end(reason, out);
  }

  // ---- requests of the WTP

  #request(now: Instant, message: Message<RequestName>, out: AcOutput<Tag>[]): void {
    const { type: name, sequence } = message;
    if (messages[name].sender === "ac") {
      this.#drop("wrong-sender", name, out);
      return;
    }
    const arrival = this.#channel.admit(name, sequence, out);
    if (this.#state === "run" || this.#state === "image-data") this.#restartEchoTimer(now);
    if (!this.#dropUnless(["new", "repeat"], arrival, name, out) || arrival === "repeat") return;
    if (!accepts[this.#state].includes(name)) {
      const resultCode = spoken.has(name) ? resultCodes.messageUnexpected : resultCodes.messageUnrecognized;
      this.#drop("wrong-state", `${name} in state ${this.#state}`, out);
      this.#channel.reply(this.maker.message(failureResponse(name, sequence, resultCode)), out);
      return;
    }
    switch (message.type) {
      case "configurationStatusRequest":
        this.#state = "configure";
        this.#timers.clear("wait-join");
        this.#timers.set("change-state-pending", now + this.#settings.timers.changeStatePendingTimerMs);
        this.#reply(
          {
            type: "configurationStatusResponse",
            sequence,
            elements: configurationStatusElements(this.#settings, this.wtp, this.#policy.wtpFallback()),
          },
          out,
        );
        return;
      case "changeStateEventRequest":
        this.#changeState(now, message, out);
        return;
      case "echoRequest":
        this.#reply({ type: "echoResponse", sequence, elements: {} }, out);
        return;
      case "wtpEventRequest":
        out.push({ type: "wtp-event", session: this.id, elements: message.elements });
        this.#reply({ type: "wtpEventResponse", sequence, elements: {} }, out);
        return;
      case "imageDataRequest":
        this.#imageRequest(now, message, out);
        return;
    }
  }

  #changeState(now: Instant, { sequence, elements }: Message<"changeStateEventRequest">, out: AcOutput<Tag>[]): void {
    const { resultCode } = elements;
    const entersRun = this.#state === "configure";
    const refused = entersRun && !isSuccess(resultCode) && resultCode !== resultCodes.configurationNotAppliedServiceAnyhow;
    if (entersRun && !refused) {
      this.#state = "run";
      this.#timers.clear("change-state-pending");
      this.#restartEchoTimer(now);
      out.push({ type: "running", session: this.id });
    }
    this.#reply({ type: "changeStateEventResponse", sequence, elements: {} }, out);
    if (refused) this.#end("configuration-failed", out);
  }

  #imageRequest(now: Instant, { sequence, elements }: Message<"imageDataRequest">, out: AcOutput<Tag>[]): void {
    const identifier: ImageIdentifier | undefined = elements.imageIdentifier;
    if (identifier === undefined || elements.initiateDownload === undefined) {
      this.#drop("wrong-state", "Image Data Request that starts no download", out);
      this.#reply({ type: "imageDataResponse", sequence, elements: { resultCode: resultCodes.messageUnexpected } }, out);
      return;
    }
    if (!this.#imageRequests.admits(now)) {
      this.#drop("rate-limit", "Image Data Request", out);
      this.#reply({ type: "imageDataResponse", sequence, elements: { resultCode: resultCodes.imageOtherError } }, out);
      return;
    }
    if (this.#state === "join") {
      this.#state = "image-data";
      this.#timers.clear("wait-join");
      this.#restartEchoTimer(now);
    }
    this.#endTransfer({ type: "restarted" }, out);
    this.#fastOffer = elements.fastOffer;
    out.push({ type: "image-wanted", session: this.id, identifier, elements });
  }

  // ---- responses of the WTP

  #response(
    now: Instant,
    name: FailureResponse["response"],
    message: { readonly sequence: number; readonly elements: Partial<ElementsOf<FailureResponse["response"]>> },
    out: AcOutput<Tag>[],
  ): void {
    const elements = message.elements as Partial<ElementsOf<"imageDataResponse">>;
    if (elements.fastAck !== undefined) {
      // Its sequence number is that of a segment, not of a request in the window.
      if (this.#transfer?.acknowledged(now, elements, out)) this.#settleTransfer(out);
      else this.#drop("stray-response", "acknowledgement of no transfer", out);
      return;
    }
    const ticket = this.#channel.take(name, message.sequence);
    if (ticket === undefined) {
      this.#drop("stray-response", name, out);
      return;
    }
    // A response without a Result Code (Reset Response may lack it) reports no error.
    const resultCode = elements.resultCode ?? resultCodes.success;
    if (ticket.type === "block") {
      this.#transfer?.blockAnswered(resultCode);
      this.#settleTransfer(out);
      return;
    }
    if (ticket.type === "abort") return;
    const { tag, request } = ticket;
    out.push({ type: "answered", session: this.id, tag, resultCode, elements: message.elements });
    const resets = isSuccess(resultCode) || resultCode === resultCodes.resetFirmwareWriteError;
    if (request.type === "resetRequest" && resets) this.#end("reset", out);
  }

  // ---- requests of ours

  /** Fills the one place for a request: what the controller queued goes ahead of image blocks. */
  #pump(now: Instant, out: AcOutput<Tag>[]): void {
    if (this.#state !== "run" && this.#state !== "image-data") return;
    if (!this.#channel.idle) return;
    const queued = this.#queue.shift();
    if (queued?.type === "abort") {
      const elements = { imageData: { dataType: "abort", data: new Uint8Array() } } as const;
      this.#channel.send(
        now,
        "imageDataRequest",
        queued,
        (sequence) => this.maker.message({ type: "imageDataRequest", sequence, elements }),
        out,
      );
      return;
    }
    if (queued !== undefined) {
      const { request } = queued;
      this.#channel.send(now, request.type, queued, (sequence) => this.maker.message({ ...request, sequence }), out);
      return;
    }
    const block = this.#channel.awaiting("imageDataRequest") === undefined ? this.#transfer?.nextBlock(now) : undefined;
    if (block === undefined) return;
    this.#channel.send(now, "imageDataRequest", { type: "block" }, (sequence) => this.maker.block(sequence, block.image, block.last), out);
  }

  #reply(message: Message, out: AcOutput<Tag>[]): void {
    this.#channel.reply(this.maker.message(message), out);
  }

  #restartEchoTimer(now: Instant): void {
    const { timers } = this.#settings;
    const echoIntervalMs = echoIntervalMsOf(timers);
    this.#timers.set("echo", now + echoIntervalMs + giveUpAfterMs({ ...timers, echoIntervalMs }));
  }

  // ---- endings

  #settleTransfer(out: AcOutput<Tag>[]): void {
    const transfer = this.#transfer;
    if (transfer === undefined) return;
    const { sha256, bytesDone, bytesSent, outcome } = transfer;
    if (outcome !== undefined) this.#endTransfer(outcome, out);
    else if (bytesDone !== this.#toldBytesDone) {
      this.#toldBytesDone = bytesDone;
      out.push({ type: "transfer-progress", session: this.id, sha256, bytesDone, bytesSent });
    }
  }

  /** A block that is still out is given up, so that what comes next need not wait for its response. */
  #endTransfer(outcome: TransferOutcome, out: AcOutput<Tag>[]): void {
    const transfer = this.#transfer;
    if (transfer === undefined) return;
    this.#transfer = undefined;
    if (this.#channel.outstanding?.type === "block") this.#channel.abandon();
    const { sha256, bytesDone, bytesSent } = transfer;
    out.push({ type: "transfer-ended", session: this.id, sha256, outcome, bytesDone, bytesSent });
  }

  #end(reason: SessionEnd, out: AcOutput<Tag>[]): void {
    if (this.#state === "ended") return;
    this.#endTransfer({ type: "session-ended" }, out);
    this.#state = "ended";
    this.#timers.clearAll();
    this.#unanswered(this.#channel.abandon(), "session-ended", out);
    for (const queued of this.#queue.splice(0)) this.#unanswered(queued, "session-ended", out);
    out.push({ type: "left", session: this.id, reason });
    if (this.#settings.linkMode === "dtls") out.push({ type: "close-link", peer: this.wtp.peer });
  }

  #unanswered(ticket: Ticket<Tag> | undefined, reason: "timeout" | "session-ended", out: AcOutput<Tag>[]): void {
    if (ticket?.type === "request") out.push({ type: "unanswered", session: this.id, tag: ticket.tag, reason });
  }

  #dropUnless(wanted: readonly string[], arrival: "new" | "repeat" | "busy" | "old", name: RequestName, out: AcOutput<Tag>[]): boolean {
    if (wanted.includes(arrival)) return true;
    this.#drop(arrival === "busy" ? "repeat-while-busy" : "old-request", name, out);
    return false;
  }

  #drop(reason: DropReason, detail: string, out: AcOutput<Tag>[]): void {
    out.push({ type: "dropped", reason, from: this.wtp.peer, detail });
  }
}
