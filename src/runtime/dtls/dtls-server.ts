/**
 * The controller's DTLS layer (RFC 5415 §2.4.4): one association per AP. No state is kept for a
 * peer before it echoes its cookie. An established association is replaced only once a new handshake from the same endpoint completes,
 * so a rebooted AP gets in and a spoofed address changes nothing.
 */
import { type Endpoint, endpointText } from "../../base/endpoint.js";
import { type MacAddress, parseMac } from "../../base/mac-address.js";
import { earliest, type Instant } from "../../base/time.js";
import { TimerTable } from "../../base/timer-table.js";
import { RateLimit } from "../../core/capwap/link/rate-limit.js";
import type { CredentialRefusal, LinkIdentity } from "../../core/capwap/link/secure-link.js";
import { type ClientHello, type DtlsDatagram, epochOf, readClientHello, readDtlsDatagram } from "../../wire/capwap/dtls-record.js";
import type { CertificateCredential, DtlsAddon, DtlsContext, ServerCredentials } from "./addon.js";
import { Association, type AssociationStep } from "./association.js";

export const dtlsServerLimits = {
  /** Concurrent handshakes. A hostile peer can make each hold 0.3 MB. */
  handshakesMax: 512,
  /**
   * With all of them taken, a new one replaces the oldest once that is this old; until then the newcomer waits for its retransmission. If
   * it replaced the oldest at once, thousands of APs that come back together would cut each other off and none would get in.
   */
  handshakeMsMin: 5_000,
  /** Handshakes begun in one second; beyond that the peer's retransmission gets its turn. */
  handshakesPerSecond: 1_000,
  /** Answers to ClientHellos without a cookie in one second. */
  cookiesPerSecond: 10_000,
  handshakeMsMax: 20_000,
  /** Associations of one AP: the one that it lost and the one that it has. */
  associationsPerApMax: 2,
} as const;

export type HandshakeOutcome = CredentialRefusal | "established" | "timeout" | "replaced" | "failed";

export interface DtlsServerOptions {
  readonly addon: DtlsAddon;
  readonly credentials: ServerCredentials;
  readonly send: (datagram: Uint8Array, to: Endpoint) => void;
  readonly onPlaintext: (bytes: Uint8Array, from: Endpoint) => void;
  readonly onUp: (peer: Endpoint, identity: LinkIdentity) => void;
  /** Not called for a `close` of ours. */
  readonly onDown: (peer: Endpoint, reason: string) => void;
  /** A handshake ended. `identity`: what the peer called itself, where it came that far; text from the network. */
  readonly onHandshake: (outcome: HandshakeOutcome, peer: Endpoint, identity: string | undefined, detail: string) => void;
}

interface Handshake {
  readonly association: Association;
  readonly random: string;
  readonly expiresAt: Instant;
}

interface Established {
  readonly association: Association;
  readonly random: string;
  readonly mac: MacAddress;
}

interface Peer {
  readonly key: string;
  readonly endpoint: Endpoint;
  handshake: Handshake | undefined;
  established: Established | undefined;
}

export class DtlsServer {
  readonly #options: DtlsServerOptions;
  #context: DtlsContext;
  readonly #peers = new Map<string, Peer>();
  /** In the order in which they began. */
  readonly #handshakes = new Set<Peer>();
  readonly #byMac = new Map<MacAddress, Set<Peer>>();
  readonly #timers = new TimerTable<string>();
  readonly #begun = new RateLimit(dtlsServerLimits.handshakesPerSecond);
  readonly #asked = new RateLimit(dtlsServerLimits.cookiesPerSecond);

  /** @throws Error when a certificate, key or authority cannot be used */
  constructor(options: DtlsServerOptions) {
    this.#options = options;
    this.#context = options.addon.server(options.credentials);
  }

  get associationCount(): number {
    return this.#peers.size - this.#handshakes.size + [...this.#handshakes].filter(({ established }) => established).length;
  }

  get handshakeCount(): number {
    return this.#handshakes.size;
  }

  nextWakeAt(): Instant | undefined {
    return this.#timers.nextAt();
  }

  wake(now: Instant): void {
    for (let key = this.#timers.takeDue(now); key !== undefined; key = this.#timers.takeDue(now)) {
      const peer = this.#peers.get(key);
      const handshake = peer?.handshake;
      if (peer === undefined || handshake === undefined) continue;
      if (now >= handshake.expiresAt) this.#failed(peer, handshake, "timeout");
      else this.#onHandshakeStep(now, peer, handshake, handshake.association.wake());
    }
  }

