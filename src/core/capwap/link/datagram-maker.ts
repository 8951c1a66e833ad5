/** Turns messages for one peer into the datagrams that carry them. */
import type { Endpoint } from "../../../base/endpoint.js";
import { encodeMessage, encodeUnrecognized } from "../../../wire/capwap/codec.js";
import { capwapLimits } from "../../../wire/capwap/defaults.js";
import { packetsOf } from "../../../wire/capwap/header.js";
import { type FailureResponse, isRequest, type Message } from "../../../wire/capwap/messages.js";
import type { ImageRange, SendDatagram } from "../contract.js";
import type { Carriage } from "./secure-link.js";

/** Fragment IDs of ordinary messages stay below; those above belong to fast transfers. */
const fragmentIds = 0x8000;

export class DatagramMaker {
  readonly #to: Endpoint;
  readonly #carriage: Carriage;
  readonly #onMade: ((bytes: number) => void) | undefined;
  #nextFragmentId = 0;
  /** Session token that goes with each request; none before it is known, nor to a peer that does not speak it. */
  token: Uint8Array | undefined;

  /** @param onMade gets the UDP payload of each datagram */
  constructor(to: Endpoint, carriage: Carriage, onMade?: (bytes: number) => void) {
    this.#to = to;
    this.#carriage = carriage;
    this.#onMade = onMade;
  }

  message(message: Message | FailureResponse): SendDatagram[] {
    return this.#datagrams(encodeMessage(this.#withToken(message)));
  }

  /** Response to a request type that is in no table (§4.5.1.1). */
  unrecognized(requestType: number, sequence: number): SendDatagram[] {
    return this.#datagrams(encodeUnrecognized(requestType, sequence));
  }

  /** An Image Data Request whose block is a range of an image. One datagram: a block never needs fragments. */
  block(sequence: number, image: ImageRange, last: boolean): SendDatagram[] {
    const imageData = { dataType: last ? "last" : "block", data: noBytes } as const;
    const head = encodeMessage(this.#withToken({ type: "imageDataRequest", sequence, elements: { imageData } }), image.length);
    return packetsOf(head, 0, capwapLimits.datagramBytesMax).map((bytes) => this.#made(bytes, image.length > 0 ? image : undefined));
  }

  #withToken(message: Message | FailureResponse): Message | FailureResponse {
    if (this.token === undefined || message.type === "failureResponse" || !isRequest(message.type)) return message;
    return { ...message, elements: { ...message.elements, sessionToken: this.token } } as Message;
  }

  #datagrams(message: Uint8Array): SendDatagram[] {
    const packets = packetsOf(message, this.#nextFragmentId, capwapLimits.datagramBytesMax);
    if (packets.length > 1) this.#nextFragmentId = (this.#nextFragmentId + 1) % fragmentIds;
    return packets.map((bytes) => this.#made(bytes, undefined));
  }

  #made(bytes: Uint8Array, image: ImageRange | undefined): SendDatagram {
    this.#onMade?.(bytes.length + (image?.length ?? 0));
    return { type: "send", to: this.#to, bytes, ...(image && { image }), carriage: this.#carriage };
  }
}

const noBytes = new Uint8Array();
