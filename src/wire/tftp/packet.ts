/** The packets of TFTP: RFC 1350 §5, OACK and options of RFC 2347. One table, read and written by the engine of `base/field-table`. */
import { ByteReader, ByteWriter, lenientTextOf, type Malformed, utf8 } from "../../base/bytes.js";
import { type AnyField, type Field, record, remainder, u16, type ValueOf } from "../../base/field-table.js";
import { invariant } from "../../base/invariant.js";

/** RFC 2347: "The maximum size of a request packet is 512 octets." */
export const REQUEST_BYTES_MAX = 512;
/** Opcode and block number before the payload of a DATA packet; the whole of an ACK. */
export const DATA_HEADER_BYTES = 4;

/** The text up to the next NUL; `isClosed` is false where the packet ended first. Old boot loaders send names that are not UTF-8. */
function readText(reader: ByteReader): { readonly text: string; readonly isClosed: boolean } {
  const octets: number[] = [];
  while (reader.remaining > 0) {
    const octet = reader.u8();
    if (octet === 0) return { text: lenientTextOf(Uint8Array.from(octets)), isClosed: true };
    octets.push(octet);
  }
  return { text: lenientTextOf(Uint8Array.from(octets)), isClosed: false };
}

function writeText(writer: ByteWriter, value: string): void {
  const raw = utf8(value);
  invariant(!raw.includes(0), "TFTP text holds a NUL");
  writer.bytes(raw);
  writer.u8(0);
}

/** Text closed by a NUL. `bare` accepts a missing NUL at the end of the packet, as some peers send it. */
const zeroTerminated = (ending: "closed" | "bare"): Field<string> => ({
  min: 1,
  max: REQUEST_BYTES_MAX,
  read: (reader) => {
    const at = reader.offset;
    const { text, isClosed } = readText(reader);
    if (!isClosed && ending === "closed") reader.fail("text without its closing NUL", at);
    return text;
  },
  write: writeText,
});

/** Pairs of name and value. Peers pad with NULs or cut the last pair: what follows the last whole pair is ignored. */
const options: Field<Option[]> = {
  min: 0,
  max: REQUEST_BYTES_MAX,
  read: (reader) => {
    const pairs: Option[] = [];
    while (reader.remaining > 0) {
      const name = readText(reader);
      const value = readText(reader);
      if (name.text === "" || !value.isClosed) break;
      pairs.push({ name: name.text, value: value.text });
    }
    reader.rest();
    return pairs;
  },
  write: (writer, pairs) => {
    for (const { name, value } of pairs) {
      writeText(writer, name);
      writeText(writer, value);
    }
  },
};

const request = record({ fileName: zeroTerminated("closed"), mode: zeroTerminated("bare"), options });

/** `bytesRead`: what a peer appends beyond them is not looked at. */
const layouts = {
  "read-request": { opcode: 1, bytesRead: REQUEST_BYTES_MAX, body: request },
  "write-request": { opcode: 2, bytesRead: REQUEST_BYTES_MAX, body: request },
  data: { opcode: 3, bytesRead: 0xffff, body: record({ block: u16, payload: remainder() }) },
  ack: { opcode: 4, bytesRead: DATA_HEADER_BYTES, body: record({ block: u16 }) },
  error: { opcode: 5, bytesRead: REQUEST_BYTES_MAX, body: record({ code: u16, message: zeroTerminated("bare") }) },
  oack: { opcode: 6, bytesRead: REQUEST_BYTES_MAX, body: record({ options }) },
} as const satisfies Record<string, { opcode: number; bytesRead: number; body: AnyField }>;

type Layouts = typeof layouts;
export type PacketType = keyof Layouts;
export type TftpPacket = { [Type in PacketType]: { readonly type: Type } & ValueOf<Layouts[Type]["body"]> }[PacketType];
export type Option = { readonly name: string; readonly value: string };
export type ReadRequest = Extract<TftpPacket, { type: "read-request" }>;

const typeOfOpcode = new Map(Object.entries(layouts).map(([type, { opcode }]) => [opcode as number, type as PacketType]));

export const opcode = {
  readRequest: layouts["read-request"].opcode,
  writeRequest: layouts["write-request"].opcode,
  data: layouts.data.opcode,
  ack: layouts.ack.opcode,
  error: layouts.error.opcode,
  oack: layouts.oack.opcode,
} as const;

/** The first two octets, or 0, which is not a TFTP opcode, for a datagram that is too short. For the data path, which reads in place. */
export const opcodeOf = (bytes: Uint8Array): number => (bytes.length < 2 ? 0 : ((bytes[0] as number) << 8) | (bytes[1] as number));

/** The block number of a DATA or ACK of at least 4 octets. */
export const blockOf = (bytes: Uint8Array): number => ((bytes[2] as number) << 8) | (bytes[3] as number);

/** Reads any datagram. A payload is a view of `bytes`. */
export function decodePacket(bytes: Uint8Array): { ok: true; packet: TftpPacket } | { ok: false; malformed: Malformed } {
  const reader = new ByteReader(bytes);
  const code = reader.u16();
  const type = typeOfOpcode.get(code);
  if (type === undefined) return { ok: false, malformed: reader.fault ?? { reason: `${code} is not a TFTP opcode`, offset: 0 } };
  const { body, bytesRead } = layouts[type];
  const content = new ByteReader(bytes, reader.offset, Math.min(bytes.length, bytesRead));
  const value = body.read(content);
  if (content.fault) return { ok: false, malformed: content.fault };
  return { ok: true, packet: { type, ...value } as TftpPacket };
}

/** The octets of a packet of our own making. */
export function encodePacket(packet: TftpPacket): Uint8Array {
  const { opcode, body } = layouts[packet.type];
  const writer = new ByteWriter(64);
  writer.u16(opcode);
  (body as AnyField).write(writer, packet);
  return writer.view();
}

/** A peer's text as one short line that a terminal and a log can show. */
export const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, "?").slice(0, PRINTABLE_MAX);
const PRINTABLE_MAX = 120;
