import { type Endpoint, sameEndpoint } from "../../../base/endpoint.js";
import type { Prng } from "../../../base/prng.js";
import { earliest, type Instant } from "../../../base/time.js";
import { TimerTable } from "../../../base/timer-table.js";
import type { ElementValue, ImageIdentifier } from "../../../wire/capwap/elements.js";
import type { ElementsOf, RequestName } from "../../../wire/capwap/messages.js";
import type { ControllerCandidate } from "./controller-choice.js";
import { ControllerSearch, type SearchOutcome } from "./controller-search.js";
import { DataKeepAlive } from "./data-keep-alive.js";
import { WtpConfiguration } from "./wtp-configuration.js";
import type { KnownController, WtpDisconnect, WtpOutput, WtpSelf, WtpSettings, WtpState } from "./wtp-contract.js";
import { type DownloadEnd, WtpDownload } from "./wtp-download.js";
import { WtpFallback } from "./wtp-fallback.js";
import { WtpLink, type WtpTicket } from "./wtp-link.js";
import { changeStateEventElements, configurationStatusRequestElements, joinRequestElements } from "./wtp-messages.js";

type Deadline = "wait-dtls" | "echo";

/**
 * A WTP's way through the states of RFC 5415 §2.3.1, and what belongs to each: search, link, timers, fallback and download. What a
 * message means for it is decided in `wtp-session.ts`.
 */
export class WtpLifecycle<Tag> {
  readonly search: ControllerSearch;
  readonly fallback: WtpFallback;
  readonly download: WtpDownload<Tag>;
  readonly configuration: WtpConfiguration;
  readonly keepAlive = new DataKeepAlive();
  state: WtpState = "idle";
  /** The session with the chosen AC, from `connect` to `reset`. */
  link: WtpLink<Tag> | undefined;
  readonly #settings: WtpSettings;
  readonly #self: () => WtpSelf;
  readonly #prng: Prng;
  readonly #timers = new TimerTable<Deadline>();
  /** Of the Join Request and the Join Response. */
  #sessionId: Uint8Array = new Uint8Array();
  #acDescriptor: ElementValue<"acDescriptor"> | undefined;

  constructor(settings: WtpSettings, self: () => WtpSelf, prng: Prng) {
    this.#settings = settings;
    this.#self = self;
    this.#prng = prng;
    this.configuration = new WtpConfiguration(settings.timers);
    this.search = new ControllerSearch(settings, self, prng);
    this.fallback = new WtpFallback(this.search, this.configuration);
    this.download = new WtpDownload(settings.timers.imageDataStartTimerMs);
  }

  nextWakeAt(): Instant | undefined {
    return earliest(
      this.search.nextWakeAt(),
      this.#timers.nextAt(),
      this.fallback.nextWakeAt(),
      this.keepAlive.nextWakeAt(),
      this.download.nextWakeAt(),
      this.link?.nextWakeAt(),
    );
  }

  start(now: Instant, out: WtpOutput<Tag>[]): void {
    if (this.state === "idle") this.#discover(now, out);
  }

  stop(out: WtpOutput<Tag>[]): void {
    if (this.state === "idle") return;
    this.leave("stopped", "stopped", out);
    this.search.end();
    this.#enter("idle", out);
  }

  wake(now: Instant, out: WtpOutput<Tag>[]): void {
    this.searched(now, this.search.wake(now, out), out);
    for (let due = this.#timers.takeDue(now); due !== undefined; due = this.#timers.takeDue(now)) this.#onDeadline(now, due, out);
    this.fallback.wake(now, out);
    this.keepAlive.wake(now, out);
    this.downloadEnded(now, this.download.wake(now, out), out);
    if (this.link?.retry(now, out) === false) this.fail(now, "no-response", "no response after all retransmissions", out);
  }

  #onDeadline(now: Instant, due: Deadline, out: WtpOutput<Tag>[]): void {
    switch (due) {
      case "wait-dtls":
        this.fail(now, "link-timeout", "no DTLS link in time", out);
        return;
      case "echo":
        // A request that is under way does the same service and restarts the timer when it is answered.
        if (this.link?.idle) this.#send(now, this.link, { type: "echo" }, { type: "echoRequest", elements: {} }, out);
        else this.#timers.set("echo", now + this.configuration.timers.echoIntervalMs);
        return;
    }
  }

