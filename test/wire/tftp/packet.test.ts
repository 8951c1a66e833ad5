import t from "tap";
import { utf8 } from "../../../src/base/bytes.js";
import { decodePacket, encodePacket, type TftpPacket } from "../../../src/wire/tftp/packet.js";
import fc from "../../support/properties.js";

const text = (octets: string): Uint8Array => Uint8Array.from(octets, (sign) => sign.charCodeAt(0));

/** Layouts of RFC 1350 §5 and RFC 2347, written by hand. */
const vectors: readonly (readonly [string, TftpPacket])[] = [
  ["\0\x01image\0octet\0", { type: "read-request", fileName: "image", mode: "octet", options: [] }],
  [
    "\0\x01a\0OCTET\0BlkSize\x001428\0tsize\x000\0",
    {
      type: "read-request",
      fileName: "a",
      mode: "OCTET",
      options: [
        { name: "BlkSize", value: "1428" },
        { name: "tsize", value: "0" },
      ],
    },
  ],
  ["\0\x02a\0mail\0", { type: "write-request", fileName: "a", mode: "mail", options: [] }],
  ["\0\x03\xff\xfehi", { type: "data", block: 0xfffe, payload: utf8("hi") }],
  ["\0\x04\x01\x02", { type: "ack", block: 0x0102 }],
  ["\0\x05\0\x05who?\0", { type: "error", code: 5, message: "who?" }],
  ["\0\x06windowsize\x0016\0", { type: "oack", options: [{ name: "windowsize", value: "16" }] }],
];

t.test("packets are read and written as the RFCs draw them", async (t) => {
  for (const [octets, packet] of vectors) {
    t.same(decodePacket(text(octets)), { ok: true, packet }, packet.type);
    t.same(encodePacket(packet), text(octets), packet.type);
  }
});

t.test("what is broken is told with its place", async (t) => {
  const broken: readonly (readonly [string, string, number])[] = [
    ["", "needs 2 bytes, 0 left", 0],
    ["\0", "needs 2 bytes, 1 left", 0],
    ["\0\x07", "7 is not a TFTP opcode", 0],
    ["\0\x04\x01", "needs 2 bytes, 1 left", 2],
    ["\0\x01image", "text without its closing NUL", 2],
    [`\0\x01${"a".repeat(600)}\0octet\0`, "text without its closing NUL", 2],
  ];
  for (const [octets, reason, offset] of broken) t.same(decodePacket(text(octets)), { ok: false, malformed: { reason, offset } }, reason);
});

t.test("what peers append, cut off or write in another character set does not hide what they mean", async (t) => {
  const plain = { type: "read-request", fileName: "image", mode: "octet", options: [] };
  const small = { ...plain, options: [{ name: "blksize", value: "512" }] };
  const read: readonly (readonly [string, unknown])[] = [
    ["\0\x01image\0octet", plain],
    ["\0\x01image\0octet\0\0\0", plain],
    [`\0\x01image\0octet\0${"\0".repeat(900)}`, plain],
    ["\0\x01image\0octet\0blksize\0", plain],
    ["\0\x01image\0octet\0blksize\x0051", plain],
    ["\0\x01image\0octet\0blksize\x00512\0\0\0", small],
    ["\0\x01image\0octet\0blksize\x00512\0\xff\xff", small],
    ["\0\x01gr\xfcn\0octet\0", { ...plain, fileName: "gr\ufffdn" }],
    ["\0\x04\x01\x02\x03", { type: "ack", block: 0x0102 }],
    ["\0\x05\0\x03zur\xfcck\0", { type: "error", code: 3, message: "zur\ufffdck" }],
    [`\0\x05\0\x03${"D".repeat(900)}`, { type: "error", code: 3, message: "D".repeat(508) }],
    ["\0\x05\0\x03bye\0\0\0", { type: "error", code: 3, message: "bye" }],
    ["\0\x06tsize\x009\0\0\0", { type: "oack", options: [{ name: "tsize", value: "9" }] }],
    ["\0\x06tsize\x009\0blksize\0", { type: "oack", options: [{ name: "tsize", value: "9" }] }],
  ];
  for (const [octets, packet] of read) t.same(decodePacket(text(octets)), { ok: true, packet }, JSON.stringify(octets.slice(0, 40)));
});

t.test("an ERROR without its last NUL is an ERROR", async (t) => {
  t.same(decodePacket(text("\0\x05\0\x01gone")), { ok: true, packet: { type: "error", code: 1, message: "gone" } });
});

t.test("any datagram is read without a throw, and what is read can be written again", async () => {
  const opcodes = fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7);
  fc.assert(
    fc.property(opcodes, fc.uint8Array({ maxLength: 600 }), (opcode, rest) => {
      const decoded = decodePacket(Uint8Array.of(0, opcode, ...rest));
      if (!decoded.ok) return true;
      // U+FFFD takes more octets than what it stands for, maybe more than a packet may have.
      const written = encodePacket(decoded.packet);
      return written.length > 512 || decodePacket(written).ok;
    }),
  );
});
