/**
 * The WTP's side of CAPWAP (RFC 5415 §2.3.1): finds an AC, joins, is configured, runs, and begins again when the session ends.
 * There is no data channel: the Change State Event Response leads to Run (docs/capwap.md).
 */
import { type Endpoint, sameEndpoint } from "../../base/endpoint.js";
import { unreachable } from "../../base/invariant.js";
import type { Prng } from "../../base/prng.js";
import { earliest, type Instant } from "../../base/time.js";
import { TimerTable } from "../../base/timer-table.js";
import type { CapwapTimers } from "../../wire/capwap/defaults.js";
import type { ElementValue, ImageIdentifier } from "../../wire/capwap/elements.js";
import { isFastFragment } from "../../wire/capwap/fast-segment.js";
import {
  type ElementsOf,
  type FailureResponse,
  isRequest,
  type Message,
  messages,
  type RequestName,
  type ResponseName,
} from "../../wire/capwap/messages.js";
import { isSuccess, resultCodes, resultCodeText } from "../../wire/capwap/result-code.js";
import type {
  Datagram,
  DropReason,
  ImageFailure,
  KnownController,
  StoredPart,
  WtpDisconnect,
  WtpOutput,
  WtpRequest,
  WtpSelf,
  WtpSessionPort,
  WtpSettings,
  WtpState,
} from "./contract.js";
import { type Candidate, ControllerChoice } from "./controller-choice.js";
import { DatagramMaker } from "./datagram-maker.js";
import { fastOfferOf, planOf } from "./fast-image-offer.js";
import { type FastAckOutput, FastImageReceiver, type FastReceiverOutput } from "./fast-image-receiver.js";
import { type BlockOutcome, ImageDataReceiver } from "./image-data-receiver.js";
import { Intake } from "./intake.js";
import { failureResponse, problemAnswer, problemDetail, problemReason } from "./problem-answer.js";
import { RequestChannel } from "./request-channel.js";
import {
  changeStateEventElements,
  configurationStatusRequestElements,
  discoveryRequestElements,
  joinRequestElements,
} from "./wtp-messages.js";

/** Requests of the AC that a state takes; any other that the WTP speaks is answered with Result Code 18. */
const accepts: Readonly<Record<WtpState, readonly RequestName[]>> = {
  idle: [],
  discovery: [],
  sulking: [],
  connect: [],
  join: [],
  configure: [],
  "data-check": [],
  run: ["configurationUpdateRequest", "clearConfigurationRequest", "resetRequest", "imageDataRequest"],
  "image-data": ["imageDataRequest"],
  reset: [],
};
const spoken: ReadonlySet<RequestName> = new Set(Object.values(accepts).flat());

/** Our choice: a controller that refused or went silent stays behind the others for so many Echo intervals. */
const holdDownEchoes = 10;

/** What the session wants back with a response. */
type Ticket<Tag> =
  | { readonly type: "join" | "configuration-status" | "change-state" | "echo" }
  | { readonly type: "image"; readonly image: ImageDataReceiver }
  | { readonly type: "request"; readonly request: WtpRequest; readonly tag: Tag };

type Queued<Tag> = Extract<Ticket<Tag>, { type: "image" | "request" }>;

type Deadline = "discover" | "choose" | "silent" | "wait-dtls" | "echo" | "primary-discovery" | "image-data-start";

/** A session with one AC, from Join on. */
interface Link<Tag> {
  readonly peer: Candidate;
  readonly channel: RequestChannel<Ticket<Tag>>;
  readonly maker: DatagramMaker;
}

export class WtpSession<Tag> implements WtpSessionPort<Tag> {
  readonly #settings: WtpSettings;
  readonly #self: () => WtpSelf;
  readonly #prng: Prng;
  readonly #intake: Intake;
  readonly #choice: ControllerChoice;
  readonly #timers = new TimerTable<Deadline>();
  /** The settings', with what the AC configured. */
  #capwapTimers: CapwapTimers;
  #state: WtpState = "idle";
  #link: Link<Tag> | undefined;
  #discoveries = 0;
  /** Sequence number of Discovery Requests, which go through no channel. */
  #discoverySequence = 0;
  #fallbackAllowed = true;
  readonly #queue: Queued<Tag>[] = [];
  #image: ImageDataReceiver | undefined;
  /** Takes the blocks of `#image` when the AC accepted our offer; stays after its end to tell a sender that did not hear of it. */
  #fast: FastImageReceiver | undefined;
  /** A download was given up here: its blocks get 16 rather than 18, which tells the AC why. */
  #imageGivenUp = false;

