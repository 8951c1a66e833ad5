import t from "tap";
import { ByteWriter } from "../../../src/base/bytes.js";
import { packetsOf, plainHeader, readPacket, type TransportHeader, writeHeader } from "../../../src/wire/capwap/header.js";
import { hex, hexOf } from "../../support/fixtures.js";
import fc from "../../support/properties.js";

const written = (header: TransportHeader): string => {
  const writer = new ByteWriter();
  writeHeader(writer, header);
  return hexOf(writer.view());
};

/** Headers as RFC 5415 §4.3 lays them out, and as foreign stacks send them. */
const vectors: readonly { readonly what: string; readonly bytes: string; readonly header: TransportHeader }[] = [
  { what: "plain control (Fortinet, openCAPWAP)", bytes: "0010020000000000", header: plainHeader },
  { what: "no binding (actube)", bytes: "0010000000000000", header: { ...plainHeader, wirelessBinding: 0 } },
  {
    what: "first fragment",
    bytes: "0010028000070000",
    header: { ...plainHeader, fragment: { id: 7, offset: 0, last: false } },
  },
  {
    what: "last fragment at octet 120",
    bytes: "001002c000070078",
    header: { ...plainHeader, fragment: { id: 7, offset: 120, last: true } },
  },
  {
    what: "radio MAC address of six octets (Cisco)",
    bytes: "00200210 00000000 06aabbccddeeff00",
    header: { ...plainHeader, radioMac: hex("aabbccddeeff") },
  },
  {
    what: "radio MAC address of eight octets and wireless information",
    bytes: "00304230 00000000 080102030405060708000000 03001122",
    header: { ...plainHeader, radioId: 1, radioMac: hex("0102030405060708"), wirelessInformation: hex("001122") },
  },
  { what: "keep-alive, native frame", bytes: "0010030800000000", header: { ...plainHeader, nativeFrame: true, keepAlive: true } },
];

t.test("headers are read and written as the RFC draws them", async (t) => {
  for (const { what, bytes, header } of vectors) {
    const raw = hex(bytes);
    t.equal(written(header), hexOf(raw), `${what}: written`);
    t.same(readPacket(raw), { type: "capwap", header, payload: new Uint8Array() }, `${what}: read`);
  }
});

t.test("a DTLS header hands out the record", async (t) => {
  t.same(readPacket(hex("01000000 16fefd")), { type: "dtls", record: hex("16fefd") });
});

t.test("broken headers say what is wrong and where", async (t) => {
  const broken: readonly (readonly [string, string, number])[] = [
    ["", "empty datagram", 0],
    ["10", "version 1, must be 0", 0],
    ["02", "preamble type 2, must be 0 or 1", 0],
    ["010000", "DTLS header cut short", 3],
    ["00100200", "header cut short", 4],
    ["0008020000000000", "header length of 4 octets in a datagram of 8", 1],
    ["0018020000000000", "header length of 12 octets in a datagram of 8", 1],
    ["00180200 00000000 00000000", "4 octets of the header belong to no option", 8],
    ["00180210 00000000 06aabbcc", "radio MAC address overruns the header", 8],
    ["00180210 00000000 03aabbcc", "radio MAC address is neither 6 nor 8 octets", 8],
    ["00180220 00000000 04aabbcc", "wireless specific information overruns the header", 8],
  ];
  for (const [bytes, reason, offset] of broken) t.same(readPacket(hex(bytes)), { type: "malformed", reason, offset }, reason);
});

t.test("no datagram makes the reader throw or read outside", async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const padded = new Uint8Array(bytes.length + 32).fill(0xee);
      padded.set(bytes, 16);
      const packet = readPacket(padded.subarray(16, 16 + bytes.length));
      return JSON.stringify(packet) === JSON.stringify(readPacket(bytes));
    }),
  );
  t.pass();
});

t.test("fragments cover the message once, in multiples of eight octets", async (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 4096 }),
      fc.integer({ min: 16, max: 1400 }),
      fc.nat(0xffff),
      (message, room, id) => {
        const packets = packetsOf(message, id, room).map((bytes) => {
          const packet = readPacket(bytes);
          if (packet.type !== "capwap" || bytes.length > room) throw new Error("not a packet that fits");
          return packet;
        });
        const rebuilt = new Uint8Array(message.length);
        let next = 0;
        for (const [index, { header, payload }] of packets.entries()) {
          if (packets.length === 1 && header.fragment !== undefined) return false;
          if (packets.length > 1) {
            const last = index === packets.length - 1;
            if (header.fragment?.id !== id || header.fragment.offset !== next || header.fragment.last !== last) return false;
            if (!last && payload.length % 8 !== 0) return false;
          }
          rebuilt.set(payload, next);
          next += payload.length;
        }
        return next === message.length && Buffer.compare(rebuilt, message) === 0;
      },
    ),
  );
  t.pass();
});
