/**
 * A WTP's session with one AC, from its choice on, as a pipe: one request of ours is outstanding (RFC 5415 §4.5.3), those that must
 * wait for it queue up, and each request of the AC gets one answer.
 */
import type { Instant } from "../../../base/time.js";
import type { CapwapTimers } from "../../../wire/capwap/defaults.js";
import type { ElementsOf, Message, MessageName, RequestName } from "../../../wire/capwap/messages.js";
import type { SendDatagram, Sink } from "../contract.js";
import type { ImageDataReceiver } from "../image/image-data-receiver.js";
import { DatagramMaker } from "../link/datagram-maker.js";
import { type RequestArrival, RequestChannel } from "../link/request-channel.js";
import type { LinkMode } from "../link/secure-link.js";
import type { ControllerCandidate } from "./controller-choice.js";
import type { WtpOutput, WtpRequest } from "./wtp-contract.js";

/** Identifies an outstanding request to the session. */
export type WtpTicket<Tag> =
  | { readonly type: "join" | "configuration-status" | "change-state" | "echo" }
  | { readonly type: "image"; readonly image: ImageDataReceiver }
  | { readonly type: "request"; readonly request: WtpRequest; readonly tag: Tag };

/** Requests that queue in Run and in Image Data. */
export type QueuedTicket<Tag> = Extract<WtpTicket<Tag>, { type: "image" | "request" }>;

export class WtpLink<Tag> {
  /** Its rank changes with the list of controllers. */
  peer: ControllerCandidate;
  readonly maker: DatagramMaker;
  readonly #channel: RequestChannel<WtpTicket<Tag>>;
  #queue: QueuedTicket<Tag>[] = [];

  constructor(peer: ControllerCandidate, linkMode: LinkMode, timers: CapwapTimers) {
    this.peer = peer;
    this.maker = new DatagramMaker(peer.endpoint, linkMode);
    this.#channel = new RequestChannel(timers);
  }

  set timers(timers: CapwapTimers) {
    this.#channel.timers = timers;
  }

  /** No request of ours waits for its response. */
  get idle(): boolean {
    return this.#channel.idle;
  }

  /** A request of ours waits for its turn. */
  get hasQueued(): boolean {
    return this.#queue.length > 0;
  }

  nextWakeAt(): Instant | undefined {
    return this.#channel.nextWakeAt();
  }

  // ---- our requests

  /** Sends a request. Only while idle. */
  send<Name extends RequestName>(
    now: Instant,
    ticket: WtpTicket<Tag>,
    request: { readonly type: Name; readonly elements: ElementsOf<Name> },
    out: Sink<SendDatagram>,
  ): void {
    this.#channel.send(now, request.type, ticket, (sequence) => this.maker.message({ ...request, sequence } as Message), out);
  }

  enqueue(ticket: QueuedTicket<Tag>): void {
    this.#queue.push(ticket);
  }

  /** Drops a queued request for an image. */
  unqueueImage(): void {
    this.#queue = this.#queue.filter(({ type }) => type !== "image");
  }

  /** Sends the oldest queued request if none is outstanding. @returns whether it did */
  sendQueued(now: Instant, out: Sink<SendDatagram>): boolean {
    if (!this.#channel.idle) return false;
    const queued = this.#queue.shift();
    if (queued === undefined) return false;
    if (queued.type === "request") this.send(now, queued, queued.request, out);
    else {
      const { identifier, offer } = queued.image;
      const elements = { imageIdentifier: identifier, initiateDownload: {}, ...(offer && { fastOffer: offer }) };
      this.send(now, queued, { type: "imageDataRequest", elements }, out);
    }
    return true;
  }

  /** The ticket of the request that a response answers, or undefined when it answers none. */
  take(response: MessageName, sequence: number): WtpTicket<Tag> | undefined {
    return this.#channel.take(response, sequence);
  }

  /** Retransmits the outstanding request if it is due. @returns false once all retransmissions are spent */
  retry(now: Instant, out: WtpOutput<Tag>[]): boolean {
    if (this.#channel.retry(now, out) !== "exhausted") return true;
    const ticket = this.#channel.abandon();
    if (ticket?.type === "request") out.push({ type: "unanswered", tag: ticket.tag, reason: "timeout" });
    return false;
  }

  /** Ends all outstanding and queued requests without an answer. */
  abandonAll(out: WtpOutput<Tag>[]): void {
    for (const ticket of [this.#channel.abandon(), ...this.#queue.splice(0)]) {
      if (ticket?.type === "request") out.push({ type: "unanswered", tag: ticket.tag, reason: "session-ended" });
    }
  }

  // ---- requests of the AC

  /** The token of the AC's Join Response, which goes with every request of both ends from then on; none from an AC that does not speak it. */
  set token(token: Uint8Array | undefined) {
    this.maker.token = token;
  }

  /** Whether a request carries the AC's session token, if the AC has one. */
  isFromAc({ elements }: Message<RequestName>): boolean {
    const { token } = this.maker;
    const { sessionToken } = elements as ElementsOf<"echoRequest">;
    return token === undefined || (sessionToken !== undefined && token.every((octet, index) => octet === sessionToken[index]));
  }

  /** Judges a request of the AC; a repeat gets its answer again. */
  admit(now: Instant, name: RequestName, sequence: number, octets: Uint8Array, out: Sink<SendDatagram>): RequestArrival {
    return this.#channel.admit(now, name, sequence, octets, out);
  }

  /** Answers the request with this sequence number. */
  answer(sequence: number, datagrams: readonly SendDatagram[], out: Sink<SendDatagram>): void {
    this.#channel.reply(sequence, datagrams, out);
  }

  /** Answers the AC's request of this name. @returns false: none waits for an answer */
  reply(request: RequestName, responseOf: (sequence: number) => Message, out: Sink<SendDatagram>): boolean {
    const sequence = this.#channel.awaiting(request);
    if (sequence === undefined) return false;
    this.answer(sequence, this.maker.message(responseOf(sequence)), out);
    return true;
  }
}
