/**
 * The WTP's side of CAPWAP (RFC 5415 §2.3.1): finds an AC, joins, is configured, runs, and begins again when the session ends.
 * There is no data channel: the Change State Event Response leads to Run (docs/capwap.md).
 */
import { type Endpoint, sameEndpoint } from "../../../base/endpoint.js";
import type { Prng } from "../../../base/prng.js";
import { earliest, type Instant } from "../../../base/time.js";
import { TimerTable } from "../../../base/timer-table.js";
import type { ImageIdentifier } from "../../../wire/capwap/elements.js";
import { isFastFragment } from "../../../wire/capwap/fast-segment.js";
import {
  type ElementsOf,
  type FailureResponse,
  isRequest,
  type Message,
  type RequestName,
  type ResponseName,
} from "../../../wire/capwap/messages.js";
import { isSuccess, resultCodes, resultCodeText } from "../../../wire/capwap/result-code.js";
import type { Datagram, DropReason } from "../contract.js";
import { fastOfferOf } from "../image/fast-image-offer.js";
import { Intake } from "../link/intake.js";
import type { ControllerCandidate } from "./controller-choice.js";
import { ControllerSearch, type SearchOutcome } from "./controller-search.js";
import { WtpConfiguration } from "./wtp-configuration.js";
import type {
  KnownController,
  StoredPart,
  WtpDisconnect,
  WtpOutput,
  WtpRequest,
  WtpSelf,
  WtpSessionPort,
  WtpSettings,
  WtpState,
} from "./wtp-contract.js";
import { type DownloadEnd, WtpDownload } from "./wtp-download.js";
import { WtpFallback } from "./wtp-fallback.js";
import { WtpLink, type WtpTicket } from "./wtp-link.js";
import { changeStateEventElements, configurationStatusRequestElements, joinRequestElements } from "./wtp-messages.js";
import { admitRequest } from "./wtp-requests.js";

type Deadline = "wait-dtls" | "echo";

export class WtpSession<Tag> implements WtpSessionPort<Tag> {
  readonly #settings: WtpSettings;
  readonly #self: () => WtpSelf;
  readonly #prng: Prng;
  readonly #intake: Intake;
  readonly #search: ControllerSearch;
  readonly #fallback: WtpFallback;
  readonly #download: WtpDownload<Tag>;
  readonly #configuration: WtpConfiguration;
  readonly #timers = new TimerTable<Deadline>();
  #state: WtpState = "idle";
  #link: WtpLink<Tag> | undefined;

  constructor(settings: WtpSettings, self: () => WtpSelf, prng: Prng) {
    this.#settings = settings;
    this.#self = self;
    this.#prng = prng;
    this.#intake = new Intake(settings.linkMode, (peer) => this.#linkTo(peer)?.maker);
    this.#configuration = new WtpConfiguration(settings.timers);
    this.#search = new ControllerSearch(settings, self, prng);
    this.#fallback = new WtpFallback(this.#search, this.#configuration);
    this.#download = new WtpDownload(settings.timers.imageDataStartTimerMs);
  }

  get state(): WtpState {
    return this.#state;
  }

  get controller(): Endpoint | undefined {
    return this.#link?.peer.endpoint;
  }

  nextWakeAt(): Instant | undefined {
    return earliest(
      this.#search.nextWakeAt(),
      this.#timers.nextAt(),
      this.#fallback.nextWakeAt(),
      this.#download.nextWakeAt(),
      this.#link?.nextWakeAt(),
    );
  }

