/** AP end of the simulated DTLS link; counterpart of `runtime/dtls/dtls-client.ts`. */
import { type Endpoint, sameEndpoint } from "../../base/endpoint.js";
import { type MacAddress, macToBytes } from "../../base/mac-address.js";
import type { Prng } from "../../base/prng.js";
import type { Instant } from "../../base/time.js";
import type { LinkLayer } from "../../core/capwap/link/secure-link.js";
import { RecordEnd } from "./record-ends.js";
import { decodeStandIn, encodeStandIn, type StandInDatagram, sameKeys } from "./stand-in-wire.js";

/** Retransmission timing and give-up limit, the same as the daemons' DTLS. */
const firstWaitMs = 500;
const longestWaitMs = 4_000;
const sendsMax = 13;

export interface StandInClientOptions {
  readonly prng: Prng;
  readonly identity: MacAddress;
  /** The AP's current key. */
  readonly secret: () => number;
  readonly send: (datagram: Uint8Array, to: Endpoint) => void;
  readonly onPlaintext: (bytes: Uint8Array, from: Endpoint) => void;
  readonly onUp: (peer: Endpoint) => void;
  readonly onDown: (peer: Endpoint, reason: string) => void;
}

/** The handshake's outstanding flight. */
interface Flight {
  readonly client: number;
  readonly datagram: StandInDatagram;
  readonly sends: number;
  readonly nextAt: Instant;
}

interface Association {
  readonly peer: Endpoint;
  readonly state: { readonly type: "handshake"; readonly flight: Flight } | { readonly type: "established"; readonly records: RecordEnd };
}

export class StandInClient implements LinkLayer {
  readonly #options: StandInClientOptions;
  #association: Association | undefined;

  constructor(options: StandInClientOptions) {
    this.#options = options;
  }

  nextWakeAt(): Instant | undefined {
    const state = this.#association?.state;
    return state?.type === "handshake" ? state.flight.nextAt : undefined;
  }

  wake(now: Instant): void {
    const association = this.#association;
    if (association?.state.type !== "handshake" || now < association.state.flight.nextAt) return;
    const { flight } = association.state;
    if (flight.sends >= sendsMax) this.#end(association.peer, "no answer");
    else this.#put(now, association.peer, flight.client, flight.datagram, flight.sends + 1);
  }

  /** Begins a handshake with a controller and closes the association with any other. */
  open(now: Instant, peer: Endpoint): void {
    if (this.#association !== undefined) this.close(this.#association.peer);
    const client = this.#options.prng.u32();
    this.#put(now, peer, client, { type: "hello", client, cookie: 0 }, 1);
  }

  close(peer: Endpoint): void {
    const association = this.#association;
    if (association === undefined || !sameEndpoint(association.peer, peer)) return;
    if (association.state.type === "established") {
      this.#options.send(encodeStandIn({ type: "close-notify", keys: association.state.records.keys }), peer);
    }
    this.#association = undefined;
  }

  take(now: Instant, bytes: Uint8Array, from: Endpoint): boolean {
    const association = this.#association;
    const datagram = decodeStandIn(bytes);
    if (association === undefined || datagram === undefined || !sameEndpoint(association.peer, from)) return false;
    const { state } = association;
    if (state.type === "established") return this.#onEstablished(state.records, datagram, from);
    return this.#onHandshake(now, state.flight, datagram, from);
  }

  seal(plaintext: Uint8Array, to: Endpoint, into: Uint8Array): Uint8Array | undefined {
    const association = this.#association;
    if (association?.state.type !== "established" || !sameEndpoint(association.peer, to)) return undefined;
    return association.state.records.seal(plaintext, into);
  }

  #onHandshake(now: Instant, flight: Flight, datagram: StandInDatagram, from: Endpoint): boolean {
    const { client } = flight;
    const { identity, secret, onUp } = this.#options;
    switch (datagram.type) {
      case "verify":
        if (datagram.client !== client) return false;
        this.#put(now, from, client, { type: "hello", client, cookie: datagram.cookie }, 1);
        return true;
      case "offer":
        if (datagram.keys.client !== client || flight.datagram.type === "proof") return false;
        this.#put(now, from, client, { type: "proof", keys: datagram.keys, identity: macToBytes(identity), secret: secret() }, 1);
        return true;
      case "finished":
        if (flight.datagram.type !== "proof" || !sameKeys(flight.datagram.keys, datagram.keys)) return false;
        this.#association = { peer: from, state: { type: "established", records: new RecordEnd(datagram.keys) } };
        onUp(from);
        return true;
      case "unknown-identity":
        if (datagram.client !== client) return false;
        this.#end(from, "unknown identity");
        return true;
      default:
        return false;
    }
  }

  #onEstablished(records: RecordEnd, datagram: StandInDatagram, from: Endpoint): boolean {
    if (!("keys" in datagram) || !sameKeys(datagram.keys, records.keys)) return false;
    if (datagram.type === "close-notify") this.#end(from, "closed by the peer");
    const plaintext = datagram.type === "record" ? records.open(datagram) : undefined;
    if (plaintext !== undefined) this.#options.onPlaintext(plaintext, from);
    return true;
  }

  #put(now: Instant, peer: Endpoint, client: number, datagram: StandInDatagram, sends: number): void {
    const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** (sends - 1));
    this.#association = { peer, state: { type: "handshake", flight: { client, datagram, sends, nextAt: now + waitMs } } };
    this.#options.send(encodeStandIn(datagram), peer);
  }

  #end(peer: Endpoint, reason: string): void {
    this.#association = undefined;
    this.#options.onDown(peer, reason);
  }
}