  /** @param datagram is overwritten with its plaintext. @returns false if it was ignored */
  take(now: Instant, datagram: Uint8Array, from: Endpoint): boolean {
    const dtls = readDtlsDatagram(datagram);
    if (dtls === undefined) return false;
    const peer = this.#peers.get(endpointText(from));
    const hello = readClientHello(dtls.records);
    if (hello !== undefined) return this.#hello(now, dtls, hello, from, peer);
    if (peer === undefined) return false;
    const { handshake, established } = peer;
    const isEarly = epochOf(dtls.records) === 0;
    if (handshake !== undefined && (isEarly || established === undefined)) {
      this.#onHandshakeStep(now, peer, handshake, handshake.association.receive(dtls.records));
      return true;
    }
    // The next epoch's records of a handshake look like those of the association beside it: each of them knows its own.
    if (handshake !== undefined) this.#onHandshakeStep(now, peer, handshake, handshake.association.receive(dtls.records.slice()));
    if (established !== undefined && peer.established === established) {
      this.#onStep(peer, established, established.association.receive(dtls.records));
    }
    return true;
  }

  /** @returns the part of `into` that holds the datagram for the peer; undefined where it has no association */
  seal(plaintext: Uint8Array, to: Endpoint, into: Uint8Array): Uint8Array | undefined {
    return this.#peers.get(endpointText(to))?.established?.association.seal(plaintext, into);
  }