  start(now: Instant, out: WtpOutput<Tag>[]): void {
    if (this.#state === "idle") this.#discover(now, out);
  }

  stop(_now: Instant, out: WtpOutput<Tag>[]): void {
    if (this.#state === "idle") return;
    this.#leave("stopped", "stopped", out);
    this.#search.end();
    this.#enter("idle", out);
  }

  wake(now: Instant, out: WtpOutput<Tag>[]): void {
    this.#searched(now, this.#search.wake(now, out), out);
    for (let due = this.#timers.takeDue(now); due !== undefined; due = this.#timers.takeDue(now)) this.#onDeadline(now, due, out);
    this.#fallback.wake(now, out);
    this.#ended(now, this.#download.wake(now, out), out);
    if (this.#link?.retry(now, out) === false) this.#fail(now, "no-response", "no response after all retransmissions", out);
  }

  #onDeadline(now: Instant, due: Deadline, out: WtpOutput<Tag>[]): void {
    switch (due) {
      case "wait-dtls":
        this.#fail(now, "link-timeout", "no DTLS link in time", out);
        return;
      case "echo":
        // A request that is under way does the same service and restarts the timer when it is answered.
        if (this.#link?.idle) this.#send(now, this.#link, { type: "echo" }, { type: "echoRequest", elements: {} }, out);
        else this.#timers.set("echo", now + this.#configuration.timers.echoIntervalMs);
        return;
    }
  }

  // ---- Discovery and Sulking

  setControllers(now: Instant, controllers: readonly KnownController[], out: WtpOutput<Tag>[]): void {
    const { choice } = this.#search;
    choice.list = controllers;
    if (this.#link !== undefined) {
      const { peer } = this.#link;
      this.#link.peer = { ...peer, rank: choice.rankOf(peer.endpoint, peer.acName) ?? controllers.length };
      if (this.#state === "run") this.#fallback.watch(now, this.#link.peer.rank);
    }
    if (this.#state === "sulking") this.#discover(now, out);
  }

  #discover(now: Instant, out: WtpOutput<Tag>[]): void {
    this.#configuration.resetTimers();
    this.#search.begin(now);
    this.#enter("discovery", out);
  }

  #searched(now: Instant, outcome: SearchOutcome | undefined, out: WtpOutput<Tag>[]): void {
    if (outcome?.type === "found") this.#connect(now, outcome.controller, out);
    if (outcome?.type === "sulking") this.#enter("sulking", out);
    if (outcome?.type === "resumed") this.#enter("discovery", out);
  }

  #discovered(now: Instant, from: Endpoint, { sequence, elements }: Message<"discoveryResponse">, out: WtpOutput<Tag>[]): void {
    const outcome = this.#state === "discovery" ? this.#search.answered(now, from, sequence, elements.acName) : "stale";
    if (outcome === "stale") this.#drop("wrong-state", from, `discoveryResponse in state ${this.#state}`, out);
    else if (outcome === "unknown") this.#drop("unknown-peer", from, `discoveryResponse of ${elements.acName}`, out);
    else this.#searched(now, outcome, out);
  }

  // ---- DTLS, Join, Configure

  #connect(now: Instant, peer: ControllerCandidate, out: WtpOutput<Tag>[]): void {
    this.#search.end();
    this.#configuration.resetTimers();
    this.#link = new WtpLink(peer, this.#settings.linkMode, this.#configuration.timers);
    if (this.#settings.linkMode === "clear") {
      this.#join(now, this.#link, out);
      return;
    }
    this.#enter("connect", out);
    this.#timers.set("wait-dtls", now + this.#configuration.timers.waitDtlsMs);
    out.push({ type: "open-link", peer: peer.endpoint });
  }

  linkUp(now: Instant, peer: Endpoint, out: WtpOutput<Tag>[]): void {
    const link = this.#linkTo(peer);
    if (this.#state !== "connect" || link === undefined) return;
    this.#timers.clear("wait-dtls");
    this.#join(now, link, out);
  }

  linkDown(now: Instant, peer: Endpoint, out: WtpOutput<Tag>[]): void {
    if (this.#linkTo(peer) !== undefined) this.#fail(now, "link-down", "the DTLS link ended", out);
  }

  #join(now: Instant, link: WtpLink<Tag>, out: WtpOutput<Tag>[]): void {
    this.#enter("join", out);
    const elements = joinRequestElements(this.#self(), this.#prng.bytes(16));
    this.#send(now, link, { type: "join" }, { type: "joinRequest", elements }, out);
  }

  #joined(now: Instant, link: WtpLink<Tag>, elements: ElementsOf<"joinResponse">, out: WtpOutput<Tag>[]): void {
    const { imageIdentifier } = elements;
    const { activeVersion, otherVersions } = this.#self();
    if (!this.#settings.bootImageDownload || imageIdentifier === undefined || imageIdentifier.name === activeVersion) {
      this.#enter("configure", out);
      const request = configurationStatusRequestElements(this.#self(), elements.acName, this.#search.choice.list);
      this.#send(now, link, { type: "configuration-status" }, { type: "configurationStatusRequest", elements: request }, out);
      return;
    }
    // §9.1: the wanted image is in flash, so it needs a reset only; or it is downloaded first.
    if (otherVersions.includes(imageIdentifier.name)) this.#restart(imageIdentifier, out);
    else {
      this.#enter("image-data", out);
      this.#timers.set("echo", now + this.#configuration.timers.echoIntervalMs);
      this.#download.expectData(now);
      out.push({ type: "boot-image-wanted", identifier: imageIdentifier });
    }
  }

  #configured(now: Instant, link: WtpLink<Tag>, elements: ElementsOf<"configurationStatusResponse">, out: WtpOutput<Tag>[]): void {
    this.#configuration.apply(elements);
    link.timers = this.#configuration.timers;
    this.#enter("data-check", out);
    this.#send(now, link, { type: "change-state" }, { type: "changeStateEventRequest", elements: changeStateEventElements() }, out);
  }

  #run(now: Instant, link: WtpLink<Tag>, out: WtpOutput<Tag>[]): void {
    this.#search.choice.succeeded(link.peer.endpoint);
    this.#enter("run", out);
    this.#timers.set("echo", now + this.#configuration.timers.echoIntervalMs);
    this.#fallback.watch(now, link.peer.rank);
    this.#pump(now, out);
  }

  // ---- Run

  #preferredAnswered(now: Instant, from: Endpoint, { elements }: Message<"primaryDiscoveryResponse">, out: WtpOutput<Tag>[]): void {
    const preferred = this.#fallback.answered(from, elements.acName);
    if (preferred === undefined) {
      this.#drop("stray-response", from, "primaryDiscoveryResponse", out);
      return;
    }
    // A download, or a request that waits for its response, is finished here first; the next round asks again.
    if (this.#download.isUnderWay || this.#link?.hasQueued || !this.#link?.idle) return;
    this.#leave("fallback", `${elements.acName} is back`, out);
    this.#connect(now, preferred, out);
  }

  request(now: Instant, request: WtpRequest, tag: Tag, out: WtpOutput<Tag>[]): void {
    if (this.#state !== "run") {
      out.push({ type: "unanswered", tag, reason: "session-ended" });
      return;
    }
    this.#link?.enqueue({ type: "request", request, tag });
    this.#pump(now, out);
  }

  #pump(now: Instant, out: WtpOutput<Tag>[]): void {
    if ((this.#state === "run" || this.#state === "image-data") && this.#link?.sendQueued(now, out)) this.#asked(now);
  }

  #send<Name extends RequestName>(
    now: Instant,
    link: WtpLink<Tag>,
    ticket: WtpTicket<Tag>,
    request: { readonly type: Name; readonly elements: ElementsOf<Name> },
    out: WtpOutput<Tag>[],
  ): void {
    link.send(now, ticket, request, out);
    if (ticket.type === "echo") this.#timers.set("echo", now + this.#configuration.timers.echoIntervalMs);
    else this.#asked(now);
  }

  /** Every request restarts the Echo timer (§4.7.7). */
  #asked(now: Instant): void {
    if (this.#timers.has("echo")) this.#timers.set("echo", now + this.#configuration.timers.echoIntervalMs);
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
    const message = this.#intake.take(now, datagram, out);
    if (message === undefined) return;
    const link = this.#linkTo(from);
    if (message.type === "discoveryResponse") this.#discovered(now, from, message, out);
    else if (message.type === "primaryDiscoveryResponse") this.#preferredAnswered(now, from, message, out);
    else if (link === undefined || this.#state === "connect") this.#drop("unknown-peer", from, message.type, out);
    else if (message.type !== "failureResponse" && isRequest(message.type)) this.#request(now, link, message as Message<RequestName>, out);
    else this.#response(now, link, message as Message<ResponseName> | FailureResponse, out);
  }

  #response(now: Instant, link: WtpLink<Tag>, message: Message<ResponseName> | FailureResponse, out: WtpOutput<Tag>[]): void {
    const name = message.type === "failureResponse" ? message.response : message.type;
    const ticket = link.take(name, message.sequence);
    if (ticket === undefined) {
      this.#drop("stray-response", link.peer.endpoint, name, out);
      return;
    }
    const { resultCode = resultCodes.success } = message.elements;
    if (ticket.type === "request") out.push({ type: "answered", tag: ticket.tag, resultCode, elements: message.elements });
    const isUnknownHere = resultCode === resultCodes.messageUnexpected && this.#state === "run";
    if (ticket.type === "image" && !isUnknownHere) {
      const elements = message.elements as Partial<ElementsOf<"imageDataResponse">>;
      this.#ended(now, this.#download.answered(now, ticket.image, resultCode, elements, out), out);
    } else if (ticket.type !== "request" || isUnknownHere) {
      // Without success there is no session: it was refused, or the AC has restarted and forgot it.
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

  #request(now: Instant, link: WtpLink<Tag>, message: Message<RequestName>, out: WtpOutput<Tag>[]): void {
    if (!admitRequest(link, this.#state, this.#download.awaitsOffer, message, out)) return;
    switch (message.type) {
      case "configurationUpdateRequest":
        this.#configuration.apply(message.elements);
        link.timers = this.#configuration.timers;
        out.push({ type: "configuration-update", elements: message.elements });
        return;
      case "clearConfigurationRequest":
        out.push({ type: "clear-configuration" });
        return;
      case "resetRequest":
        out.push({ type: "reset-wanted", identifier: message.elements.imageIdentifier });
        return;
      case "imageDataRequest":
        this.#ended(now, this.#download.request(now, link, message.elements, out), out);
        return;
    }
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
    this.#download.reset(out);
    this.#enterReset(out);
  }

  #reply(request: RequestName, responseOf: (sequence: number) => Message, out: WtpOutput<Tag>[]): boolean {
    return this.#link?.reply(request, responseOf, out) ?? false;
  }

  // ---- Image Data (§9.1)

  startImage(now: Instant, identifier: ImageIdentifier, stored: StoredPart | undefined, out: WtpOutput<Tag>[]): void {
    if (this.#link === undefined || (this.#state !== "run" && this.#state !== "image-data")) {
      out.push({ type: "image-failed", reason: "session-ended", detail: `no download in state ${this.#state}` });
      return;
    }
    const { fastTransfer, fastWindowBytes } = this.#settings;
    const offer = fastTransfer ? fastOfferOf(this.#prng.u32(), stored, fastWindowBytes) : undefined;
    this.#download.start(this.#link, identifier, offer, out);
    this.#pump(now, out);
  }

  blockStored(now: Instant, resultCode: number, out: WtpOutput<Tag>[]): void {
    this.#ended(now, this.#download.blockStored(now, resultCode, out), out);
  }

  cancelImage(now: Instant, out: WtpOutput<Tag>[]): void {
    this.#ended(now, this.#download.cancel(now, out), out);
  }

  #fragment(now: Instant, { from, bytes, carriage }: Datagram, out: WtpOutput<Tag>[]): void {
    if (this.#linkTo(from) === undefined) this.#drop("unknown-peer", from, "a block of a fast transfer", out);
    else if (carriage !== this.#settings.linkMode) this.#drop("clear-not-allowed", from, "a block in clear", out);
    else {
      const fault = this.#download.fragment(now, bytes, out);
      if (fault === "no-transfer") this.#drop("wrong-state", from, "a block of no transfer", out);
      else if (fault !== undefined) this.#drop("malformed-fragment", from, `${fault} block of a fast transfer`, out);
    }
  }

  /** Before Run nothing is left to do without the image, so the session ends with it; a whole one is booted. */
  #ended(now: Instant, end: DownloadEnd | undefined, out: WtpOutput<Tag>[]): void {
    if (end === undefined) return;
    if (end.type === "complete") out.push({ type: "image-complete", sizeBytes: end.image.sizeBytes });
    if (this.#state !== "image-data") return;
    if (end.type === "complete") this.#restart(end.image.identifier, out);
    else this.#fail(now, "refused", `boot image: ${end.detail}`, out, end.resultCode);
  }

  // ---- endings

  #restart(identifier: ImageIdentifier, out: WtpOutput<Tag>[]): void {
    out.push({ type: "restart-wanted", identifier });
    this.#enterReset(out);
  }

  /** Nothing more is asked of the AC, but a repeat of its Reset Request still gets its answer. */
  #enterReset(out: WtpOutput<Tag>[]): void {
    this.#timers.clearAll();
    this.#fallback.end();
    this.#link?.abandonAll(out);
    this.#enter("reset", out);
  }

  /** There is no session with this AC, or no longer: searches again. */
  #fail(now: Instant, reason: WtpDisconnect, detail: string, out: WtpOutput<Tag>[], resultCode?: number): void {
    // An AC that forgot our session has restarted; keep preferring it.
    const hasRestarted = this.#state === "run" && reason === "refused";
    if (this.#link !== undefined && !hasRestarted) this.#search.choice.failed(now, this.#link.peer.endpoint);
    this.#leave(reason, detail, out, resultCode);
    this.#discover(now, out);
  }

  #leave(reason: WtpDisconnect, detail: string, out: WtpOutput<Tag>[], resultCode?: number): void {
    this.#download.leave(detail, out);
    this.#timers.clearAll();
    this.#fallback.end();
    const link = this.#link;
    if (link === undefined) return;
    link.abandonAll(out);
    this.#link = undefined;
    out.push({ type: "disconnected", reason, detail, ...(resultCode !== undefined && { resultCode }) });
    if (this.#settings.linkMode === "dtls") out.push({ type: "close-link", peer: link.peer.endpoint });
  }

  #linkTo(peer: Endpoint): WtpLink<Tag> | undefined {
    return this.#link !== undefined && sameEndpoint(this.#link.peer.endpoint, peer) ? this.#link : undefined;
  }

  #enter(state: WtpState, out: WtpOutput<Tag>[]): void {
    this.#state = state;
    out.push({ type: "state", state, controller: this.controller, controllerName: this.#link?.peer.acName });
  }

  #drop(reason: DropReason, from: Endpoint, detail: string, out: WtpOutput<Tag>[]): void {
    out.push({ type: "dropped", reason, from, detail });
  }
}