  constructor(settings: WtpSettings, self: () => WtpSelf, prng: Prng) {
    this.#settings = settings;
    this.#self = self;
    this.#prng = prng;
    this.#intake = new Intake(settings.linkMode);
    this.#choice = new ControllerChoice(settings.controllers, holdDownEchoes * settings.timers.echoIntervalMs);
    this.#capwapTimers = settings.timers;
  }

  get state(): WtpState {
    return this.#state;
  }

  get controller(): Endpoint | undefined {
    return this.#link?.peer.endpoint;
  }

  nextWakeAt(): Instant | undefined {
    return earliest(this.#timers.nextAt(), this.#link?.channel.nextWakeAt(), this.#fast?.nextWakeAt());
  }

  start(now: Instant, out: WtpOutput<Tag>[]): void {
    if (this.#state === "idle") this.#discover(now, out);
  }

  stop(_now: Instant, out: WtpOutput<Tag>[]): void {
    if (this.#state === "idle") return;
    this.#leave("stopped", "stopped", out);
    this.#enter("idle", out);
  }

  setControllers(now: Instant, controllers: readonly KnownController[], out: WtpOutput<Tag>[]): void {
    this.#choice.list = controllers;
    if (this.#link !== undefined) {
      const { peer } = this.#link;
      this.#link = { ...this.#link, peer: { ...peer, rank: this.#choice.rankOf(peer.endpoint, peer.acName) ?? controllers.length } };
      if (this.#state === "run") this.#watchPreferred(now, this.#link);
    }
    if (this.#state === "sulking") this.#discover(now, out);
  }

  // ---- Discovery and Sulking

  #discover(now: Instant, out: WtpOutput<Tag>[]): void {
    this.#timers.clearAll();
    this.#discoveries = 0;
    this.#choice.forgetAnswers();
    this.#capwapTimers = this.#settings.timers;
    this.#enter("discovery", out);
    this.#delayDiscovery(now);
  }

  /** §4.7.2, §5.1: a random delay before each request keeps a thousand WTPs from asking at once after a power cut. */
  #delayDiscovery(now: Instant): void {
    this.#timers.set("discover", now + this.#prng.fraction() * this.#capwapTimers.maxDiscoveryIntervalMs);
  }

  #sendDiscovery(now: Instant, out: WtpOutput<Tag>[]): void {
    if (this.#discoveries >= this.#capwapTimers.maxDiscoveries) {
      this.#enter("sulking", out);
      this.#timers.set("silent", now + this.#capwapTimers.silentIntervalMs);
      return;
    }
    this.#discoveries++;
    this.#ask("discoveryRequest", this.#choice.list, out);
    this.#delayDiscovery(now);
  }

  #ask(type: "discoveryRequest" | "primaryDiscoveryRequest", controllers: readonly KnownController[], out: WtpOutput<Tag>[]): void {
    const elements = discoveryRequestElements(this.#self());
    const sequence = this.#discoverySequence;
    this.#discoverySequence = (sequence + 1) & 0xff;
    for (const { endpoint } of controllers) out.push(...new DatagramMaker(endpoint, "clear").message({ type, sequence, elements }));
  }

  #discovered(now: Instant, from: Endpoint, { sequence, elements }: Message<"discoveryResponse">, out: WtpOutput<Tag>[]): void {
    const age = (this.#discoverySequence - 1 - sequence) & 0xff;
    if (this.#state !== "discovery" || age >= this.#discoveries) {
      this.#drop("wrong-state", from, `discoveryResponse in state ${this.#state}`, out);
      return;
    }
    if (!this.#choice.answered(from, elements.acName)) {
      this.#drop("unknown-peer", from, `discoveryResponse of ${elements.acName}`, out);
      return;
    }
    this.#timers.clear("discover");
    if (this.#choice.allAnswered) this.#choose(now, out);
    else if (!this.#timers.has("choose")) this.#timers.set("choose", now + this.#capwapTimers.discoveryIntervalMs);
  }

  #choose(now: Instant, out: WtpOutput<Tag>[]): void {
    const best = this.#choice.choose(now);
    if (best === undefined) this.#delayDiscovery(now);
    else this.#connect(now, best, out);
  }

  // ---- DTLS, Join, Configure

  #connect(now: Instant, peer: Candidate, out: WtpOutput<Tag>[]): void {
    this.#timers.clearAll();
    this.#capwapTimers = this.#settings.timers;
    this.#link = {
      peer,
      channel: new RequestChannel(this.#capwapTimers),
      maker: new DatagramMaker(peer.endpoint, this.#settings.linkMode),
    };
    if (this.#settings.linkMode === "clear") {
      this.#join(now, this.#link, out);
      return;
    }
    this.#enter("connect", out);
    this.#timers.set("wait-dtls", now + this.#capwapTimers.waitDtlsMs);
    out.push({ type: "open-link", peer: peer.endpoint });
  }

  linkUp(now: Instant, peer: Endpoint, out: WtpOutput<Tag>[]): void {
    if (this.#state !== "connect" || this.#link === undefined || !sameEndpoint(this.#link.peer.endpoint, peer)) return;
    this.#timers.clear("wait-dtls");
    this.#join(now, this.#link, out);
  }

  linkDown(now: Instant, peer: Endpoint, out: WtpOutput<Tag>[]): void {
    if (this.#link === undefined || !sameEndpoint(this.#link.peer.endpoint, peer)) return;
    this.#fail(now, "link-down", "the DTLS link ended", out);
  }

  #join(now: Instant, link: Link<Tag>, out: WtpOutput<Tag>[]): void {
    this.#enter("join", out);
    const elements = joinRequestElements(this.#self(), this.#prng.bytes(16));
    this.#send(now, link, { type: "join" }, { type: "joinRequest", elements }, out);
  }

  #joined(now: Instant, link: Link<Tag>, elements: ElementsOf<"joinResponse">, out: WtpOutput<Tag>[]): void {
    const { imageIdentifier } = elements;
    const { activeVersion, otherVersions } = this.#self();
    if (!this.#settings.bootImageDownload || imageIdentifier === undefined || imageIdentifier.name === activeVersion) {
      this.#enter("configure", out);
      const request = configurationStatusRequestElements(this.#self(), elements.acName, this.#choice.list);
      this.#send(now, link, { type: "configuration-status" }, { type: "configurationStatusRequest", elements: request }, out);
      return;
    }
    // §9.1: the wanted image is in flash, so it needs a reset only; or it is downloaded first.
    if (otherVersions.includes(imageIdentifier.name)) this.#restart(imageIdentifier, out);
    else {
      this.#enter("image-data", out);
      this.#timers.set("echo", now + this.#capwapTimers.echoIntervalMs);
      this.#timers.set("image-data-start", now + this.#capwapTimers.imageDataStartTimerMs);
      out.push({ type: "boot-image-wanted", identifier: imageIdentifier });
    }
  }

  #configured(now: Instant, link: Link<Tag>, elements: ElementsOf<"configurationStatusResponse">, out: WtpOutput<Tag>[]): void {
    this.#applyTimers(link, elements.capwapTimers);
    this.#fallbackAllowed = elements.wtpFallback === "enabled";
    this.#enter("data-check", out);
    this.#send(now, link, { type: "change-state" }, { type: "changeStateEventRequest", elements: changeStateEventElements() }, out);
  }

  /** Zero seconds is no interval that one could keep; it leaves the timer as it is. */
  #applyTimers(link: Link<Tag>, { discoverySeconds, echoSeconds }: ElementValue<"capwapTimers">): void {
    this.#capwapTimers = {
      ...this.#capwapTimers,
      ...(echoSeconds > 0 && { echoIntervalMs: echoSeconds * 1000 }),
      ...(discoverySeconds > 0 && { maxDiscoveryIntervalMs: discoverySeconds * 1000 }),
    };
    link.channel.timers = this.#capwapTimers;
  }

  #run(now: Instant, link: Link<Tag>, out: WtpOutput<Tag>[]): void {
    this.#choice.succeeded(link.peer.endpoint);
    this.#enter("run", out);
    this.#timers.set("echo", now + this.#capwapTimers.echoIntervalMs);
    this.#watchPreferred(now, link);
    this.#pump(now, out);
  }

  // ---- Run

  wake(now: Instant, out: WtpOutput<Tag>[]): void {
    for (let due = this.#timers.takeDue(now); due !== undefined; due = this.#timers.takeDue(now)) this.#onDeadline(now, due, out);
    this.#fastDoes(now, out, (fast, outputs) => fast.wake(now, outputs));
    if (this.#link?.channel.retry(now, out) === "exhausted") {
      const ticket = this.#link.channel.abandon();
      if (ticket?.type === "request") out.push({ type: "unanswered", tag: ticket.tag, reason: "timeout" });
      this.#fail(now, "no-response", "no response after all retransmissions", out);
    }
  }

  #onDeadline(now: Instant, due: Deadline, out: WtpOutput<Tag>[]): void {
    switch (due) {
      case "discover":
        this.#sendDiscovery(now, out);
        return;
      case "choose":
        this.#choose(now, out);
        return;
      case "silent":
        this.#discover(now, out);
        return;
      case "wait-dtls":
        this.#fail(now, "link-timeout", "no DTLS link in time", out);
        return;
      case "echo":
        // A request that is under way does the same service and restarts the timer when it is answered.
        if (this.#link?.channel.idle) this.#send(now, this.#link, { type: "echo" }, { type: "echoRequest", elements: {} }, out);
        else this.#timers.set("echo", now + this.#capwapTimers.echoIntervalMs);
        return;
      case "primary-discovery":
        this.#seekPreferred(now, out);
        return;
      case "image-data-start":
        this.#failImage(now, "timeout", "no image data in time", undefined, out);
        return;
    }
  }

  #watchPreferred(now: Instant, { peer }: Link<Tag>): void {
    if (peer.rank > 0) this.#timers.set("primary-discovery", now + this.#capwapTimers.echoIntervalMs);
    else this.#timers.clear("primary-discovery");
  }

  /** WTP Fallback (§4.6.42): asks the controllers that it prefers to this one whether they are back (§5.3). */
  #seekPreferred(now: Instant, out: WtpOutput<Tag>[]): void {
    if (this.#link === undefined) return;
    this.#watchPreferred(now, this.#link);
    if (!this.#fallbackAllowed) return;
    const preferred = this.#choice.preferredTo(now, this.#link.peer.rank);
    if (preferred.length > 0) this.#ask("primaryDiscoveryRequest", preferred, out);
  }

  #preferredAnswered(now: Instant, from: Endpoint, { elements }: Message<"primaryDiscoveryResponse">, out: WtpOutput<Tag>[]): void {
    const rank = this.#choice.rankOf(from, elements.acName);
    const current = this.#link?.peer;
    if (this.#state !== "run" || !this.#fallbackAllowed || current === undefined || rank === undefined || rank >= current.rank) {
      this.#drop("stray-response", from, "primaryDiscoveryResponse", out);
      return;
    }
    // A download, or a request that waits for its response, is finished here first; the next round asks again.
    if (this.#image !== undefined || this.#queue.length > 0 || !this.#link?.channel.idle) return;
    this.#leave("fallback", `${elements.acName} is back`, out);
    this.#connect(now, { endpoint: from, acName: elements.acName, rank }, out);
  }

  request(now: Instant, request: WtpRequest, tag: Tag, out: WtpOutput<Tag>[]): void {
    if (this.#state !== "run") {
      out.push({ type: "unanswered", tag, reason: "session-ended" });
      return;
    }
    this.#queue.push({ type: "request", request, tag });
    this.#pump(now, out);
  }

  #pump(now: Instant, out: WtpOutput<Tag>[]): void {
    const link = this.#link;
    if ((this.#state !== "run" && this.#state !== "image-data") || !link?.channel.idle) return;
    const queued = this.#queue.shift();
    if (queued?.type === "request") this.#send(now, link, queued, queued.request, out);
    if (queued?.type === "image") {
      const { identifier, offer } = queued.image;
      const elements = { imageIdentifier: identifier, initiateDownload: {}, ...(offer && { fastOffer: offer }) };
      this.#send(now, link, queued, { type: "imageDataRequest", elements }, out);
    }
  }

  /** Every request restarts the Echo timer (§4.7.7). */
  #send<Name extends RequestName>(
    now: Instant,
    link: Link<Tag>,
    ticket: Ticket<Tag>,
    request: { readonly type: Name; readonly elements: ElementsOf<Name> },
    out: WtpOutput<Tag>[],
  ): void {
    link.channel.send(now, request.type, ticket, (sequence) => link.maker.message({ ...request, sequence } as Message), out);
    if (this.#timers.has("echo") || ticket.type === "echo") this.#timers.set("echo", now + this.#capwapTimers.echoIntervalMs);
  }

  // ---- what comes in

  datagram(now: Instant, datagram: Datagram, out: WtpOutput<Tag>[]): void {
    const { from } = datagram;
    if (this.#state === "idle" || this.#state === "sulking") {
      this.#drop("wrong-state", from, `a datagram in state ${this.#state}`, out);
      return;
    }
    if (isFastFragment(datagram.bytes)) {
      this.#fragment(now, datagram, out);
      return;
    }
    const taken = this.#intake.take(now, datagram);
    if (taken.type === "partial") return;
    if (taken.type === "dropped") {
      this.#drop(taken.reason, from, taken.detail, out);
      return;
    }
    const link = this.#link !== undefined && sameEndpoint(this.#link.peer.endpoint, from) ? this.#link : undefined;
    if (taken.type === "problem") {
      this.#drop(problemReason(taken.problem), from, problemDetail(taken.problem), out);
      if (link !== undefined) for (const answer of problemAnswer(taken.problem, link.maker) ?? []) out.push(answer);
      return;
    }
    const { message } = taken;
    if (message.type === "discoveryResponse") this.#discovered(now, from, message, out);
    else if (message.type === "primaryDiscoveryResponse") this.#preferredAnswered(now, from, message, out);
    else if (link === undefined || this.#state === "connect") this.#drop("unknown-peer", from, message.type, out);
    else if (message.type !== "failureResponse" && isRequest(message.type)) this.#request(now, link, message as Message<RequestName>, out);
    else this.#response(now, link, message as Message<ResponseName> | FailureResponse, out);
  }

  #response(now: Instant, link: Link<Tag>, message: Message<ResponseName> | FailureResponse, out: WtpOutput<Tag>[]): void {
    const name = message.type === "failureResponse" ? message.response : message.type;
    const ticket = link.channel.take(name, message.sequence);
    if (ticket === undefined) {
      this.#drop("stray-response", link.peer.endpoint, name, out);
      return;
    }
    const { resultCode = resultCodes.success } = message.elements;
    if (ticket.type === "request") out.push({ type: "answered", tag: ticket.tag, resultCode, elements: message.elements });
    const isUnknownHere = resultCode === resultCodes.messageUnexpected && this.#state === "run";
    if (ticket.type === "image" && !isUnknownHere) {
      if (ticket.image === this.#image)
        this.#imageAnswered(now, ticket.image, resultCode, message.elements as Partial<ElementsOf<"imageDataResponse">>, out);
    } else if (ticket.type !== "request" || isUnknownHere) {
      // Without success there is no session, be it refused or unknown to an AC that was started anew.
      if (message.type === "failureResponse" || !isSuccess(resultCode)) {
        this.#fail(now, "refused", `${name}: ${resultCodeText(resultCode)}`, out, resultCode);
        return;
      }
      if (message.type === "joinResponse") this.#joined(now, link, message.elements, out);
      if (message.type === "configurationStatusResponse") this.#configured(now, link, message.elements, out);
      if (message.type === "changeStateEventResponse") this.#run(now, link, out);
    }
    this.#pump(now, out);
  }

  #request(now: Instant, link: Link<Tag>, message: Message<RequestName>, out: WtpOutput<Tag>[]): void {
    const { type: name, sequence } = message;
    const peer = link.peer.endpoint;
    if (messages[name].sender === "wtp") {
      this.#drop("wrong-sender", peer, name, out);
      return;
    }
    if (this.#overtookResponse(name)) {
      this.#drop("wrong-state", peer, `${name} before the response that it follows`, out);
      return;
    }
    const arrival = link.channel.admit(name, sequence, out);
    if (arrival === "repeat") return;
    if (arrival !== "new") {
      this.#drop(arrival === "busy" ? "repeat-while-busy" : "old-request", peer, name, out);
      return;
    }
    if (!accepts[this.#state].includes(name)) {
      const resultCode = spoken.has(name) ? resultCodes.messageUnexpected : resultCodes.messageUnrecognized;
      this.#drop("wrong-state", peer, `${name} in state ${this.#state}`, out);
      link.channel.reply(link.maker.message(failureResponse(name, sequence, resultCode)), out);
      return;
    }
    switch (message.type) {
      case "configurationUpdateRequest":
        if (message.elements.capwapTimers !== undefined) this.#applyTimers(link, message.elements.capwapTimers);
        if (message.elements.wtpFallback !== undefined) this.#fallbackAllowed = message.elements.wtpFallback === "enabled";
        out.push({ type: "configuration-update", elements: message.elements });
        return;
      case "clearConfigurationRequest":
        out.push({ type: "clear-configuration" });
        return;
      case "resetRequest":
        out.push({ type: "reset-wanted", identifier: message.elements.imageIdentifier });
        return;
      case "imageDataRequest":
        this.#imageRequest(now, message.elements, out);
        return;
    }
  }

  /**
   * The AC is a step ahead, since a response of its was lost or is late: in Run while we wait for the Change State Event
   * Response, or sending blocks before we know that it will. Not taken now; its repeat finds us there.
   */
  #overtookResponse(name: RequestName): boolean {
    return this.#state === "data-check" || (name === "imageDataRequest" && this.#image !== undefined && !this.#image.offeredYet);
  }

  answerConfigurationUpdate(_now: Instant, elements: ElementsOf<"configurationUpdateResponse">, out: WtpOutput<Tag>[]): void {
    this.#reply("configurationUpdateRequest", (sequence) => ({ type: "configurationUpdateResponse", sequence, elements }), out);
  }

  answerClearConfiguration(_now: Instant, resultCode: number, out: WtpOutput<Tag>[]): void {
    this.#reply(
      "clearConfigurationRequest",
      (sequence) => ({ type: "clearConfigurationResponse", sequence, elements: { resultCode } }),
      out,
    );
  }

  answerReset(_now: Instant, resultCode: number, out: WtpOutput<Tag>[]): void {
    if (!this.#reply("resetRequest", (sequence) => ({ type: "resetResponse", sequence, elements: { resultCode } }), out)) return;
    if (resultCode === resultCodes.resetUnable) return;
    this.#dropImage("session-ended", "reset", undefined, out);
    this.#enterReset(out);
  }

  #reply(request: RequestName, responseOf: (sequence: number) => Message, out: WtpOutput<Tag>[]): boolean {
    const sequence = this.#link?.channel.awaiting(request);
    if (this.#link === undefined || sequence === undefined) return false;
    this.#link.channel.reply(this.#link.maker.message(responseOf(sequence)), out);
    return true;
  }

  // ---- Image Data (§9.1)

  startImage(now: Instant, identifier: ImageIdentifier, stored: StoredPart | undefined, out: WtpOutput<Tag>[]): void {
    if (this.#state !== "run" && this.#state !== "image-data") {
      out.push({ type: "image-failed", reason: "session-ended", detail: `no download in state ${this.#state}` });
      return;
    }
    this.#dropImage("rejected", "another download began", undefined, out);
    const offer = this.#settings.fastTransfer ? fastOfferOf(this.#prng.u32(), stored) : undefined;
    const image = new ImageDataReceiver(identifier, offer);
    this.#image = image;
    this.#fast = undefined;
    this.#imageGivenUp = false;
    this.#timers.clear("image-data-start");
    this.#queue.push({ type: "image", image });
    this.#pump(now, out);
  }

  #imageAnswered(
    now: Instant,
    image: ImageDataReceiver,
    resultCode: number,
    { imageInformation, fastAccept }: Partial<ElementsOf<"imageDataResponse">>,
    out: WtpOutput<Tag>[],
  ): void {
    if (!isSuccess(resultCode) || imageInformation === undefined) {
      const detail = isSuccess(resultCode) ? "no Image Information" : resultCodeText(resultCode);
      this.#failImage(now, "refused", detail, resultCode, out);
      return;
    }
    image.offered(imageInformation);
    if (fastAccept === undefined || image.offer === undefined) {
      this.#timers.set("image-data-start", now + this.#capwapTimers.imageDataStartTimerMs);
      out.push({ type: "image-offered", ...imageInformation, startOffset: 0 });
      return;
    }
    const plan = planOf(image.offer, fastAccept, imageInformation.sizeBytes);
    if (plan === undefined) {
      this.#failImage(now, "refused", "the controller accepted a fast transfer that was not offered", undefined, out);
      return;
    }
    this.#fast = new FastImageReceiver(plan, image.offer.windowBytes);
    this.#fast.start(now);
    out.push({ type: "image-offered", ...imageInformation, startOffset: plan.startOffset });
  }

  // ---- fast transfer (docs/decisions/070-fast-image-transfer.md)

  #fragment(now: Instant, { from, bytes, carriage }: Datagram, out: WtpOutput<Tag>[]): void {
    const link = this.#link;
    if (link === undefined || !sameEndpoint(link.peer.endpoint, from)) this.#drop("unknown-peer", from, "a block of a fast transfer", out);
    else if (carriage !== this.#settings.linkMode) this.#drop("clear-not-allowed", from, "a block in clear", out);
    else if (this.#fast === undefined) this.#drop("wrong-state", from, "a block of no transfer", out);
    else {
      this.#fastDoes(now, out, (fast, outputs) => {
        const fault = fast.datagram(now, bytes, outputs);
        if (fault !== undefined) this.#drop("malformed-fragment", from, `${fault} block of a fast transfer`, out);
      });
    }
  }

  #fastDoes(now: Instant, out: WtpOutput<Tag>[], work: (fast: FastImageReceiver, outputs: FastReceiverOutput[]) => void): void {
    const fast = this.#fast;
    if (fast === undefined) return;
    const outputs: FastReceiverOutput[] = [];
    work(fast, outputs);
    for (const output of outputs) {
      switch (output.type) {
        case "image-block":
          out.push(output);
          break;
        case "fast-ack":
          this.#acknowledgeFast(fast, output, out);
          break;
        case "fast-silence":
          this.#failImage(now, "timeout", "no image data in time", undefined, out);
          break;
        default:
          unreachable(output);
      }
    }
  }

