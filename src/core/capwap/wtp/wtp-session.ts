/**
 * The WTP's session (RFC 5415 §2.3.1) as its agent and its AC see it: what each message and each call of the agent does to the
 * lifecycle. There is no data channel: the Change State Event Response leads to Run (docs/capwap.md).
 */
import type { Endpoint } from "../../../base/endpoint.js";
import type { Prng } from "../../../base/prng.js";
import type { Instant } from "../../../base/time.js";
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
import type { KnownController, StoredPart, WtpOutput, WtpRequest, WtpSelf, WtpSessionPort, WtpSettings, WtpState } from "./wtp-contract.js";
import { WtpLifecycle } from "./wtp-lifecycle.js";
import type { WtpLink } from "./wtp-link.js";
import { admitRequest, leavesUnapplied, type RequestReceived } from "./wtp-requests.js";

export class WtpSession<Tag> implements WtpSessionPort<Tag> {
  readonly #settings: WtpSettings;
  readonly #prng: Prng;
  readonly #intake: Intake;
  readonly #lifecycle: WtpLifecycle<Tag>;

  /** The Configuration Update Request that is being answered asks for more than is done. */
  #leavesUnapplied = false;

  constructor(settings: WtpSettings, self: () => WtpSelf, prng: Prng) {
    this.#settings = settings;
    this.#prng = prng;
    this.#intake = new Intake(settings.linkMode, (peer) => this.#lifecycle.linkTo(peer)?.maker);
    this.#lifecycle = new WtpLifecycle(settings, self, prng);
  }

  get state(): WtpState {
    return this.#lifecycle.state;
  }

  get controller(): Endpoint | undefined {
    return this.#lifecycle.link?.peer.endpoint;
  }

  nextWakeAt(): Instant | undefined {
    return this.#lifecycle.nextWakeAt();
  }

  start(now: Instant, out: WtpOutput<Tag>[]): void {
    this.#lifecycle.start(now, out);
  }

  stop(_now: Instant, out: WtpOutput<Tag>[]): void {
    this.#lifecycle.stop(out);
  }

  wake(now: Instant, out: WtpOutput<Tag>[]): void {
    this.#lifecycle.wake(now, out);
  }

  setControllers(now: Instant, controllers: readonly KnownController[], out: WtpOutput<Tag>[]): void {
    this.#lifecycle.setControllers(now, controllers, out);
  }

  linkUp(now: Instant, peer: Endpoint, out: WtpOutput<Tag>[]): void {
    this.#lifecycle.linkUp(now, peer, out);
  }

  linkDown(now: Instant, peer: Endpoint, out: WtpOutput<Tag>[]): void {
    this.#lifecycle.linkDown(now, peer, out);
  }

