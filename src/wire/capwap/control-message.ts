/**
 * Control header and element envelopes (RFC 5415 §4.5.1, §4.6).
 *
 *     type u32 | sequence u8 | Message Element Length u16 | flags u8 | elements: type u16, length u16, value
 *
 * Message Element Length counts everything behind the Sequence Number: itself, the flags and the elements.
 */
import { ByteReader, ByteWriter, type Malformed } from "../../base/bytes.js";
import { invariant } from "../../base/invariant.js";

export interface Envelope {
  readonly type: number;
  /** Offset of the value in the message. */
  readonly offset: number;
  /** View of the value. */
  readonly value: Uint8Array;
  /** View of type, length and value. */
  readonly whole: Uint8Array;
}

export interface ControlMessage {
  /** Enterprise number × 256 + number of the message. */
  readonly type: number;
  readonly sequence: number;
  readonly elements: readonly Envelope[];
}

const headerBytes = 8;
const elementHeaderBytes = 4;
/** Octets that Message Element Length counts besides the elements: two of its own and the flags. */
const lengthOverhead = 3;

/** @param bytes the message as reassembled, without transport header */
export function readControlMessage(
  bytes: Uint8Array,
): { readonly ok: true; readonly message: ControlMessage } | ({ readonly ok: false } & Malformed) {
  const reader = new ByteReader(bytes);
  const type = reader.u32();
  const sequence = reader.u8();
  const lengthAt = reader.offset;
  const length = reader.u16();
  reader.u8(); // Flags: sent as zero, no meaning defined.
  if (reader.fault) return { ok: false, reason: "control header cut short", offset: bytes.length };
  if (length !== reader.remaining + lengthOverhead) {
    return {
      ok: false,
      reason: `Message Element Length is ${length}, ${reader.remaining + lengthOverhead} octets are there`,
      offset: lengthAt,
    };
  }
  const elements: Envelope[] = [];
  while (reader.remaining > 0) {
    const at = reader.offset;
    if (reader.remaining < elementHeaderBytes)
      return { ok: false, reason: `${reader.remaining} octets behind the last element`, offset: at };
    const elementType = reader.u16();
    const valueLength = reader.u16();
    const offset = reader.offset;
    if (valueLength > reader.remaining) {
      return { ok: false, reason: `element ${elementType} of ${valueLength} octets overruns the message`, offset: at };
    }
    const value = reader.bytes(valueLength);
    if (elementType === 0) return { ok: false, reason: "element type 0 is reserved", offset: at };
    elements.push({ type: elementType, offset, value, whole: bytes.subarray(at, reader.offset) });
  }
  return { ok: true, message: { type, sequence, elements } };
}

/** Writes one message: `begin`, any number of `element`, `finish`. */
export class ControlMessageWriter {
  readonly #writer = new ByteWriter(256);
  #elementAt = 0;

  constructor(type: number, sequence: number) {
    this.#writer.u32(type);
    this.#writer.u8(sequence);
    this.#writer.u16(0);
    this.#writer.u8(0);
  }

  element(type: number, writeValue: (writer: ByteWriter) => void): void {
    this.#elementAt = this.#writer.length;
    this.#writer.u16(type);
    this.#writer.u16(0);
    writeValue(this.#writer);
    this.#patchElementLength(0);
  }

  #patchElementLength(tailBytes: number): void {
    const length = this.#writer.length - this.#elementAt - elementHeaderBytes + tailBytes;
    invariant(length <= 0xffff, `an element of ${length} octets`);
    this.#writer.patchU16(this.#elementAt + 2, length);
  }

  /**
   * The message.
   * @param tailBytes octets that the sender appends to the message; they belong to the value of the last element
   */
  finish(tailBytes = 0): Uint8Array {
    if (tailBytes > 0) {
      invariant(this.#elementAt > 0, "a tail needs an element");
      this.#patchElementLength(tailBytes);
    }
    const length = this.#writer.length - headerBytes + lengthOverhead + tailBytes;
    invariant(length <= 0xffff, `a message of ${length} octets`);
    this.#writer.patchU16(5, length);
    return this.#writer.view();
  }
}
