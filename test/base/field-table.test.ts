import t from "tap";
import { ByteReader, ByteWriter } from "../../src/base/bytes.js";
import {
  type AnyField,
  choice,
  constant,
  counted,
  flag,
  i16,
  line,
  list,
  mac,
  octets,
  prefixed,
  readWhole,
  record,
  remainder,
  text,
  u8,
  u16,
  u32,
  u64,
  type ValueOf,
} from "../../src/base/field-table.js";
import { InvariantError } from "../../src/base/invariant.js";
import { parseMac } from "../../src/base/mac-address.js";
import fc from "../support/properties.js";

const write = <F extends AnyField>(field: F, value: ValueOf<F>): Uint8Array => {
  const writer = new ByteWriter();
  field.write(writer, value);
  return writer.view();
};

const roundTrips: readonly { name: string; field: AnyField; values: readonly unknown[] }[] = [
  { name: "u8", field: u8, values: [0, 255] },
  { name: "u16", field: u16, values: [0, 1, 65535] },
  { name: "u32", field: u32, values: [0, 0x80000000, 0xffffffff] },
  { name: "i16", field: i16, values: [-32768, -1, 0, 32767] },
  { name: "u64", field: u64, values: [0, 0x100000000, Number.MAX_SAFE_INTEGER] },
  { name: "flag", field: flag, values: [true, false] },
  { name: "octets", field: octets(3), values: [Uint8Array.of(1, 2, 3)] },
  { name: "remainder", field: remainder(0, 4), values: [new Uint8Array(0), new Uint8Array(4)] },
  { name: "text", field: text(1, 8), values: ["a", "Grüße"] },
  { name: "a line", field: line(1, 8), values: ["a", "Grüße", "日本"] },
  { name: "prefixed by one octet", field: prefixed(u8, text(0, 255)), values: ["", "x".repeat(255)] },
  { name: "prefixed by two", field: prefixed(u16, remainder()), values: [new Uint8Array(300)] },
  { name: "list", field: list(u16), values: [[], [1, 2, 3]] },
  { name: "counted", field: counted(u8, u16), values: [[], [9, 8]] },
  { name: "choice", field: choice(u8, { one: 1, two: 2 }), values: ["one", "two"] },
  { name: "mac", field: mac, values: [parseMac("00:0a:b8:3b:0b:c2")] },
  { name: "record with a constant", field: record({ a: u8, reserved: constant(u16, 0), b: u8 }), values: [{ a: 1, b: 2 }] },
];
for (const { name, field, values } of roundTrips) {
  t.test(`${name}: written and read back`, async (t) => {
    for (const value of values) {
      const bytes = write(field, value as never);
      t.ok(bytes.length >= field.min && bytes.length <= field.max, `${bytes.length} octets are within ${field.min}–${field.max}`);
      const back = readWhole(field, bytes);
      t.same(back, { ok: true, value });
    }
  });
}

const faults: readonly { name: string; field: AnyField; bytes: readonly number[]; reason: string; offset: number }[] = [
  { name: "trailing octets", field: u8, bytes: [1, 2], reason: "1 octets too many", offset: 1 },
  { name: "a flag of 2", field: flag, bytes: [2], reason: "flag is 2, must be 0 or 1", offset: 0 },
  {
    name: "a number without a word",
    field: record({ a: u8, b: choice(u8, { one: 1 }) }),
    bytes: [0, 7],
    reason: "7 is none of 1",
    offset: 1,
  },
  { name: "64 bits beyond exact numbers", field: u64, bytes: [0xff, 0, 0, 0, 0, 0, 0, 0], reason: "64-bit number above 2^53-1", offset: 0 },
  { name: "text with a NUL inside", field: text(), bytes: [65, 0, 66], reason: "text holds a NUL", offset: 0 },
  { name: "a line that steers terminals", field: line(), bytes: [65, 27, 91], reason: "text is not one printable line", offset: 0 },
  { name: "a line that turns", field: line(), bytes: [0xe2, 0x80, 0xae], reason: "text is not one printable line", offset: 0 },
  { name: "a line of two lines", field: line(), bytes: [65, 0xe2, 0x80, 0xa8, 66], reason: "text is not one printable line", offset: 0 },
  { name: "text that is not UTF-8", field: text(), bytes: [0xff], reason: "text is not UTF-8", offset: 0 },
  { name: "text that is too long", field: text(0, 1), bytes: [65, 66], reason: "text of 2 octets, must be 0–1", offset: 0 },
  { name: "a length beyond the envelope", field: prefixed(u8, text()), bytes: [5, 65], reason: "needs 5 bytes, 1 left", offset: 1 },
  { name: "an inner field shorter than its length", field: prefixed(u8, u8), bytes: [2, 1, 1], reason: "1 octets too many", offset: 2 },
  { name: "too few counted values", field: counted(u8, u8, 1), bytes: [0], reason: "count is 0, at least 1 is due", offset: 0 },
  { name: "a count beyond the envelope", field: counted(u16, u16), bytes: [0xff, 0xff, 0, 1], reason: "needs 2 bytes, 0 left", offset: 4 },
  { name: "too many list entries", field: list(u8, 0, 1), bytes: [1, 2], reason: "more than 1 entries", offset: 1 },
  { name: "a constant that is checked", field: constant(u8, 0, "checked"), bytes: [1], reason: "1 where 0 is due", offset: 0 },
];
for (const { name, field, bytes, reason, offset } of faults) {
  t.test(`fault: ${name}`, async (t) => {
    t.same(readWhole(field, Uint8Array.from(bytes)), { ok: false, reason, offset });
  });
}

t.test("NULs at the end of text are dropped (openCAPWAP writes them)", async (t) => {
  t.same(readWhole(text(), Uint8Array.of(65, 66, 0, 0)), { ok: true, value: "AB" });
});

t.test("values of our own that do not fit are our bug", async (t) => {
  for (const [field, value] of [
    [u8, 256],
    [u16, -1],
    [u32, 1.5],
    [i16, 40000],
    [u64, -1],
    [octets(2), new Uint8Array(3)],
    [text(1), ""],
    [prefixed(u8, text()), "x".repeat(256)],
  ] as const) {
    t.throws(() => write(field as AnyField, value as never), InvariantError);
  }
});

t.test("no bytes make a field throw or read outside", async (t) => {
  const fields = roundTrips.map(({ field }) => field);
  fc.assert(
    fc.property(fc.nat(fields.length - 1), fc.uint8Array({ maxLength: 40 }), (index, bytes) => {
      const reader = new ByteReader(bytes);
      (fields[index] as AnyField).read(reader);
      return reader.offset <= bytes.length;
    }),
  );
  t.pass();
});
