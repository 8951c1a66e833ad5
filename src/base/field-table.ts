/**
 * The vocabulary in which wire layouts are written down. A layout is a value made of fields; one engine
 * reads and writes them all, so a layout is checked by looking at it.
 *
 *     const resultCode = record({ code: u32 });
 *     type ResultCode = ValueOf<typeof resultCode>;      // { code: number }
 *
 * All integers are big-endian. `read` never throws: it leaves a fault in the reader. `write` takes values
 * of our own making and throws InvariantError for one that does not fit.
 */
import { ByteReader, type ByteWriter, textOf, utf8 } from "./bytes.js";
import { invariant } from "./invariant.js";
import { type MacAddress, macFromBytes, macToBytes } from "./mac-address.js";
import { isOneLine } from "./one-line.js";

export interface Field<Value> {
  read(reader: ByteReader): Value;
  write(writer: ByteWriter, value: Value): void;
  /** Fewest and most bytes that any value takes; `max` is Infinity where only the envelope bounds it. */
  readonly min: number;
  readonly max: number;
}

// biome-ignore lint/suspicious/noExplicitAny: a table holds fields of every type
export type AnyField = Field<any>;
export type ValueOf<F> = F extends Field<infer Value> ? Value : never;

const integer = (size: 1 | 2 | 4): Field<number> => {
  const limit = 2 ** (8 * size);
  const method = (["", "u8", "u16", "", "u32"] as const)[size] as "u8" | "u16" | "u32";
  return {
    min: size,
    max: size,
    read: (reader) => reader[method](),
    write: (writer, value) => {
      invariant(Number.isInteger(value) && value >= 0 && value < limit, `${value} does not fit ${8 * size} bits`);
      writer[method](value);
    },
  };
};

export const u8 = integer(1);
export const u16 = integer(2);
export const u32 = integer(4);

export const i16: Field<number> = {
  min: 2,
  max: 2,
  read: (reader) => (reader.u16() << 16) >> 16,
  write: (writer, value) => {
    invariant(Number.isInteger(value) && value >= -0x8000 && value <= 0x7fff, `${value} does not fit a signed 16-bit field`);
    writer.u16(value & 0xffff);
  },
};

/** 64 bits that must fit a JavaScript safe integer (2⁵³−1); a larger value on the wire is a fault. */
export const u64: Field<number> = {
  min: 8,
  max: 8,
  read: (reader) => {
    const at = reader.offset;
    const value = reader.u32() * 0x100000000 + reader.u32();
    if (!Number.isSafeInteger(value)) reader.fail("64-bit number above 2^53-1", at);
    return Number.isSafeInteger(value) ? value : 0;
  },
  write: (writer, value) => {
    invariant(Number.isSafeInteger(value) && value >= 0, `${value} is not a 64-bit count`);
    writer.u32(Math.floor(value / 0x100000000));
    writer.u32(value % 0x100000000);
  },
};

/** One octet, 0 or 1. */
export const flag: Field<boolean> = {
  min: 1,
  max: 1,
  read: (reader) => {
    const at = reader.offset;
    const value = reader.u8();
    if (value > 1) reader.fail(`flag is ${value}, must be 0 or 1`, at);
    return value === 1;
  },
  write: (writer, value) => writer.u8(value ? 1 : 0),
};

/** Exactly `length` octets, as a view of the message. */
export const octets = (length: number): Field<Uint8Array> => ({
  min: length,
  max: length,
  read: (reader) => reader.bytes(length),
  write: (writer, value) => {
    invariant(value.length === length, `${value.length} octets where ${length} are due`);
    writer.bytes(value);
  },
});

/** All octets that remain in the envelope. */
export const remainder = (min = 0, max = Number.POSITIVE_INFINITY): Field<Uint8Array> => ({
  min,
  max,
  read: (reader) => {
    if (reader.remaining < min || reader.remaining > max) reader.fail(`${reader.remaining} octets, must be ${min}–${max}`);
    return reader.rest();
  },
  write: (writer, value) => {
    invariant(value.length >= min && value.length <= max, `${value.length} octets, must be ${min}–${max}`);
    writer.bytes(value);
  },
});

