import t from "tap";
import { ByteReader, ByteWriter, textOf, utf8 } from "../../src/base/bytes.js";
import fc from "../support/properties.js";

t.test("a reader never leaves its window and says where it stopped", async (t) => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3, 4, 5), 1, 4);
  t.equal(reader.u16(), 0x0203);
  t.equal(reader.u16(), 0, "two octets where one is left");
  t.same(reader.fault, { reason: "needs 2 bytes, 1 left", offset: 3 });
  t.equal(reader.u8(), 0, "nothing is read after a fault");
  t.equal(reader.remaining, 0);
});

t.test("the first fault is kept", async (t) => {
  const reader = new ByteReader(new Uint8Array(2));
  reader.fail("first", 0);
  reader.fail("second", 1);
  t.same(reader.fault, { reason: "first", offset: 0 });
});

t.test("u32 is unsigned, and short input is a fault", async (t) => {
  t.equal(new ByteReader(Uint8Array.of(0xff, 0xff, 0xff, 0xfe)).u32(), 0xfffffffe);
  const short = new ByteReader(Uint8Array.of(0xff, 0xff, 0xff));
  t.equal(short.u32(), 0);
  t.match(short.fault, { reason: "needs 4 bytes, 3 left" });
});

t.test("a window that is too long is a fault of both readers", async (t) => {
  const outer = new ByteReader(new Uint8Array(3), 1);
  const inner = outer.window(3);
  t.equal(inner.remaining, 0);
  t.ok(outer.fault);
  t.same(inner.fault, outer.fault);
});

t.test("window offsets count from the start of the message", async (t) => {
  const outer = new ByteReader(Uint8Array.of(0, 0, 7, 8));
  outer.u16();
  const inner = outer.window(1);
  t.equal(inner.offset, 2);
  t.equal(inner.u8(), 7);
  t.equal(outer.u8(), 8);
});

t.test("what is written is read back, across growth", async (t) => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.tuple(fc.constant("u8" as const), fc.nat(0xff)),
          fc.tuple(fc.constant("u16" as const), fc.nat(0xffff)),
          fc.tuple(fc.constant("u32" as const), fc.nat(0xffffffff)),
        ),
      ),
      (fields) => {
        const writer = new ByteWriter(1);
        for (const [kind, value] of fields) writer[kind](value);
        const reader = new ByteReader(writer.view());
        return fields.every(([kind, value]) => reader[kind]() === value) && reader.remaining === 0 && !reader.fault;
      },
    ),
  );
  t.pass();
});

t.test("patches land where they were asked", async (t) => {
  const writer = new ByteWriter();
  writer.u32(0);
  writer.patchU16(1, 0xabcd);
  writer.patchU8(3, 0xef);
  t.same([...writer.view()], [0, 0xab, 0xcd, 0xef]);
});

t.test("text that is not UTF-8 is not text", async (t) => {
  t.equal(textOf(utf8("Zürich")), "Zürich");
  t.equal(textOf(Uint8Array.of(0xc3)), undefined);
});