  #acknowledgeFast({ plan }: FastImageReceiver, { resultCode, ack }: FastAckOutput, out: WtpOutput<Tag>[]): void {
    const segment = Math.floor((ack.receivedOffset - plan.startOffset) / plan.segmentBytes);
    const elements = { resultCode, fastAck: ack };
    for (const datagram of this.#link?.maker.message({ type: "imageDataResponse", sequence: segment & 0xff, elements }) ?? [])
      out.push(datagram);
  }

  #imageRequest(now: Instant, { imageData }: ElementsOf<"imageDataRequest">, out: WtpOutput<Tag>[]): void {
    const verdict = imageData === undefined ? undefined : this.#image?.block(imageData);
    switch (verdict?.type) {
      case "write":
        this.#timers.set("image-data-start", now + this.#capwapTimers.imageDataStartTimerMs);
        out.push({ type: "image-block", offset: verdict.offset, bytes: verdict.bytes, last: verdict.last });
        return;
      case "aborted":
        this.#answerImageData(resultCodes.success, out);
        this.#failImage(now, "aborted", "the controller gave the transfer up", undefined, out);
        return;
      case "size-mismatch":
        this.#answerImageData(resultCodes.imageInvalidLength, out);
        this.#failImage(now, "size-mismatch", verdict.detail, resultCodes.imageInvalidLength, out);
        return;
      default: {
        // Also an abort that finds nothing to abort, which is what it wants.
        const harmless = imageData?.dataType === "abort";
        const refusal = this.#imageGivenUp ? resultCodes.imageOtherError : resultCodes.messageUnexpected;
        this.#answerImageData(harmless ? resultCodes.success : refusal, out);
      }
    }
  }

  answerBlock(now: Instant, resultCode: number, out: WtpOutput<Tag>[]): void {
    const image = this.#image;
    if (image === undefined) return;
    const outcome = this.#fast === undefined ? this.#answerPlain(now, image, resultCode, out) : this.#answerFast(now, resultCode, out);
    if (outcome === "failed") this.#failImage(now, "rejected", resultCodeText(resultCode), resultCode, out);
    if (outcome !== "complete") return;
    this.#image = undefined;
    this.#timers.clear("image-data-start");
    out.push({ type: "image-complete", sizeBytes: image.sizeBytes });
    if (this.#state === "image-data") this.#restart(image.identifier, out);
  }

  #answerPlain(now: Instant, image: ImageDataReceiver, resultCode: number, out: WtpOutput<Tag>[]): BlockOutcome {
    const outcome = image.answered(resultCode);
    if (outcome !== "none") this.#answerImageData(resultCode, out);
    if (outcome === "next") this.#timers.set("image-data-start", now + this.#capwapTimers.imageDataStartTimerMs);
    return outcome;
  }

  #answerFast(now: Instant, resultCode: number, out: WtpOutput<Tag>[]): BlockOutcome {
    this.#fastDoes(now, out, (fast, outputs) => fast.answer(now, resultCode, outputs));
    const verdict = this.#fast?.resultCode;
    return verdict === undefined ? "next" : verdict === resultCodes.success ? "complete" : "failed";
  }

  cancelImage(now: Instant, out: WtpOutput<Tag>[]): void {
    this.#failImage(now, "rejected", "given up here", undefined, out);
  }

  #answerImageData(resultCode: number, out: WtpOutput<Tag>[]): void {
    this.#reply("imageDataRequest", (sequence) => ({ type: "imageDataResponse", sequence, elements: { resultCode } }), out);
  }

  /** Ends the download. Before Run nothing is left to do without the image, so the session ends with it. */
  #failImage(now: Instant, reason: ImageFailure, detail: string, resultCode: number | undefined, out: WtpOutput<Tag>[]): void {
    this.#fastDoes(now, out, (fast, outputs) => fast.reject(now, resultCode ?? resultCodes.imageOtherError, outputs));
    this.#dropImage(reason, detail, resultCode, out);
    if (this.#state === "image-data") this.#fail(now, "refused", `boot image: ${detail}`, out, resultCode);
  }

  /** Gives a download up, if there is one. A block that is being written is answered with 16. */
  #dropImage(reason: ImageFailure, detail: string, resultCode: number | undefined, out: WtpOutput<Tag>[]): void {
    if (this.#image === undefined) return;
    this.#image = undefined;
    this.#imageGivenUp = true;
    this.#timers.clear("image-data-start");
    const waiting = this.#queue.findIndex(({ type }) => type === "image");
    if (waiting >= 0) this.#queue.splice(waiting, 1);
    out.push({ type: "image-failed", reason, detail, ...(resultCode !== undefined && { resultCode }) });
    this.#answerImageData(resultCodes.imageOtherError, out);
  }

  // ---- endings

  #restart(identifier: ImageIdentifier, out: WtpOutput<Tag>[]): void {
    out.push({ type: "restart-wanted", identifier });
    this.#enterReset(out);
  }

  /** Nothing more is asked of the AC, but a repeat of its Reset Request still gets its answer. */
  #enterReset(out: WtpOutput<Tag>[]): void {
    this.#timers.clearAll();
    this.#emptyQueue(out);
    this.#enter("reset", out);
  }

  /** The session with this AC did not come about or broke; looks for one anew. */
  #fail(now: Instant, reason: WtpDisconnect, detail: string, out: WtpOutput<Tag>[], resultCode?: number): void {
    // One that does not know a session in Run was started anew: it is well and as good as before.
    const startedAnew = this.#state === "run" && reason === "refused";
    if (this.#link !== undefined && !startedAnew) this.#choice.failed(now, this.#link.peer.endpoint);
    this.#leave(reason, detail, out, resultCode);
    this.#discover(now, out);
  }

  #leave(reason: WtpDisconnect, detail: string, out: WtpOutput<Tag>[], resultCode?: number): void {
    this.#dropImage("session-ended", detail, undefined, out);
    this.#timers.clearAll();
    this.#emptyQueue(out);
    this.#fast = undefined;
    const link = this.#link;
    if (link === undefined) return;
    this.#link = undefined;
    out.push({ type: "disconnected", reason, detail, ...(resultCode !== undefined && { resultCode }) });
    if (this.#settings.linkMode === "dtls") out.push({ type: "close-link", peer: link.peer.endpoint });
  }

  #emptyQueue(out: WtpOutput<Tag>[]): void {
    const outstanding = this.#link?.channel.abandon();
    for (const ticket of [outstanding, ...this.#queue.splice(0)]) {
      if (ticket?.type === "request") out.push({ type: "unanswered", tag: ticket.tag, reason: "session-ended" });
    }
  }

  #enter(state: WtpState, out: WtpOutput<Tag>[]): void {
    this.#state = state;
    out.push({ type: "state", state, controller: this.controller, controllerName: this.#link?.peer.acName });
  }

  #drop(reason: DropReason, from: Endpoint, detail: string, out: WtpOutput<Tag>[]): void {
    out.push({ type: "dropped", reason, from, detail });
  }
}
