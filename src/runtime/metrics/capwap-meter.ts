import { type Endpoint, endpointText } from "../../base/endpoint.js";
import { isRequest } from "../../wire/capwap/messages.js";
import { glimpse } from "../../wire/capwap/peek.js";
import type { Metrics } from "./metrics.js";

export type Direction = "received" | "sent";

/** Peers whose last request is remembered, in each direction; anybody can make peers up, so the oldest goes. */
const peersMax = 4096;
/** Counts CAPWAP control messages by type, requests that were sent again, and what the port carried. It looks at the first octets only. */
export class CapwapMeter {
  readonly #count: (labels: { direction: Direction; message: string }) => void;
  readonly #countAgain: (labels: { direction: Direction; message: string }) => void;
  readonly #countBytes: (labels: { direction: Direction }, octets: number) => void;
  readonly #lastRequest = new Map<string, string>();

  constructor(metrics: Metrics) {
    const counter = metrics.counter("capwap_messages_total", "CAPWAP control messages, by type and direction", ["direction", "message"]);
    const again = metrics.counter("capwap_retransmissions_total", "CAPWAP requests that came or went again", ["direction", "message"]);
    const octets = metrics.counter("capwap_bytes_total", "Octets of UDP payload through the CAPWAP port", ["direction"]);
    this.#countBytes = (labels, count) => octets.inc(labels, count);
    this.#count = (labels) => counter.inc(labels);
    this.#countAgain = (labels) => again.inc(labels);
  }

  /** @param octets of a datagram as it went over the port: records and handshakes of DTLS too */
  carried(direction: Direction, octets: number): void {
    this.#countBytes({ direction }, octets);
  }

  /** @param bytes a CAPWAP datagram, or its beginning with both headers */
  see(direction: Direction, bytes: Uint8Array, peer: Endpoint): void {
    const seen = glimpse(bytes);
    if (seen.type === "part") return;
    if (seen.type !== "message") {
      this.#count({ direction, message: seen.type });
      return;
    }
    const name = seen.message;
    const message = name ?? "unknown";
    this.#count({ direction, message });
    if (name === undefined || !isRequest(name)) return;
    const key = `${direction} ${endpointText(peer)}`;
    const request = `${name} ${seen.sequence}`;
    if (this.#lastRequest.get(key) === request) this.#countAgain({ direction, message });
    this.#lastRequest.delete(key);
    this.#lastRequest.set(key, request);
    const oldest = this.#lastRequest.keys().next();
    if (this.#lastRequest.size > peersMax && !oldest.done) this.#lastRequest.delete(oldest.value);
  }
}
