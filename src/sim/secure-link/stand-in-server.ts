/** Controller end of the simulated DTLS link; counterpart of `runtime/dtls/dtls-server.ts`. */
import { type Endpoint, endpointText } from "../../base/endpoint.js";
import { type MacAddress, macFromBytes } from "../../base/mac-address.js";
import type { Prng } from "../../base/prng.js";
import type { Instant } from "../../base/time.js";
import { TimerTable } from "../../base/timer-table.js";
import type { LinkIdentity, LinkLayer } from "../../core/capwap/link/secure-link.js";
import { RecordEnd } from "./record-ends.js";
import { decodeStandIn, encodeStandIn, type StandInDatagram, sameKeys, standInOverheadBytes } from "./stand-in-wire.js";

const handshakeMsMax = 20_000;

export type StandInOutcome = "established" | "unknown-identity" | "wrong-key" | "timeout" | "replaced";

export interface StandInServerOptions {
  readonly prng: Prng;
  /** An AP's current key; undefined if it has none. */
  readonly secretOf: (mac: MacAddress) => number | undefined;
  readonly send: (datagram: Uint8Array, to: Endpoint) => void;
  readonly onPlaintext: (bytes: Uint8Array, from: Endpoint) => void;
  readonly onUp: (peer: Endpoint, identity: LinkIdentity) => void;
  readonly onDown: (peer: Endpoint) => void;
  readonly onHandshake: (outcome: StandInOutcome) => void;
}

interface Handshake {
  readonly client: number;
  readonly server: number;
  /** A proof arrived under a different key. */
  readonly wrongKey: boolean;
}

interface Established {
  readonly records: RecordEnd;
  readonly mac: MacAddress;
}

interface Peer {
  readonly endpoint: Endpoint;
  handshake: Handshake | undefined;
  established: Established | undefined;
}

export class StandInServer implements LinkLayer {
  readonly #options: StandInServerOptions;
  /** Keeps an address from guessing another's cookie. */
  readonly #cookieSecret: number;
  readonly #peers = new Map<string, Peer>();
  readonly #timers = new TimerTable<string>();

  constructor(options: StandInServerOptions) {
    this.#options = options;
    this.#cookieSecret = options.prng.u32();
  }

  nextWakeAt(): Instant | undefined {
    return this.#timers.nextAt();
  }

  wake(now: Instant): void {
    for (let key = this.#timers.takeDue(now); key !== undefined; key = this.#timers.takeDue(now)) {
      const peer = this.#peers.get(key);
      if (peer?.handshake !== undefined) this.#endHandshake(peer, peer.handshake.wrongKey ? "wrong-key" : "timeout");
    }
  }

  take(now: Instant, bytes: Uint8Array, from: Endpoint): boolean {
    const datagram = decodeStandIn(bytes);
    if (datagram === undefined) return false;
    const peer = this.#peers.get(endpointText(from));
    switch (datagram.type) {
      case "hello":
        return this.#onHello(now, datagram, from, peer);
      case "proof":
        return peer !== undefined && this.#onProof(datagram, peer);
      case "record":
      case "close-notify":
        return peer?.established !== undefined && this.#onEstablished(datagram, peer, peer.established);
      default:
        return false;
    }
  }

  seal(plaintext: Uint8Array, to: Endpoint, into: Uint8Array): Uint8Array | undefined {
    return this.#peers.get(endpointText(to))?.established?.records.seal(plaintext, into);
  }

  close(endpoint: Endpoint): void {
    const peer = this.#peers.get(endpointText(endpoint));
    if (peer?.established === undefined) return;
    this.#send({ type: "close-notify", keys: peer.established.records.keys }, endpoint);
    this.#disestablish(peer);
  }

