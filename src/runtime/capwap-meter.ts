import { type Endpoint, endpointText } from "../base/endpoint.js";
import { readPacket } from "../wire/capwap/header.js";
import { isRequest, messageNameOf } from "../wire/capwap/messages.js";
import type { Metrics } from "./metrics.js";

export type Direction = "received" | "sent";

/** Peers whose last request is remembered, in each direction; anybody can make peers up, so the oldest goes. */
const peersMax = 4096;
/** Type (32 bits) and Sequence Number (8 bits) of the control header, RFC 5415 §4.5.1. */
const typeAndSequenceBytes = 5;

/** Counts CAPWAP control messages by type, and requests that were sent again. It looks at the first octets only. */
export class CapwapMeter {
  readonly #count: (labels: { direction: Direction; message: string }) => void;
  readonly #countAgain: (labels: { direction: Direction; message: string }) => void;
  readonly #lastRequest = new Map<string, string>();

  constructor(metrics: Metrics) {
    const counter = metrics.counter("capwap_messages_total", "CAPWAP control messages, by type and direction", ["direction", "message"]);
    const again = metrics.counter("capwap_retransmissions_total", "CAPWAP requests that came or went again", ["direction", "message"]);
    this.#count = (labels) => counter.inc(labels);
    this.#countAgain = (labels) => again.inc(labels);
  }

  /** @param bytes a datagram, or its beginning with both headers */
  see(direction: Direction, bytes: Uint8Array, peer: Endpoint): void {
    const packet = readPacket(bytes);
    if (packet.type !== "capwap") {
      this.#count({ direction, message: packet.type });
      return;
    }
    const { payload, header } = packet;
    if ((header.fragment?.offset ?? 0) > 0 || payload.length < typeAndSequenceBytes) return;
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    const name = messageNameOf.get(view.getUint32(0));
    const message = name ?? "unknown";
    this.#count({ direction, message });
    if (name === undefined || !isRequest(name)) return;
    const key = `${direction} ${endpointText(peer)}`;
    const request = `${name} ${payload[4]}`;
    if (this.#lastRequest.get(key) === request) this.#countAgain({ direction, message });
    this.#lastRequest.delete(key);
    this.#lastRequest.set(key, request);
    const oldest = this.#lastRequest.keys().next();
    if (this.#lastRequest.size > peersMax && !oldest.done) this.#lastRequest.delete(oldest.value);
  }
}