  /**
   * Applies new certificates and revocation lists. Handshakes in progress are dropped, and associations whose certificate no longer
   * verifies end.
   * @returns the APs whose associations ended
   * @throws Error when a certificate, key or authority cannot be used; the previous ones stay in use
   */
  renew(certificate: CertificateCredential): MacAddress[] {
    const { addon, credentials } = this.#options;
    this.#context = addon.server({ ...(credentials.keyOf !== undefined && { keyOf: credentials.keyOf }), ...certificate });
    for (const peer of [...this.#handshakes]) {
      if (peer.handshake !== undefined) this.#drop(peer, peer.handshake, "replaced", "the controller's certificates changed");
    }
    const distrusted = [...this.#peers.values()]
      .flatMap(({ established }) => established ?? [])
      .filter(({ association }) => !association.isTrustedBy(this.#context));
    const aps = [...new Set(distrusted.map(({ mac }) => mac))];
    for (const mac of aps) this.closeAp(mac, "its certificate no longer verifies");
    return aps;
  }

  /** Ends the peer's association, if there is one. A handshake beside it continues. */
  close(endpoint: Endpoint): void {
    const peer = this.#peers.get(endpointText(endpoint));
    if (peer?.established === undefined) return;
    peer.established.association.close();
    this.#disestablish(peer, peer.established);
  }

  /** Ends every association and handshake of an AP. */
  closeAp(mac: MacAddress, reason: string): void {
    for (const peer of [...(this.#byMac.get(mac) ?? [])]) {
      this.close(peer.endpoint);
      this.#options.onDown(peer.endpoint, reason);
    }
  }

  /** Closes every association. */
  closeAll(): void {
    for (const { handshake, established } of this.#peers.values()) {
      handshake?.association.forget();
      established?.association.close();
    }
    this.#peers.clear();
    this.#handshakes.clear();
    this.#byMac.clear();
    this.#timers.clearAll();
  }

  // ---- handshakes

  #hello(now: Instant, { header, records }: DtlsDatagram, hello: ClientHello, from: Endpoint, known: Peer | undefined): boolean {
    const running = known?.handshake;
    if (known !== undefined && running?.random === hello.random && !hello.isFirst) {
      this.#onHandshakeStep(now, known, running, running.association.receive(records));
      return true;
    }
    if (known?.established?.random === hello.random) return false;
    if (!hello.isFirst && !this.#hasRoom(now)) return false;
    if (!(hello.isFirst ? this.#asked : this.#begun).admits(now)) return false;
    const { addon, send } = this.#options;
    const key = endpointText(from);
    const heard = addon.listen(this.#context, records, Buffer.from(key), header);
    if (Array.isArray(heard)) {
      for (const datagram of heard) send(datagram, from);
      return heard.length > 0;
    }
    const association = new Association(addon, heard, header.length, (datagram) => send(datagram, from));
    this.#begin(now, known ?? { key, endpoint: from, handshake: undefined, established: undefined }, association, hello.random);
    return true;
  }

  #hasRoom(now: Instant): boolean {
    const { handshakesMax, handshakeMsMax, handshakeMsMin } = dtlsServerLimits;
    if (this.#handshakes.size < handshakesMax) return true;
    const [oldest] = this.#handshakes;
    const beganAt = (oldest?.handshake?.expiresAt ?? 0) - handshakeMsMax;
    return now - beganAt >= handshakeMsMin;
  }

  #begin(now: Instant, peer: Peer, association: Association, random: string): void {
    if (peer.handshake !== undefined) this.#failed(peer, peer.handshake, "replaced");
    const [oldest] = this.#handshakes;
    if (oldest?.handshake !== undefined && this.#handshakes.size >= dtlsServerLimits.handshakesMax) {
      this.#drop(oldest, oldest.handshake, "replaced", "too many handshakes");
    }
    const handshake: Handshake = { association, random, expiresAt: now + dtlsServerLimits.handshakeMsMax };
    peer.handshake = handshake;
    this.#peers.set(peer.key, peer);
    this.#handshakes.add(peer);
    this.#onHandshakeStep(now, peer, handshake, association.begin());
  }

  #onHandshakeStep(now: Instant, peer: Peer, handshake: Handshake, step: AssociationStep): void {
    if (step.ended !== undefined) this.#drop(peer, handshake, outcomeOf(step.ended), step.ended);
    else if (step.established) this.#establish(peer, handshake, step);
    else {
      const { wakeInMs } = handshake.association;
      const wakeAt = wakeInMs === undefined ? undefined : now + wakeInMs;
      this.#timers.set(peer.key, earliest(wakeAt, handshake.expiresAt) as Instant);
    }
  }

  #establish(peer: Peer, { association, random }: Handshake, step: AssociationStep): void {
    const { identity, commonName } = association.description;
    const by = identity === undefined ? "certificate" : "psk";
    const mac = parseMac(identity ?? commonName ?? "");
    if (mac === undefined) {
      association.close();
      this.#end(peer, by === "psk" ? "unknown-identity" : "certificate", identity ?? commonName, "no MAC address names the peer");
      return;
    }
    if (peer.established !== undefined) {
      peer.established.association.forget();
      this.#disestablish(peer, peer.established);
      this.#options.onDown(peer.endpoint, "replaced");
    }
    this.#end(peer, "established", mac, "");
    const established: Established = { association, random, mac };
    peer.established = established;
    this.#peers.set(peer.key, peer);
    this.#addToMac(mac, peer);
    this.#options.onUp(peer.endpoint, { mac, by, overheadBytes: association.overheadBytes });
    for (const plaintext of step.plaintexts) this.#options.onPlaintext(plaintext, peer.endpoint);
  }

  /** A peer that sent its identity and never completed the handshake most likely has another key: its records do not decrypt. */
  #failed(peer: Peer, handshake: Handshake, outcome: "timeout" | "replaced"): void {
    const { identity } = handshake.association.description;
    if (identity === undefined) this.#drop(peer, handshake, outcome, outcome === "timeout" ? "no answer in time" : "begun again");
    else this.#drop(peer, handshake, "wrong-key", "no record under the key of this identity");
  }

  #drop(peer: Peer, { association }: Handshake, outcome: HandshakeOutcome, detail: string): void {
    const { identity, commonName } = association.description;
    association.close();
    this.#end(peer, outcome, identity ?? commonName, detail);
  }

  #end(peer: Peer, outcome: HandshakeOutcome, identity: string | undefined, detail: string): void {
    peer.handshake = undefined;
    this.#handshakes.delete(peer);
    this.#timers.clear(peer.key);
    if (peer.established === undefined) this.#peers.delete(peer.key);
    this.#options.onHandshake(outcome, peer.endpoint, identity, detail);
  }

  // ---- associations

  #onStep(peer: Peer, established: Established, { plaintexts, ended }: AssociationStep): void {
    for (const plaintext of plaintexts) this.#options.onPlaintext(plaintext, peer.endpoint);
    if (ended === undefined || peer.established !== established) return;
    established.association.forget();
    this.#disestablish(peer, established);
    this.#options.onDown(peer.endpoint, ended);
  }

  #disestablish(peer: Peer, { mac }: Established): void {
    peer.established = undefined;
    if (peer.handshake === undefined) this.#peers.delete(peer.key);
    const peers = this.#byMac.get(mac);
    peers?.delete(peer);
    if (peers?.size === 0) this.#byMac.delete(mac);
  }

  #addToMac(mac: MacAddress, peer: Peer): void {
    const peers = this.#byMac.get(mac) ?? new Set();
    this.#byMac.set(mac, peers.add(peer));
    const [oldest] = peers;
    if (oldest === undefined || peers.size <= dtlsServerLimits.associationsPerApMax) return;
    this.close(oldest.endpoint);
    this.#options.onDown(oldest.endpoint, "the AP has newer associations");
  }
}

/** By the words of OpenSSL's reason. */
function outcomeOf(why: string): HandshakeOutcome {
  if (/psk identity/i.test(why)) return "unknown-identity";
  if (/certificate/i.test(why)) return "certificate";
  if (/no answer/.test(why)) return "timeout";
  return "failed";
}