  // ---- Discovery and Sulking

  setControllers(now: Instant, controllers: readonly KnownController[], out: WtpOutput<Tag>[]): void {
    const { choice } = this.search;
    choice.list = controllers;
    if (this.link !== undefined) {
      const { peer } = this.link;
      this.link.peer = { ...peer, rank: choice.rankOf(peer.endpoint, peer.acName) ?? controllers.length };
      if (this.state === "run") this.fallback.watch(now, this.link.peer.rank);
    }
    if (this.state === "sulking") this.#discover(now, out);
  }

  #discover(now: Instant, out: WtpOutput<Tag>[]): void {
    this.configuration.resetTimers();
    this.search.begin(now);
    this.#enter("discovery", out);
  }

  searched(now: Instant, outcome: SearchOutcome | undefined, out: WtpOutput<Tag>[]): void {
    if (outcome?.type === "found") this.connect(now, outcome.controller, out);
    if (outcome?.type === "sulking") this.#enter("sulking", out);
    if (outcome?.type === "resumed") this.#enter("discovery", out);
  }

  // ---- Connect, Join, Configure, Data Check, Run

  connect(now: Instant, peer: ControllerCandidate, out: WtpOutput<Tag>[]): void {
    this.search.end();
    this.configuration.resetTimers();
    this.link = new WtpLink(peer, this.#settings.linkMode, this.configuration.timers);
    if (this.#settings.linkMode === "clear") {
      this.#join(now, this.link, out);
      return;
    }
    this.#enter("connect", out);
    this.#timers.set("wait-dtls", now + this.configuration.timers.waitDtlsMs);
    out.push({ type: "open-link", peer: peer.endpoint });
  }

  linkUp(now: Instant, peer: Endpoint, out: WtpOutput<Tag>[]): void {
    const link = this.linkTo(peer);
    if (this.state !== "connect" || link === undefined) return;
    this.#timers.clear("wait-dtls");
    this.#join(now, link, out);
  }

  linkDown(now: Instant, peer: Endpoint, out: WtpOutput<Tag>[]): void {
    if (this.linkTo(peer) !== undefined) this.fail(now, "link-down", "the DTLS link ended", out);
  }

  #join(now: Instant, link: WtpLink<Tag>, out: WtpOutput<Tag>[]): void {
    this.#enter("join", out);
    this.#sessionId = this.#prng.bytes(16);
    const elements = joinRequestElements(this.#self(), this.#sessionId);
    this.#send(now, link, { type: "join" }, { type: "joinRequest", elements }, out);
  }

  joined(now: Instant, link: WtpLink<Tag>, elements: ElementsOf<"joinResponse">, out: WtpOutput<Tag>[]): void {
    const { imageIdentifier, sessionToken } = elements;
    link.token = sessionToken;
    this.#acDescriptor = elements.acDescriptor;
    const { activeVersion, otherVersions } = this.#self();
    if (!this.#settings.bootImageDownload || imageIdentifier === undefined || imageIdentifier.name === activeVersion) {
      this.#enter("configure", out);
      const request = configurationStatusRequestElements(this.#self(), elements.acName, this.search.choice.list);
      this.#send(now, link, { type: "configuration-status" }, { type: "configurationStatusRequest", elements: request }, out);
      return;
    }
    // §9.1: the wanted image is in flash, so it needs a reset only; or it is downloaded first.
    if (otherVersions.includes(imageIdentifier.name)) this.#restart(imageIdentifier, out);
    else {
      this.#enter("image-data", out);
      this.#timers.set("echo", now + this.configuration.timers.echoIntervalMs);
      this.download.expectData(now);
      out.push({ type: "boot-image-wanted", identifier: imageIdentifier });
    }
  }

  configured(now: Instant, link: WtpLink<Tag>, elements: ElementsOf<"configurationStatusResponse">, out: WtpOutput<Tag>[]): void {
    this.configuration.apply(elements);
    link.timers = this.configuration.timers;
    this.#enter("data-check", out);
    this.#send(now, link, { type: "change-state" }, { type: "changeStateEventRequest", elements: changeStateEventElements() }, out);
  }

  run(now: Instant, link: WtpLink<Tag>, out: WtpOutput<Tag>[]): void {
    this.search.choice.succeeded(link.peer.endpoint);
    this.#enter("run", out);
    this.#timers.set("echo", now + this.configuration.timers.echoIntervalMs);
    this.fallback.watch(now, link.peer.rank);
    if (this.#acDescriptor !== undefined) this.keepAlive.start(now, link.peer.endpoint, this.#acDescriptor, this.#sessionId);
    this.sendQueued(now, out);
  }

  sendQueued(now: Instant, out: WtpOutput<Tag>[]): void {
    if ((this.state === "run" || this.state === "image-data") && this.link?.sendQueued(now, out)) this.#asked(now);
  }

  #send<Name extends RequestName>(
    now: Instant,
    link: WtpLink<Tag>,
    ticket: WtpTicket<Tag>,
    request: { readonly type: Name; readonly elements: ElementsOf<Name> },
    out: WtpOutput<Tag>[],
  ): void {
    link.send(now, ticket, request, out);
    if (ticket.type === "echo") this.#timers.set("echo", now + this.configuration.timers.echoIntervalMs);
    else this.#asked(now);
  }

  /** Every request restarts the Echo timer (§4.7.7). */
  #asked(now: Instant): void {
    if (this.#timers.has("echo")) this.#timers.set("echo", now + this.configuration.timers.echoIntervalMs);
  }

  /** Before Run nothing is left to do without the image, so the session ends with it; a whole one is booted. */
  downloadEnded(now: Instant, end: DownloadEnd | undefined, out: WtpOutput<Tag>[]): void {
    if (end === undefined) return;
    if (end.type === "complete") out.push({ type: "image-complete", sizeBytes: end.image.sizeBytes });
    if (this.state !== "image-data") return;
    if (end.type === "complete") this.#restart(end.image.identifier, out);
    else this.fail(now, "refused", `boot image: ${end.detail}`, out, end.resultCode);
  }

  // ---- endings

  #restart(identifier: ImageIdentifier, out: WtpOutput<Tag>[]): void {
    out.push({ type: "restart-wanted", identifier });
    this.enterReset(out);
  }

  /** Nothing more is asked of the AC, but a repeat of its Reset Request still gets its answer. */
  enterReset(out: WtpOutput<Tag>[]): void {
    this.#timers.clearAll();
    this.fallback.end();
    this.keepAlive.stop();
    this.link?.abandonAll(out);
    this.#enter("reset", out);
  }

  /** The session failed or was refused; back to Discovery. */
  fail(now: Instant, reason: WtpDisconnect, detail: string, out: WtpOutput<Tag>[], resultCode?: number): void {
    // An AC that forgot our session has restarted; keep preferring it.
    const hasRestarted = this.state === "run" && reason === "refused";
    if (this.link !== undefined && !hasRestarted) this.search.choice.failed(now, this.link.peer.endpoint);
    this.leave(reason, detail, out, resultCode);
    this.#discover(now, out);
  }

  leave(reason: WtpDisconnect, detail: string, out: WtpOutput<Tag>[], resultCode?: number): void {
    this.download.leave(detail, out);
    this.#timers.clearAll();
    this.fallback.end();
    this.keepAlive.stop();
    const link = this.link;
    if (link === undefined) return;
    link.abandonAll(out);
    this.link = undefined;
    out.push({ type: "disconnected", reason, detail, ...(resultCode !== undefined && { resultCode }) });
    if (this.#settings.linkMode === "dtls") out.push({ type: "close-link", peer: link.peer.endpoint });
  }

  linkTo(peer: Endpoint): WtpLink<Tag> | undefined {
    return this.link !== undefined && sameEndpoint(this.link.peer.endpoint, peer) ? this.link : undefined;
  }

  #enter(state: WtpState, out: WtpOutput<Tag>[]): void {
    this.state = state;
    out.push({ type: "state", state, controller: this.link?.peer.endpoint, controllerName: this.link?.peer.acName });
  }
}