/**
 * UTF-8 text that fills the envelope, without NUL. Some encoders end strings with NULs (openCAPWAP does);
 * those are dropped on reading, so that a lone NUL is read as no text at all, and a NUL elsewhere is a fault.
 */
export const text = (min = 0, max = Number.POSITIVE_INFINITY): Field<string> => ({
  min,
  max,
  read: (reader) => {
    const at = reader.offset;
    const raw = reader.rest();
    let end = raw.length;
    while (end > 0 && raw[end - 1] === 0) end--;
    if (raw.length < min || raw.length > max) reader.fail(`text of ${raw.length} octets, must be ${min}–${max}`, at);
    const decoded = textOf(raw.subarray(0, end));
    if (decoded === undefined) reader.fail("text is not UTF-8", at);
    else if (decoded.includes("\0")) reader.fail("text holds a NUL", at);
    return reader.fault ? "" : (decoded as string);
  },
  write: (writer, value) => {
    const raw = utf8(value);
    invariant(
      raw.length >= min && raw.length <= max && !raw.includes(0),
      `text of ${raw.length} octets, must be ${min}–${max} without NUL`,
    );
    writer.bytes(raw);
  },
});

/** UTF-8 text that fills the envelope and shows as what it is (`isOneLine`). Only for fields whose writers are ours, for it refuses the rest. */
export const line = (min = 0, max = Number.POSITIVE_INFINITY): Field<string> =>
  mapped(
    text(min, max),
    (value) => (isOneLine(value) ? value : undefined),
    (value) => value,
    "text is not one printable line",
    "",
  );

/** `inner` behind a length field of one or two octets that counts its octets. */
export const prefixed = <Value>(length: Field<number>, inner: Field<Value>): Field<Value> => ({
  min: length.min + inner.min,
  max: length.max + inner.max,
  read: (reader) => {
    const window = reader.window(length.read(reader));
    const value = inner.read(window);
    if (window.fault) reader.fail(window.fault.reason, window.fault.offset);
    else if (window.remaining > 0) reader.fail(`${window.remaining} octets too many`, window.offset);
    return value;
  },
  write: (writer, value) => {
    const at = writer.length;
    length.write(writer, 0);
    const start = writer.length;
    inner.write(writer, value);
    const written = writer.length - start;
    invariant(written < 2 ** (8 * length.max), `${written} octets do not fit their length field`);
    if (length.max === 1) writer.patchU8(at, written);
    else writer.patchU16(at, written);
  },
});

/** As many values as the envelope holds, `min` to `max` of them. `inner` must take at least one octet. */
export const list = <Value>(inner: Field<Value>, min = 0, max = Number.POSITIVE_INFINITY): Field<Value[]> => ({
  min: inner.min * min,
  max: inner.max * max,
  read: (reader) => {
    const at = reader.offset;
    const values: Value[] = [];
    while (reader.remaining > 0 && values.length < max) values.push(inner.read(reader));
    if (reader.remaining > 0) reader.fail(`more than ${max} entries`);
    if (values.length < min && !reader.fault) reader.fail(`${values.length} entries, at least ${min} are due`, at);
    return values;
  },
  write: (writer, values) => {
    invariant(values.length >= min && values.length <= max, `${values.length} entries, must be ${min}–${max}`);
    for (const value of values) inner.write(writer, value);
  },
});

/** A count field, then that many values. */
export const counted = <Value>(count: Field<number>, inner: Field<Value>, min = 0): Field<Value[]> => ({
  min: count.min + inner.min * min,
  max: Number.POSITIVE_INFINITY,
  read: (reader) => {
    const at = reader.offset;
    const due = count.read(reader);
    if (due < min) reader.fail(`count is ${due}, at least ${min} is due`, at);
    const values: Value[] = [];
    for (let index = 0; index < due && !reader.fault; index++) values.push(inner.read(reader));
    return values;
  },
  write: (writer, values) => {
    count.write(writer, values.length);
    for (const value of values) inner.write(writer, value);
  },
});

