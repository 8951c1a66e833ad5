/** Where hostile or broken bytes stopped making sense. A value, never an exception. */
export interface Malformed {
  /** What was wrong, in words that fit a log line. */
  readonly reason: string;
  /** Offset in bytes from the start of the datagram or message being read. */
  readonly offset: number;
}

/** The Encoding Standard's two classes: every JavaScript engine of today has them, yet `lib` has them only with the DOM or with Node. */
declare const TextDecoder: new (label: "utf-8", options: { fatal: boolean; ignoreBOM: boolean }) => { decode(bytes: Uint8Array): string };
declare const TextEncoder: new () => { encode(text: string): Uint8Array };

const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenientDecoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
const utf8Encoder = new TextEncoder();

export const utf8 = (text: string): Uint8Array => utf8Encoder.encode(text);

/** The text of UTF-8 bytes, or undefined where they are not valid UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8Decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The text of bytes that ought to be UTF-8; what is not becomes U+FFFD. */
export const lenientTextOf = (bytes: Uint8Array): string => lenientDecoder.decode(bytes);

/**
 * Reads big-endian fields from `bytes[start, end)`. A read past the end returns zero or an empty view and
 * sets `fault` once; the caller checks `fault` when it is done. Nothing throws and nothing outside the
 * window is ever read. Returned views share memory with `bytes`.
 */
export class ByteReader {
  fault: Malformed | undefined;
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = Math.min(start, bytes.length);
    this.#end = Math.min(end, bytes.length);
  }

  get offset(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  /** Records the first fault and makes every later read return nothing. */
  fail(reason: string, offset: number = this.#at): void {
    if (this.fault === undefined) this.fault = { reason, offset };
    this.#at = this.#end;
  }

  #take(length: number): number {
    if (length > this.#end - this.#at) {
      this.fail(`needs ${length} bytes, ${this.#end - this.#at} left`);
      return -1;
    }
    const at = this.#at;
    this.#at += length;
    return at;
  }

  u8(): number {
    const at = this.#take(1);
    return at < 0 ? 0 : (this.#bytes[at] as number);
  }

  u16(): number {
    const at = this.#take(2);
    return at < 0 ? 0 : ((this.#bytes[at] as number) << 8) | (this.#bytes[at + 1] as number);
  }

  u32(): number {
    const high = this.remaining >= 4 ? this.u16() : this.#take(4) && 0;
    return this.fault ? 0 : high * 0x10000 + this.u16();
  }

  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return at < 0 ? this.#bytes.subarray(0, 0) : this.#bytes.subarray(at, at + length);
  }

  rest(): Uint8Array {
    return this.bytes(this.remaining);
  }

  /** A reader of the next `length` bytes alone; its offsets count from the same start. */
  window(length: number): ByteReader {
    const at = this.#take(length);
    const inner = at < 0 ? new ByteReader(this.#bytes, 0, 0) : new ByteReader(this.#bytes, at, at + length);
    if (at < 0) inner.fault = this.fault;
    return inner;
  }
}

/** Appends big-endian fields to a buffer that grows. */
export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  #room(count: number): number {
    const at = this.#length;
    if (at + count > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, at + count));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
    }
    this.#length = at + count;
    return at;
  }

  u8(value: number): void {
    const at = this.#room(1);
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.#room(2);
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
  }

  u32(value: number): void {
    const at = this.#room(4);
    this.#bytes[at] = value >>> 24;
    this.#bytes[at + 1] = value >>> 16;
    this.#bytes[at + 2] = value >>> 8;
    this.#bytes[at + 3] = value;
  }

  bytes(value: Uint8Array): void {
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
  }

  patchU8(at: number, value: number): void {
    this.#bytes[at] = value;
  }

  /** Overwrites a 16-bit field written earlier, for lengths that are known only afterwards. */
  patchU16(at: number, value: number): void {
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
  }

  /** The bytes written so far: a view that is valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
