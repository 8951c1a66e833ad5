/**
 * The port behind which DTLS (RFC 5415 §2.4.4) lives. A record layer works asynchronously in the world, so to the sessions
 * it is data: a mark on each datagram, two effects and two inputs. With `linkMode` "clear" there are no links: the sessions
 * skip the DTLS states, no link effect is made and every datagram is `clear`. That is a declared deviation (docs/capwap.md).
 */
import type { Endpoint } from "../../../base/endpoint.js";
import type { MacAddress } from "../../../base/mac-address.js";
import type { Instant } from "../../../base/time.js";

export type LinkMode = "clear" | "dtls";

/** How one datagram travels: as it is, or as a record of the DTLS link to its peer. */
export type Carriage = "clear" | "dtls";

/** Who the peer of a link has proved to be: an AP by its PSK identity or by the Common Name of its certificate. */
export interface LinkIdentity {
  readonly mac: MacAddress;
  readonly by: "psk" | "certificate";
  /** What the link adds to a datagram at most. */
  readonly overheadBytes: number;
}

/** Why a peer that tried to establish a link did not get one for its credential. */
export type CredentialRefusal = "unknown-identity" | "wrong-key" | "certificate";

/** WTP: begin a DTLS handshake with the peer; `linkUp` or `linkDown` is due later. */
export interface OpenLink {
  readonly type: "open-link";
  readonly peer: Endpoint;
}

/** Both roles: end the link to the peer, if there is one. */
export interface CloseLink {
  readonly type: "close-link";
  readonly peer: Endpoint;
}

export type LinkEffect = OpenLink | CloseLink;

/** One end's DTLS layer. It owns no socket and no timer: its host gives it datagrams and wakes it. */
export interface LinkLayer {
  /** @param datagram may be overwritten. @returns false if it was ignored */
  take(now: Instant, datagram: Uint8Array, from: Endpoint): boolean;
  /** @returns the part of `into` that holds the datagram; undefined where the peer has no link */
  seal(plaintext: Uint8Array, to: Endpoint, into: Uint8Array): Uint8Array | undefined;
  /** Ends the link to the peer, if there is one. */
  close(peer: Endpoint): void;
  nextWakeAt(): Instant | undefined;
  wake(now: Instant): void;
}