  /** Ends every link of an AP whose credential was revoked. */
  closeAp(mac: MacAddress): void {
    for (const peer of [...this.#peers.values()]) {
      if (peer.established?.mac !== mac) continue;
      this.close(peer.endpoint);
      this.#options.onDown(peer.endpoint);
    }
  }

  /** Keeps no state for a hello without the address's cookie. */
  #onHello(
    now: Instant,
    { client, cookie }: Extract<StandInDatagram, { type: "hello" }>,
    from: Endpoint,
    known: Peer | undefined,
  ): boolean {
    const wanted = this.#cookieOf(from);
    if (cookie !== wanted) {
      this.#send({ type: "verify", client, cookie: wanted }, from);
      return true;
    }
    if (known?.established?.records.keys.client === client) return false;
    const peer = known ?? { endpoint: from, handshake: undefined, established: undefined };
    if (peer.handshake !== undefined && peer.handshake.client !== client) this.#endHandshake(peer, "replaced");
    peer.handshake ??= { client, server: this.#options.prng.u32(), wrongKey: false };
    const key = endpointText(from);
    this.#peers.set(key, peer);
    this.#timers.set(key, now + handshakeMsMax);
    this.#send({ type: "offer", keys: peer.handshake }, from);
    return true;
  }

  #onProof({ keys, identity, secret }: Extract<StandInDatagram, { type: "proof" }>, peer: Peer): boolean {
    const { established, handshake, endpoint } = peer;
    // A retransmission: our Finished was lost.
    if (established !== undefined && sameKeys(established.records.keys, keys)) return this.#send({ type: "finished", keys }, endpoint);
    if (handshake === undefined || !sameKeys(handshake, keys)) return false;
    const mac = macFromBytes(identity);
    const wanted = this.#options.secretOf(mac);
    if (wanted === undefined) {
      this.#send({ type: "unknown-identity", client: keys.client }, endpoint);
      this.#endHandshake(peer, "unknown-identity");
    } else if (wanted !== secret) peer.handshake = { ...handshake, wrongKey: true };
    else this.#establish(peer, { records: new RecordEnd(keys), mac });
    return true;
  }

  #establish(peer: Peer, established: Established): void {
    const { onDown, onUp } = this.#options;
    if (peer.established !== undefined) onDown(peer.endpoint);
    peer.established = established;
    this.#endHandshake(peer, "established");
    this.#send({ type: "finished", keys: established.records.keys }, peer.endpoint);
    onUp(peer.endpoint, { mac: established.mac, by: "psk", overheadBytes: standInOverheadBytes });
  }

  #onEstablished(datagram: Extract<StandInDatagram, { type: "record" | "close-notify" }>, peer: Peer, { records }: Established): boolean {
    if (!sameKeys(records.keys, datagram.keys)) return false;
    if (datagram.type === "close-notify") {
      this.#disestablish(peer);
      this.#options.onDown(peer.endpoint);
      return true;
    }
    const plaintext = records.open(datagram);
    if (plaintext !== undefined) this.#options.onPlaintext(plaintext, peer.endpoint);
    return true;
  }

  #endHandshake(peer: Peer, outcome: StandInOutcome): void {
    peer.handshake = undefined;
    const key = endpointText(peer.endpoint);
    this.#timers.clear(key);
    if (peer.established === undefined) this.#peers.delete(key);
    this.#options.onHandshake(outcome);
  }

  #disestablish(peer: Peer): void {
    peer.established = undefined;
    if (peer.handshake === undefined) this.#peers.delete(endpointText(peer.endpoint));
  }

  #send(datagram: StandInDatagram, to: Endpoint): true {
    this.#options.send(encodeStandIn(datagram), to);
    return true;
  }

  /** FNV-1a; 0 stands for no cookie. */
  #cookieOf(endpoint: Endpoint): number {
    let hash = this.#cookieSecret;
    for (const character of endpointText(endpoint)) hash = Math.imul(hash ^ (character.codePointAt(0) as number), 0x01000193) >>> 0;
    return hash === 0 ? 1 : hash;
  }
}
