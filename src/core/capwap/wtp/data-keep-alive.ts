/**
 * The WTP's end of the data channel: keep-alives to the port behind the AC's control port (RFC 5415 §3.1, §4.4.1), and nothing else. An
 * AC that answers none is kept all the same: no traffic depends on the channel.
 */
import type { Endpoint } from "../../../base/endpoint.js";
import type { Instant } from "../../../base/time.js";
import type { ElementValue } from "../../../wire/capwap/elements.js";
import { keepAlive, readKeepAlive } from "../../../wire/capwap/keep-alive.js";
import type { SendDatagram, Sink } from "../contract.js";

/** DataChannelKeepAlive (§4.7.3). */
const intervalMs = 30_000;
/** DTLS Policy of the AC Descriptor (§4.6.1): the data channel may be in clear. */
const clearDataChannel = 0x02;

export class DataKeepAlive {
  #datagram: SendDatagram | undefined;
  #nextAt: Instant | undefined;

  nextWakeAt(): Instant | undefined {
    return this.#nextAt;
  }

  /** The session is in Run. @param sessionId of the Join Request */
  start(now: Instant, ac: Endpoint, { dtlsPolicy }: ElementValue<"acDescriptor">, sessionId: Uint8Array): void {
    if ((dtlsPolicy & clearDataChannel) === 0) return;
    const to = { address: ac.address, port: ac.port + 1 };
    this.#datagram = { type: "send", channel: "data", to, bytes: keepAlive(sessionId), carriage: "clear" };
    this.#nextAt = now;
  }

  stop(): void {
    this.#datagram = undefined;
    this.#nextAt = undefined;
  }

  wake(now: Instant, out: Sink<SendDatagram>): void {
    if (this.#nextAt === undefined || now < this.#nextAt || this.#datagram === undefined) return;
    this.#nextAt = now + intervalMs;
    out.push(this.#datagram);
  }

  /** Whether a datagram is the answer to ours. */
  takes(from: Endpoint, bytes: Uint8Array): boolean {
    const to = this.#datagram?.to;
    return to !== undefined && from.port === to.port && from.address === to.address && readKeepAlive(bytes) !== undefined;
  }
}
