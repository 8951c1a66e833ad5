/**
 * The AC's request window towards one WTP (RFC 5415 §4.5.3): one request of ours is outstanding. What the controller queued goes first,
 * then the end of an aborted transfer, then the next image block.
 */
import type { Endpoint } from "../../../base/endpoint.js";
import type { Instant } from "../../../base/time.js";
import type { CapwapTimers } from "../../../wire/capwap/defaults.js";
import type { ElementsOf, Message, MessageName, RequestName } from "../../../wire/capwap/messages.js";
import type { SendDatagram, Sink } from "../contract.js";
import type { ImageTransfer } from "../image/image-transfer.js";
import { DatagramMaker } from "../link/datagram-maker.js";
import { failureResponse } from "../link/problem-answer.js";
import { type RequestArrival, RequestChannel } from "../link/request-channel.js";
import type { LinkMode } from "../link/secure-link.js";
import type { AcRequest } from "./ac-contract.js";
import { echoIntervalMsOf } from "./ac-messages.js";
import type { PathBudget } from "./path-budget.js";

/** A request of the controller. */
export interface RequestTicket<Tag> {
  readonly type: "request";
  readonly request: AcRequest;
  readonly tag: Tag;
}

/** Identifies an outstanding request to the session. */
export type AcTicket<Tag> = RequestTicket<Tag> | { readonly type: "block" | "abort" | "probe" };

/** Of a block to a WTP that has not proved its address: what it sent before pays for two of them. */
const firstBlockBytesMax = 256;
const blockHeaderBytes = 21;

const probe = { type: "probe" } as const;
const block = { type: "block" } as const;
const abort = { type: "abort" } as const;
const abortElements = { imageData: { dataType: "abort", data: new Uint8Array() } } as const;

export class AcLink<Tag> {
  readonly maker: DatagramMaker;
  readonly #channel: RequestChannel<AcTicket<Tag>>;
  readonly #queue: (RequestTicket<Tag> | typeof abort)[] = [];

  readonly #path: PathBudget;

  constructor(peer: Endpoint, linkMode: LinkMode, timers: CapwapTimers, path: PathBudget) {
    this.#path = path;
    this.maker = new DatagramMaker(peer, linkMode, (bytes) => path.sent(bytes));
    this.#channel = new RequestChannel({ ...timers, echoIntervalMs: echoIntervalMsOf(timers) });
  }

  nextWakeAt(): Instant | undefined {
    return this.#channel.nextWakeAt();
  }

  // ---- our requests

  enqueue(request: AcRequest, tag: Tag): void {
    this.#queue.push({ type: "request", request, tag });
  }

  /** Image Data type 5 goes out as soon as the window is free. */
  enqueueAbort(): void {
    this.#queue.unshift(abort);
  }

  /** Sends the next request if the window is free. No block goes out while the WTP's request for an image waits for its answer. */
  sendNext(now: Instant, transfer: ImageTransfer | undefined, out: Sink<SendDatagram>): void {
    if (!this.#channel.idle) return;
    const queued = this.#queue.shift();
    if (queued?.type === "request") this.#send(now, queued, queued.request, out);
    else if (queued?.type === "abort") this.#send(now, abort, { type: "imageDataRequest", elements: abortElements }, out);
    else this.#sendBlock(now, transfer, out);
  }

  /** Asks for a sign of life, if no request is out that does the same. @param elements of a Configuration Update that changes nothing */
  probe(now: Instant, elements: ElementsOf<"configurationUpdateRequest">, out: Sink<SendDatagram>): void {
    if (this.#channel.idle) this.#send(now, probe, { type: "configurationUpdateRequest", elements }, out);
  }

  /** Sequence number of our first request. A WTP without session token proves by it that it receives what is sent to its address. */
  set firstSequence(sequence: number) {
    this.#channel.firstSequence = sequence;
  }

  #send(now: Instant, ticket: AcTicket<Tag>, request: Pick<Message<RequestName>, "type" | "elements">, out: Sink<SendDatagram>): void {
    const datagramsOf = (sequence: number) => this.maker.message({ ...request, sequence } as Message);
    this.#channel.send(now, request.type, ticket, datagramsOf, out);
  }

  #sendBlock(now: Instant, transfer: ImageTransfer | undefined, out: Sink<SendDatagram>): void {
    if (transfer === undefined || this.#channel.awaiting("imageDataRequest") !== undefined) return;
    if (!this.#path.admits(firstBlockBytesMax + blockHeaderBytes)) return;
    const next = transfer.nextBlock(now, this.#path.isProven ? undefined : firstBlockBytesMax);
    if (next === undefined) return;
    this.#channel.send(now, "imageDataRequest", block, (sequence) => this.maker.block(sequence, next.image, next.last), out);
  }

  /** The ticket of the request that a response answers, or undefined when it answers none. */
  take(response: MessageName, sequence: number): AcTicket<Tag> | undefined {
    return this.#channel.take(response, sequence);
  }

  /** Sends the outstanding request again if it is time. `block-resent`: it was an image block; `exhausted`: the WTP is dead. */
  retry(now: Instant, out: Sink<SendDatagram>): "waiting" | "resent" | "block-resent" | "exhausted" {
    const retried = this.#channel.retry(now, out, (bytes) => this.#path.takes(bytes));
    return retried === "resent" && this.#channel.outstanding?.type === "block" ? "block-resent" : retried;
  }

  /** Gives up a block that is still out, so that what comes next need not wait for its response. */
  abandonBlock(): void {
    if (this.#channel.outstanding?.type === "block") this.#channel.abandon();
  }

  /** @returns the controller's request that was outstanding, if there was one */
  abandonOutstanding(): RequestTicket<Tag> | undefined {
    const ticket = this.#channel.abandon();
    return ticket?.type === "request" ? ticket : undefined;
  }

  /** @returns the controller's requests that were outstanding or queued */
  abandonAll(): RequestTicket<Tag>[] {
    const outstanding = this.abandonOutstanding();
    const queued = this.#queue.splice(0).filter((ticket) => ticket.type === "request");
    return outstanding === undefined ? queued : [outstanding, ...queued];
  }

  // ---- requests of the WTP

  /** Judges a request of the WTP; a repeat gets its answer again. */
  admit(now: Instant, name: RequestName, sequence: number, octets: Uint8Array, out: Sink<SendDatagram>): RequestArrival {
    return this.#channel.admit(now, name, sequence, octets, out);
  }

  /** Sequence number of the WTP's request of this name that waits for its answer. */
  awaiting(name: RequestName): number | undefined {
    return this.#channel.awaiting(name);
  }

  /** Answers the request with the response's sequence number. */
  reply(response: Message, out: Sink<SendDatagram>): void {
    this.#channel.reply(response.sequence, this.maker.message(response), out);
  }

  /** Answers a request with a Result Code alone. */
  refuse(name: RequestName, sequence: number, resultCode: number, out: Sink<SendDatagram>): void {
    this.#channel.reply(sequence, this.maker.message(failureResponse(name, sequence, resultCode)), out);
  }
}
