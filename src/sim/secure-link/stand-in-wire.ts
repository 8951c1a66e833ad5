/**
 * Datagrams of the simulated DTLS 1.2: the flights without the cryptography. The secret stands for a key and travels where DTLS would
 * prove possession of it.
 */
import { ByteReader, ByteWriter } from "../../base/bytes.js";
import { dtlsHeader } from "../../wire/capwap/dtls-record.js";

/** Both ends' randoms, which identify a link as its keys would. */
export interface LinkKeys {
  readonly client: number;
  readonly server: number;
}

export type StandInDatagram =
  /** ClientHello; cookie 0 means none. */
  | { readonly type: "hello"; readonly client: number; readonly cookie: number }
  /** HelloVerifyRequest. */
  | { readonly type: "verify"; readonly client: number; readonly cookie: number }
  /** ServerHello to ServerHelloDone. */
  | { readonly type: "offer"; readonly keys: LinkKeys }
  /** ClientKeyExchange to Finished. */
  | { readonly type: "proof"; readonly keys: LinkKeys; readonly identity: Uint8Array; readonly secret: number }
  /** The server's Finished. */
  | { readonly type: "finished"; readonly keys: LinkKeys }
  /** Fatal alert: unknown PSK identity. */
  | { readonly type: "unknown-identity"; readonly client: number }
  | { readonly type: "record"; readonly keys: LinkKeys; readonly sequence: number; readonly plaintext: Uint8Array }
  | { readonly type: "close-notify"; readonly keys: LinkKeys };

const types = ["hello", "verify", "offer", "proof", "finished", "unknown-identity", "record", "close-notify"] as const;
const identityBytes = 6;
/** Octets a record adds to its plaintext, about as many as DTLS. */
export const standInOverheadBytes = dtlsHeader.length + 1 + 8 + 4;

export function encodeStandIn(datagram: StandInDatagram): Uint8Array {
  const writer = new ByteWriter();
  writer.bytes(dtlsHeader);
  writer.u8(types.indexOf(datagram.type));
  if ("client" in datagram) writer.u32(datagram.client);
  if ("cookie" in datagram) writer.u32(datagram.cookie);
  if ("keys" in datagram) {
    writer.u32(datagram.keys.client);
    writer.u32(datagram.keys.server);
  }
  if (datagram.type === "proof") {
    writer.bytes(datagram.identity);
    writer.u32(datagram.secret);
  }
  if (datagram.type === "record") {
    writer.u32(datagram.sequence);
    writer.bytes(datagram.plaintext);
  }
  return writer.view();
}

/** Undefined for anything else. Views share memory with `bytes`. */
export function decodeStandIn(bytes: Uint8Array): StandInDatagram | undefined {
  if (bytes[0] !== dtlsHeader[0]) return undefined;
  const reader = new ByteReader(bytes, dtlsHeader.length);
  const type = types[reader.u8()];
  const datagram = type === undefined ? undefined : read(type, reader);
  return reader.fault === undefined ? datagram : undefined;
}

function read(type: (typeof types)[number], reader: ByteReader): StandInDatagram {
  const keys = (): LinkKeys => ({ client: reader.u32(), server: reader.u32() });
  switch (type) {
    case "hello":
    case "verify":
      return { type, client: reader.u32(), cookie: reader.u32() };
    case "unknown-identity":
      return { type, client: reader.u32() };
    case "offer":
    case "finished":
    case "close-notify":
      return { type, keys: keys() };
    case "proof":
      return { type, keys: keys(), identity: reader.bytes(identityBytes), secret: reader.u32() };
    case "record":
      return { type, keys: keys(), sequence: reader.u32(), plaintext: reader.rest() };
  }
}

export const sameKeys = (one: LinkKeys, other: LinkKeys): boolean => one.client === other.client && one.server === other.server;

/** The CAPWAP datagram in a record or in clear; undefined for a handshake. */
export function capwapIn(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes[0] !== dtlsHeader[0]) return bytes;
  const datagram = decodeStandIn(bytes);
  return datagram?.type === "record" ? datagram.plaintext : undefined;
}
