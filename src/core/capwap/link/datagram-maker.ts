/** Turns messages for one peer into the datagrams that carry them. */
import type { Endpoint } from "../../../base/endpoint.js";
import { encodeMessage, encodeUnrecognized } from "../../../wire/capwap/codec.js";
import { capwapLimits } from "../../../wire/capwap/defaults.js";
import { packetsOf } from "../../../wire/capwap/header.js";
import type { FailureResponse, Message } from "../../../wire/capwap/messages.js";
import type { ImageRange, SendDatagram } from "../contract.js";
import type { Carriage } from "./secure-link.js";

/** Fragment IDs of ordinary messages stay below; those above belong to fast transfers. */
const fragmentIds = 0x8000;

export class DatagramMaker {
  readonly #to: Endpoint;
  readonly #carriage: Carriage;
  #nextFragmentId = 0;

  constructor(to: Endpoint, carriage: Carriage) {
    this.#to = to;
    this.#carriage = carriage;
  }

  message(message: Message | FailureResponse): SendDatagram[] {
    return this.#datagrams(encodeMessage(message));
  }

  /** Response to a request type that is in no table (§4.5.1.1). */
  unrecognized(requestType: number, sequence: number): SendDatagram[] {
    return this.#datagrams(encodeUnrecognized(requestType, sequence));
  }

  /** An Image Data Request whose block is a range of an image. One datagram: a block never needs fragments. */
  block(sequence: number, image: ImageRange, last: boolean): SendDatagram[] {
    const imageData = { dataType: last ? "last" : "block", data: noBytes } as const;
    const head = encodeMessage({ type: "imageDataRequest", sequence, elements: { imageData } }, image.length);
    return packetsOf(head, 0, capwapLimits.datagramBytesMax).map((bytes) => ({
      type: "send",
      to: this.#to,
      bytes,
      ...(image.length > 0 && { image }),
      carriage: this.#carriage,
    }));
  }

  #datagrams(message: Uint8Array): SendDatagram[] {
    const packets = packetsOf(message, this.#nextFragmentId, capwapLimits.datagramBytesMax);
    if (packets.length > 1) this.#nextFragmentId = (this.#nextFragmentId + 1) % fragmentIds;
    return packets.map((bytes) => ({ type: "send", to: this.#to, bytes, carriage: this.#carriage }));
  }
}

const noBytes = new Uint8Array();
