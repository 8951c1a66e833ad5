/**
 * CAPWAP preamble and transport header (RFC 5415 §4.1–§4.3).
 *
 *     word 0  version 4 | type 4 | HLEN 5 | RID 5 | WBID 5 | T F L W M K | reserved 3
 *     word 1  fragment ID 16 | fragment offset 13 (units of 8 octets) | reserved 3
 *     then    radio MAC address (M), wireless specific information (W): length octet, data, zeros up to a word
 */
import { ByteReader, ByteWriter, type Malformed } from "../../base/bytes.js";
import { invariant } from "../../base/invariant.js";

/** IEEE 802.11 (§4.3). */
export const wirelessBinding80211 = 1;

export interface Fragment {
  /** 0–65535, shared by all fragments of one message. */
  readonly id: number;
  /** Where the piece goes in the message, octets, a multiple of 8. */
  readonly offset: number;
  readonly last: boolean;
}

export interface TransportHeader {
  readonly radioId: number;
  readonly wirelessBinding: number;
  /** T: the payload is a native frame of the binding. */
  readonly nativeFrame: boolean;
  /** K: data channel keep-alive. */
  readonly keepAlive: boolean;
  readonly fragment?: Fragment;
  readonly radioMac?: Uint8Array;
  readonly wirelessInformation?: Uint8Array;
}

export const plainHeader: TransportHeader = { radioId: 0, wirelessBinding: wirelessBinding80211, nativeFrame: false, keepAlive: false };

export type CapwapPacket =
  | { readonly type: "capwap"; readonly header: TransportHeader; readonly payload: Uint8Array }
  /** DTLS header (§4.2): `record` is the DTLS record behind it. */
  | { readonly type: "dtls"; readonly record: Uint8Array }
  | ({ readonly type: "malformed" } & Malformed);

const bits = { t: 1 << 8, f: 1 << 7, l: 1 << 6, w: 1 << 5, m: 1 << 4, k: 1 << 3 } as const;
const preambleDtls = 1;
const headerBytesMin = 8;

/** Takes any datagram. The payload and the options are views of it. */
export function readPacket(bytes: Uint8Array): CapwapPacket {
  const preamble = bytes[0];
  if (preamble === undefined) return malformed("empty datagram", 0);
  if (preamble >> 4 !== 0) return malformed(`version ${preamble >> 4}, must be 0`, 0);
  if ((preamble & 15) === preambleDtls) {
    return bytes.length < 4 ? malformed("DTLS header cut short", bytes.length) : { type: "dtls", record: bytes.subarray(4) };
  }
  if ((preamble & 15) !== 0) return malformed(`preamble type ${preamble & 15}, must be 0 or 1`, 0);
  if (bytes.length < headerBytesMin) return malformed("header cut short", bytes.length);

  const fixed = new ByteReader(bytes, 0, headerBytesMin);
  const word = fixed.u32();
  const fragmentId = fixed.u16();
  const fragmentOffset = fixed.u16() & 0xfff8;
  const headerBytes = ((word >>> 19) & 31) * 4;
  if (headerBytes < headerBytesMin || headerBytes > bytes.length) {
    return malformed(`header length of ${headerBytes} octets in a datagram of ${bytes.length}`, 1);
  }
  const options = new ByteReader(bytes, headerBytesMin, headerBytes);
  const radioMac = word & bits.m ? readOption(options, "radio MAC address") : undefined;
  const wirelessInformation = word & bits.w ? readOption(options, "wireless specific information") : undefined;
  if (radioMac && radioMac.length !== 6 && radioMac.length !== 8)
    options.fail("radio MAC address is neither 6 nor 8 octets", headerBytesMin);
  if (options.remaining > 0) options.fail(`${options.remaining} octets of the header belong to no option`);
  if (options.fault) return { type: "malformed", ...options.fault };
  return {
    type: "capwap",
    payload: bytes.subarray(headerBytes),
    header: {
      radioId: (word >>> 14) & 31,
      wirelessBinding: (word >>> 9) & 31,
      nativeFrame: (word & bits.t) !== 0,
      keepAlive: (word & bits.k) !== 0,
      ...(word & bits.f && { fragment: { id: fragmentId, offset: fragmentOffset, last: (word & bits.l) !== 0 } }),
      ...(radioMac && { radioMac }),
      ...(wirelessInformation && { wirelessInformation }),
    },
  };
}

function readOption(options: ByteReader, what: string): Uint8Array {
  const at = options.offset;
  const value = options.bytes(options.u8());
  options.bytes((4 - ((options.offset - at) % 4)) % 4);
  if (options.fault) options.fault = { reason: `${what} overruns the header`, offset: at };
  return value;
}

const malformed = (reason: string, offset: number): CapwapPacket => ({ type: "malformed", reason, offset });

/** A header of our own making, with its options and padding. */
export function writeHeader(writer: ByteWriter, header: TransportHeader): void {
  const { fragment, radioMac, wirelessInformation } = header;
  invariant(header.radioId < 32 && header.wirelessBinding < 32, "radio ID and binding take five bits");
  const words = 2 + optionWords(radioMac) + optionWords(wirelessInformation);
  invariant(words < 32, "header options overrun HLEN");
  let word = (words << 19) | (header.radioId << 14) | (header.wirelessBinding << 9);
  if (header.nativeFrame) word |= bits.t;
  if (fragment) word |= bits.f | (fragment.last ? bits.l : 0);
  if (wirelessInformation) word |= bits.w;
  if (radioMac) word |= bits.m;
  if (header.keepAlive) word |= bits.k;
  writer.u32(word);
  writer.u16(fragment?.id ?? 0);
  invariant((fragment?.offset ?? 0) % 8 === 0, "a fragment begins at a multiple of 8 octets");
  writer.u16(fragment?.offset ?? 0);
  for (const option of [radioMac, wirelessInformation]) {
    if (option === undefined) continue;
    writer.u8(option.length);
    writer.bytes(option);
    for (let index = option.length + 1; index % 4 !== 0; index++) writer.u8(0);
  }
}

const optionWords = (option: Uint8Array | undefined): number => (option === undefined ? 0 : Math.ceil((option.length + 1) / 4));

/**
 * The datagrams of one message (§3.4): one as it is, or fragments of at most `datagramBytesMax` octets that share `fragmentId`.
 * @param message control header and elements
 */
export function packetsOf(message: Uint8Array, fragmentId: number, datagramBytesMax: number): Uint8Array[] {
  const room = datagramBytesMax - headerBytesMin;
  if (message.length <= room) return [packet(plainHeader, message)];
  const pieceBytes = room & ~7;
  invariant(pieceBytes > 0, "no room for a fragment");
  const packets: Uint8Array[] = [];
  for (let offset = 0; offset < message.length; offset += pieceBytes) {
    const last = offset + pieceBytes >= message.length;
    packets.push(packet({ ...plainHeader, fragment: { id: fragmentId, offset, last } }, message.subarray(offset, offset + pieceBytes)));
  }
  return packets;
}

function packet(header: TransportHeader, payload: Uint8Array): Uint8Array {
  const writer = new ByteWriter(headerBytesMin + payload.length);
  writeHeader(writer, header);
  writer.bytes(payload);
  return writer.view();
}
