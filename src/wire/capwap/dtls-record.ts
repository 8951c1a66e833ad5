/** DTLS records on the CAPWAP control port: the CAPWAP DTLS Header (RFC 5415 §4.2) and the record header (RFC 6347 §4.1). */
import { hexOf } from "../../base/hex.js";

/** CAPWAP DTLS Header: preamble of version 0 and type 1, 24 reserved bits. */
export const dtlsHeader = Uint8Array.of(1, 0, 0, 0);
const noHeader = new Uint8Array();

const recordHeaderBytes = 13;
/** What a suite adds to a plaintext beyond the record header: nonce and tag, or IV, MAC and padding. The first that matches counts. */
const suiteOverheads: readonly (readonly [suite: RegExp, octets: number])[] = [
  [/CHACHA20-POLY1305/, 16],
  [/GCM/, 8 + 16],
  [/SHA256/, 16 + 32 + 16],
  [/SHA/, 16 + 20 + 16],
];

/** Octets that a record of a cipher suite adds to its plaintext at most, without the CAPWAP DTLS Header. @param suite OpenSSL's name */
export const recordOverheadBytes = (suite: string): number =>
  recordHeaderBytes + (suiteOverheads.find(([pattern]) => pattern.test(suite))?.[1] ?? suiteOverheadMax);

const suiteOverheadMax = Math.max(...suiteOverheads.map(([, octets]) => octets));
/** The same for any suite. */
export const recordOverheadBytesMax = recordHeaderBytes + suiteOverheadMax;
/** Plaintext of one record (RFC 6347 §4.1). */
export const recordPlaintextBytesMax = 16_384;

const contentHandshake = 22;
const contentMin = 20;
const contentMax = 25;
const handshakeClientHello = 1;

export interface DtlsDatagram {
  /** What goes before the records that answer it. */
  readonly header: Uint8Array;
  /** One record or several, a view of the datagram. */
  readonly records: Uint8Array;
}

/**
 * The records in a datagram, or undefined where it holds none. Bare records are taken too: their first octet is no CAPWAP
 * preamble of version 0, and tools that speak plain DTLS can be used on the port.
 */
export function readDtlsDatagram(datagram: Uint8Array): DtlsDatagram | undefined {
  const [first] = datagram;
  const header = first === dtlsHeader[0] ? dtlsHeader : noHeader;
  const records = datagram.subarray(header.length);
  const content = records[0];
  if (content === undefined || content < contentMin || content > contentMax || records.length < recordHeaderBytes) return undefined;
  return { header, records };
}

/** Whether a datagram is for the DTLS layer: it begins with a CAPWAP DTLS Header or with a DTLS record. */
export const isDtls = ([first]: Uint8Array): boolean =>
  first === dtlsHeader[0] || (first !== undefined && first >= contentMin && first <= contentMax);

/** Epoch of the first record: 0 before its sender changed to the new keys. */
export const epochOf = (records: Uint8Array): number => ((records[3] as number) << 8) | (records[4] as number);

export interface ClientHello {
  /** The client's random, which names one attempt at a handshake, as hex. */
  readonly random: string;
  /** The first of a handshake, which cannot hold a cookie yet. */
  readonly isFirst: boolean;
}

const handshakeAt = recordHeaderBytes;
const messageSequenceAt = handshakeAt + 4;
const randomAt = handshakeAt + 12 + 2;
const randomBytes = 32;

/** The ClientHello in clear with which the datagram begins, if it does. */
export function readClientHello(records: Uint8Array): ClientHello | undefined {
  if (records[0] !== contentHandshake || epochOf(records) !== 0 || records[handshakeAt] !== handshakeClientHello) return undefined;
  if (records.length < randomAt + randomBytes) return undefined;
  const random = hexOf(records.subarray(randomAt, randomAt + randomBytes));
  return { random, isFirst: records[messageSequenceAt] === 0 && records[messageSequenceAt + 1] === 0 };
}