/** A number that stands for a word. A number without a word is a fault. */
export const choice = <Word extends string>(code: Field<number>, words: Readonly<Record<Word, number>>): Field<Word> => {
  const byCode = new Map(Object.entries<number>(words).map(([word, number]) => [number, word as Word]));
  const [first] = byCode.values();
  return {
    min: code.min,
    max: code.max,
    read: (reader) => {
      const at = reader.offset;
      const number = code.read(reader);
      const word = byCode.get(number);
      if (word === undefined) reader.fail(`${number} is none of ${[...byCode.keys()].join(", ")}`, at);
      return word ?? (first as Word);
    },
    write: (writer, word) => code.write(writer, words[word]),
  };
};

/** Octets with one legal value: written always, and checked or ignored when read. */
export const constant = (code: Field<number>, value: number, check: "checked" | "ignored" = "ignored"): Field<undefined> => ({
  min: code.min,
  max: code.max,
  read: (reader) => {
    const at = reader.offset;
    const found = code.read(reader);
    if (check === "checked" && found !== value && !reader.fault) reader.fail(`${found} where ${value} is due`, at);
    return undefined;
  },
  write: (writer) => code.write(writer, value),
});

export const mac: Field<MacAddress> = {
  min: 6,
  max: 6,
  read: (reader) => {
    const raw = reader.bytes(6);
    return reader.fault ? ("00:00:00:00:00:00" as MacAddress) : macFromBytes(raw);
  },
  write: (writer, value) => writer.bytes(macToBytes(value)),
};

type Fields = Readonly<Record<string, AnyField>>;
type RecordOf<F extends Fields> = { readonly [Name in keyof F as F[Name] extends Field<undefined> ? never : Name]: ValueOf<F[Name]> };

/** Fields in the order of the wire. Constants take room there and none in the value. */
export const record = <F extends Fields>(fields: F): Field<RecordOf<F>> => {
  const entries = Object.entries(fields);
  return {
    min: entries.reduce((sum, [, field]) => sum + field.min, 0),
    max: entries.reduce((sum, [, field]) => sum + field.max, 0),
    read: (reader) => {
      const value: Record<string, unknown> = {};
      for (const [name, field] of entries) {
        const part = field.read(reader);
        if (reader.fault) break;
        if (part !== undefined) value[name] = part;
      }
      return value as RecordOf<F>;
    },
    write: (writer, value) => {
      for (const [name, field] of entries) field.write(writer, (value as Record<string, unknown>)[name]);
    },
  };
};

/** The same octets under another type, e.g. a number as a set of flags. */
export const mapped = <Raw, Value>(
  raw: Field<Raw>,
  read: (raw: Raw) => Value | undefined,
  write: (value: Value) => Raw,
  fault: string,
  fallback: Value,
): Field<Value> => ({
  min: raw.min,
  max: raw.max,
  read: (reader) => {
    const at = reader.offset;
    const value = read(raw.read(reader));
    if (value === undefined && !reader.fault) reader.fail(fault, at);
    return value ?? fallback;
  },
  write: (writer, value) => raw.write(writer, write(value)),
});

/** Reads one field that must fill `bytes` exactly. */
export function readWhole<Value>(
  field: Field<Value>,
  bytes: Uint8Array,
): { ok: true; value: Value } | { ok: false; reason: string; offset: number } {
  const reader = new ByteReader(bytes);
  const value = field.read(reader);
  if (!reader.fault && reader.remaining > 0) reader.fail(`${reader.remaining} octets too many`);
  return reader.fault ? { ok: false, ...reader.fault } : { ok: true, value };
}