  #discovered(now: Instant, from: Endpoint, { sequence, elements }: Message<"discoveryResponse">, out: WtpOutput<Tag>[]): void {
    const outcome = this.#lifecycle.state === "discovery" ? this.#lifecycle.search.answered(now, from, sequence, elements.acName) : "stale";
    if (outcome === "stale") this.#drop("wrong-state", from, `discoveryResponse in state ${this.#lifecycle.state}`, out);
    else if (outcome === "unknown") this.#drop("unknown-peer", from, `discoveryResponse of ${elements.acName}`, out);
    else this.#lifecycle.searched(now, outcome, out);
  }

  // ---- Run

  #preferredAnswered(now: Instant, from: Endpoint, { elements }: Message<"primaryDiscoveryResponse">, out: WtpOutput<Tag>[]): void {
    const preferred = this.#lifecycle.fallback.answered(from, elements.acName);
    if (preferred === undefined) {
      this.#drop("stray-response", from, "primaryDiscoveryResponse", out);
      return;
    }
    // A download, or a request that waits for its response, is finished here first; the next round asks again.
    if (this.#lifecycle.download.isUnderWay || this.#lifecycle.link?.hasQueued || !this.#lifecycle.link?.idle) return;
    this.#lifecycle.leave("fallback", `${elements.acName} is back`, out);
    this.#lifecycle.connect(now, preferred, out);
  }

  request(now: Instant, request: WtpRequest, tag: Tag, out: WtpOutput<Tag>[]): void {
    if (this.#lifecycle.state !== "run") {
      out.push({ type: "unanswered", tag, reason: "session-ended" });
      return;
    }
    this.#lifecycle.link?.enqueue({ type: "request", request, tag });
    this.#lifecycle.sendQueued(now, out);
  }

  // ---- what comes in

  datagram(now: Instant, datagram: Datagram, out: WtpOutput<Tag>[]): void {
    const { from } = datagram;
    if (this.#lifecycle.state === "idle" || this.#lifecycle.state === "sulking") {
      this.#drop("wrong-state", from, `a datagram in state ${this.#lifecycle.state}`, out);
      return;
    }
    if (isFastFragment(datagram.bytes)) {
      this.#fragment(now, datagram, out);
      return;
    }
    if (this.#lifecycle.keepAlive.takes(from, datagram.bytes)) return;
    const received = this.#intake.take(now, datagram, out);
    if (received === undefined) return;
    const { message } = received;
    const link = this.#lifecycle.linkTo(from);
    if (message.type === "discoveryResponse") this.#discovered(now, from, message, out);
    else if (message.type === "primaryDiscoveryResponse") this.#preferredAnswered(now, from, message, out);
    else if (link === undefined || this.#lifecycle.state === "connect") this.#drop("unknown-peer", from, message.type, out);
    else if (message.type !== "failureResponse" && isRequest(message.type)) this.#request(now, link, received as RequestReceived, out);
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
    const isUnknownHere = resultCode === resultCodes.messageUnexpected && this.#lifecycle.state === "run";
    if (ticket.type === "image" && !isUnknownHere) {
      const elements = message.elements as Partial<ElementsOf<"imageDataResponse">>;
      this.#lifecycle.downloadEnded(now, this.#lifecycle.download.answered(now, ticket.image, resultCode, elements, out), out);
    } else if (ticket.type !== "request" || isUnknownHere) {
      // Without success there is no session: it was refused, or the AC has restarted and forgot it.
      if (message.type === "failureResponse" || !isSuccess(resultCode)) {
        this.#lifecycle.fail(now, "refused", `${name}: ${resultCodeText(resultCode)}`, out, resultCode);
        return;
      }
      if (message.type === "joinResponse") this.#lifecycle.joined(now, link, message.elements, out);
      if (message.type === "configurationStatusResponse") this.#lifecycle.configured(now, link, message.elements, out);
      if (message.type === "changeStateEventResponse") this.#lifecycle.run(now, link, out);
    }
    this.#lifecycle.sendQueued(now, out);
  }

  #request(now: Instant, link: WtpLink<Tag>, received: RequestReceived, out: WtpOutput<Tag>[]): void {
    const { message } = received;
    if (!admitRequest(now, link, this.#lifecycle.state, this.#lifecycle.download.awaitsOffer, received, out)) return;
    switch (message.type) {
      case "configurationUpdateRequest":
        this.#lifecycle.configuration.apply(message.elements);
        link.timers = this.#lifecycle.configuration.timers;
        this.#leavesUnapplied = leavesUnapplied(received);
        out.push({ type: "configuration-update", elements: message.elements });
        return;
      case "clearConfigurationRequest":
        out.push({ type: "clear-configuration" });
        return;
      case "resetRequest":
        out.push({ type: "reset-wanted", identifier: message.elements.imageIdentifier });
        return;
      case "imageDataRequest":
        this.#lifecycle.downloadEnded(now, this.#lifecycle.download.request(now, link, message.elements, out), out);
        return;
    }
  }

  answerConfigurationUpdate(_now: Instant, answer: ElementsOf<"configurationUpdateResponse">, out: WtpOutput<Tag>[]): void {
    const isPartial = this.#leavesUnapplied && answer.resultCode === resultCodes.success;
    const elements = isPartial ? { ...answer, resultCode: resultCodes.configurationNotAppliedServiceAnyhow } : answer;
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
    if (!isSuccess(resultCode)) return;
    this.#lifecycle.download.reset(out);
    this.#lifecycle.enterReset(out);
  }

  #reply(request: RequestName, responseOf: (sequence: number) => Message, out: WtpOutput<Tag>[]): boolean {
    return this.#lifecycle.link?.reply(request, responseOf, out) ?? false;
  }

  // ---- Image Data (§9.1)

  startImage(now: Instant, identifier: ImageIdentifier, stored: StoredPart | undefined, out: WtpOutput<Tag>[]): void {
    if (this.#lifecycle.link === undefined || (this.#lifecycle.state !== "run" && this.#lifecycle.state !== "image-data")) {
      out.push({ type: "image-failed", reason: "session-ended", detail: `no download in state ${this.#lifecycle.state}` });
      return;
    }
    const { fastTransfer, fastWindowBytes } = this.#settings;
    const offer = fastTransfer ? fastOfferOf(this.#prng.u32(), stored, fastWindowBytes) : undefined;
    this.#lifecycle.download.start(this.#lifecycle.link, identifier, offer, out);
    this.#lifecycle.sendQueued(now, out);
  }

  blockStored(now: Instant, resultCode: number, out: WtpOutput<Tag>[]): void {
    this.#lifecycle.downloadEnded(now, this.#lifecycle.download.blockStored(now, resultCode, out), out);
  }

  cancelImage(now: Instant, out: WtpOutput<Tag>[]): void {
    this.#lifecycle.downloadEnded(now, this.#lifecycle.download.cancel(now, out), out);
  }

  #fragment(now: Instant, { from, bytes, carriage }: Datagram, out: WtpOutput<Tag>[]): void {
    if (this.#lifecycle.linkTo(from) === undefined) this.#drop("unknown-peer", from, "a block of a fast transfer", out);
    else if (carriage !== this.#settings.linkMode) this.#drop("clear-not-allowed", from, "a block in clear", out);
    else {
      const fault = this.#lifecycle.download.fragment(now, bytes, out);
      if (fault === "no-transfer") this.#drop("wrong-state", from, "a block of no transfer", out);
      else if (fault !== undefined) this.#drop("malformed-fragment", from, `${fault} block of a fast transfer`, out);
    }
  }

  #drop(reason: DropReason, from: Endpoint, detail: string, out: WtpOutput<Tag>[]): void {
    out.push({ type: "dropped", reason, from, detail });
  }
}
