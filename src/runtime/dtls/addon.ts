/** `native/dtls.c`: DTLS 1.2 over memory, by the OpenSSL inside Node. A datagram goes in, datagrams and plaintext come out. */
import type { Flavor } from "../../base/flavor.js";
import { loadAddon } from "../native-addon.js";

/** PEM texts. */
export interface CertificateCredential {
  /** Own certificate, intermediate ones behind it. */
  readonly certificate: string;
  readonly privateKey: string;
  /** Certificates that a peer's chain may end at. */
  readonly authority: string;
  /** Revocation lists of these authorities. */
  readonly revoked?: string;
}

export interface PskCredential {
  /** 1–63 octets; an AP's MAC address. */
  readonly identity: string;
  /** 1–64 octets. */
  readonly key: Uint8Array;
}

export interface ServerCredentials extends Partial<CertificateCredential> {
  /** The key of an identity, undefined for one that may not come. Called while a datagram is received. */
  readonly keyOf?: (identity: string) => Uint8Array | undefined;
}

export type ClientCredentials = PskCredential | CertificateCredential;

/** One role and its credentials, shared by links. */
export type DtlsContext = Flavor<object, "DtlsContext">;
/** One association with a peer. Freed by `close`, at the latest by the garbage collector. */
export type DtlsLink = Flavor<object, "DtlsLink">;

/** Flags of what a call on a link did. */
export const did = { send: 1, establish: 2, close: 4, fail: 8 } as const;

export interface LinkDescription {
  /** Server: the PSK identity that the peer gave. */
  readonly identity: string | undefined;
  /** Common Name of the peer's certificate. */
  readonly commonName: string | undefined;
  /** OpenSSL's name of the cipher suite, once established. */
  readonly suite: string | undefined;
  readonly failure: string | undefined;
}

/** Datagrams are DTLS records; `prefix` (up to 4 octets) goes before each one that leaves. */
export interface DtlsAddon {
  /** @throws Error when a certificate, key or authority cannot be used */
  server(credentials: ServerCredentials): DtlsContext;
  client(credentials: ClientCredentials): DtlsContext;
  /** Begins a handshake; its first flight waits in `outgoing`. */
  connect(context: DtlsContext, prefix: Uint8Array): DtlsLink;
  /**
   * Judges a ClientHello and keeps nothing of it unless it holds the cookie that was made for `peer` (1–64 octets).
   * @returns the datagrams to answer with, or the link that the ClientHello began
   */
  listen(context: DtlsContext, datagram: Uint8Array, peer: Uint8Array, prefix: Uint8Array): DtlsLink | Uint8Array[];
  /**
   * Gives a datagram of the link's peer. Plaintexts take its place, one after the other.
   * @param report becomes `[count, length of each plaintext …]`; 65 numbers
   * @returns flags of `did`
   */
  receive(link: DtlsLink, datagram: Uint8Array, report: Uint32Array): number;
  /** Retransmits the last flight if it is due; flags of `did`. */
  wake(link: DtlsLink): number;
  /** Milliseconds until `wake` has something to do, -1 for never. */
  wakeInMs(link: DtlsLink): number;
  /** Takes the datagrams that wait for sending. */
  outgoing(link: DtlsLink): Uint8Array[];
  /** @returns octets of the datagram in `into`; 0 where the link is not established or the plaintext exceeds 16,384 octets */
  seal(link: DtlsLink, plaintext: Uint8Array, into: Uint8Array): number;
  /** Ends the link. @returns the close_notify to send, if the link was established */
  close(link: DtlsLink): Uint8Array[];
  /** Whether the certificate of the link's peer verifies under the context's authorities and lists, now. True where it came with a key. */
  trusts(context: DtlsContext, link: DtlsLink): boolean;
  describe(link: DtlsLink): LinkDescription;
}

/** Numbers in a `report`. */
export const reportLength = 65;

export const loadDtls = (): DtlsAddon | undefined => loadAddon<DtlsAddon>("dtls");
