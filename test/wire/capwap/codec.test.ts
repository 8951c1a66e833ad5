import { readdirSync } from "node:fs";
import t from "tap";
import { decodeMessage, encodeMessage } from "../../../src/wire/capwap/codec.js";
import { readPacket } from "../../../src/wire/capwap/header.js";
import { type Message, type MessageName, messages } from "../../../src/wire/capwap/messages.js";
import { readCapture } from "../../support/captures.js";
import { anyMessage, messageOf, withoutArbitrary } from "../../support/capwap-arbitraries.js";
import { fixture, hex, hexOf } from "../../support/fixtures.js";
import fc from "../../support/properties.js";

const foreign = hex;

/** Messages laid out by hand from the figures of RFC 5415. */
const vectors: readonly { readonly what: string; readonly bytes: string; readonly message: Message }[] = [
  { what: "Echo Request, no elements", bytes: "0000000d 04 0003 00", message: { type: "echoRequest", sequence: 4, elements: {} } },
  {
    what: "Configuration Update Response with Result Code 17",
    bytes: "00000008 ff 000b 00  0021 0004 00000011",
    message: { type: "configurationUpdateResponse", sequence: 255, elements: { resultCode: 17 } },
  },
  {
    what: "Image Data Request that starts a download",
    bytes: "0000000f 05 0016 00  0019 000b 00007ed9 382e352e313631  001b 0000",
    message: {
      type: "imageDataRequest",
      sequence: 5,
      elements: { imageIdentifier: { vendor: 32473, name: "8.5.161" }, initiateDownload: {} },
    },
  },
  {
    what: "Image Data Response with Image Information",
    bytes: "00000010 05 0023 00  0021 0004 00000000  001a 0014 00800000 000102030405060708090a0b0c0d0e0f",
    message: {
      type: "imageDataResponse",
      sequence: 5,
      elements: { resultCode: 0, imageInformation: { sizeBytes: 8_388_608, md5: Uint8Array.from({ length: 16 }, (_, at) => at) } },
    },
  },
  {
    what: "Image Data Request with the last block",
    bytes: "0000000f 07 000b 00  0018 0004 02 aabbcc",
    message: { type: "imageDataRequest", sequence: 7, elements: { imageData: { dataType: "last", data: foreign("aabbcc") } } },
  },
  {
    what: "Image Data Request that aborts",
    bytes: "0000000f 08 0008 00  0018 0001 05",
    message: { type: "imageDataRequest", sequence: 8, elements: { imageData: { dataType: "abort", data: new Uint8Array() } } },
  },
  {
    what: "Reset Request",
    bytes: "00000011 00 000f 00  0019 0008 00007ed9 312e322e",
    message: { type: "resetRequest", sequence: 0, elements: { imageIdentifier: { vendor: 32473, name: "1.2." } } },
  },
  {
    what: "Change State Event Request",
    bytes: "0000000b 03 0012 00  0020 0003 01 01 00  0021 0004 00000000",
    message: {
      type: "changeStateEventRequest",
      sequence: 3,
      elements: { radioOperationalState: [{ radioId: 1, state: "enabled", cause: "normal" }], resultCode: 0 },
    },
  },
  {
    what: "our abort order in a Vendor Specific Payload",
    bytes: "00000007 01 0011 00  0025 000a 00007ed9 0002 0000002a",
    message: { type: "configurationUpdateRequest", sequence: 1, elements: { upgradeAbort: { runId: 42 } } },
  },
];

t.test("vectors drawn from the RFC, both ways", async (t) => {
  for (const { what, bytes, message } of vectors) {
    t.same(decodeMessage(hex(bytes)), { ok: true, message, skipped: 0 }, `${what}: decoded`);
    t.equal(hexOf(encodeMessage(message)), hexOf(hex(bytes)), `${what}: encoded`);
  }
});

t.test("every message of foreign captures is understood, and re-encodes to an equal one", async (t) => {
  let seen = 0;
  for (const name of ["good.pcap", "three.pcap", "opencapwap-discovery-to-run.pcapng"]) {
    for (const { payload } of readCapture(fixture("capwap", name))) {
      const packet = readPacket(payload);
      if (packet.type !== "capwap") throw new Error(packet.type);
      if (packet.header.keepAlive) continue;
      const decoded = decodeMessage(packet.payload);
      if (!decoded.ok) throw new Error(`${name}: ${JSON.stringify(decoded)}`);
      t.same(decodeMessage(encodeMessage(decoded.message)), { ...decoded, skipped: 0 }, `${name}: ${decoded.message.type}`);
      seen++;
    }
  }
  t.ok(seen > 100, `${seen} messages`);
});

t.test("each broken capture is refused", async (t) => {
  for (const name of readdirSync(fixture("capwap")).filter((file) => file.startsWith("bad_"))) {
    const [first] = readCapture(fixture("capwap", name));
    const packet = readPacket(first?.payload ?? new Uint8Array());
    t.ok(packet.type === "malformed" || (packet.type === "capwap" && !decodeMessage(packet.payload).ok), name);
  }
});

t.test("encode and decode are inverse for every message and element", async (t) => {
  t.same(withoutArbitrary(), [], "every element of the tables has random values");
  for (const name of Object.keys(messages) as MessageName[]) {
    fc.assert(
      fc.property(messageOf(name), (message) => {
        const bytes = encodeMessage(message);
        const decoded = decodeMessage(bytes);
        if (!decoded.ok) throw new Error(JSON.stringify(decoded));
        return hexOf(encodeMessage(decoded.message)) === hexOf(bytes) && same(decoded.message, message);
      }),
      { numRuns: 60 },
    );
    t.pass(name);
  }
});

const plain = (value: unknown): string => JSON.stringify(value, (_, part) => (part instanceof Uint8Array ? hexOf(part) : part));
const sorted = (message: object): string => {
  const { elements, ...head } = message as { elements: Record<string, unknown> };
  return plain({ ...head, elements: Object.entries(elements).sort(([a], [b]) => (a < b ? -1 : 1)) });
};
const same = (a: object, b: object): boolean => sorted(a) === sorted(b);

t.test("no bytes make the decoder throw", async (t) => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => typeof decodeMessage(bytes).ok === "boolean"));
  fc.assert(
    fc.property(anyMessage, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }), fc.nat(), (message, edits, cut) => {
      const bytes = Uint8Array.from(encodeMessage(message));
      for (const [at, value] of edits) bytes[at % bytes.length] = value;
      const whole = decodeMessage(bytes);
      const short = decodeMessage(bytes.subarray(0, cut % bytes.length));
      return typeof whole.ok === "boolean" && typeof short.ok === "boolean";
    }),
    { numRuns: 500 },
  );
  t.pass();
});

t.test("problems carry what an answer needs", async (t) => {
  t.match(decodeMessage(hex("0000001b 09 0003 00")), { ok: false, problem: "unknown-message", messageType: 27, sequence: 9 });
  t.match(decodeMessage(hex("00000011 02 0003 00")), {
    ok: false,
    problem: "missing-element",
    message: "resetRequest",
    sequence: 2,
    missing: "imageIdentifier",
  });
  t.match(decodeMessage(hex("00000009 02 0003 00")), { problem: "missing-element", missing: /upgradeReport or/ });
  t.match(decodeMessage(hex("0000000d 02 000a 00 003c 0003 010203")), {
    problem: "unrecognized-element",
    message: "echoRequest",
    returned: [{ reason: "unknownElement", element: hex("003c0003010203") }],
  });
  t.match(decodeMessage(hex("00000008 02 000f 00 0021 0004 00000000 0020 0000")), { problem: "unrecognized-element" });
  t.match(decodeMessage(hex("00000008 02 0013 00 0021 0004 00000000 0021 0004 00000000")), {
    problem: "malformed",
    reason: "resultCode occurs twice",
  });
  t.match(decodeMessage(hex("0000000d 02 0007 00 0000 0000")), { problem: "malformed", reason: "element type 0 is reserved" });
  t.match(decodeMessage(hex("0000000d 02 0005 00 0021")), { problem: "malformed", reason: "2 octets behind the last element" });
  t.match(decodeMessage(hex("0000000d 02")), { problem: "malformed", reason: "control header cut short" });
});

t.test("what a peer may add is left alone", async (t) => {
  const withBinding = hex("0000000d 02 0008 00 0400 0001 01");
  t.same(
    decodeMessage(withBinding),
    { ok: true, message: { type: "echoRequest", sequence: 2, elements: {} }, skipped: 1 },
    "binding element",
  );
  const withMisplaced = hex("0000000d 02 000b 00 0021 0004 00000000");
  t.same(
    decodeMessage(withMisplaced),
    { ok: true, message: { type: "echoRequest", sequence: 2, elements: {} }, skipped: 1 },
    "known, has no place here",
  );
  const foreignVendor = decodeMessage(hex("0000000d 02 0010 00 0025 0009 00000009 0001 aabbcc"));
  t.match(foreignVendor, { ok: true, message: { elements: { vendorPayload: [{ vendor: 9, elementId: 1, data: hex("aabbcc") }] } } });
  const unknownOfOurs = decodeMessage(hex("0000000d 02 000e 00 0025 0007 00007ed9 fffe aa"));
  t.match(unknownOfOurs, { ok: true, message: { elements: { vendorPayload: [{ vendor: 32473, elementId: 0xfffe }] } } });
});

t.test("a response that reports an error may lack the rest", async (t) => {
  const refusedJoin = hex("00000004 01 000b 00 0021 0004 00000004");
  const expected = { type: "failureResponse" as const, response: "joinResponse" as const, sequence: 1, elements: { resultCode: 4 } };
  t.same(decodeMessage(refusedJoin), { ok: true, message: expected, skipped: 0 });
  t.equal(hexOf(encodeMessage(expected)), hexOf(refusedJoin));
  const claimsSuccess = hex("00000004 01 000b 00 0021 0004 00000000");
  t.match(decodeMessage(claimsSuccess), { ok: false, problem: "missing-element", missing: "acDescriptor" });
});

t.test("a tail that the sender appends is counted in the lengths", async (t) => {
  const head = encodeMessage(
    { type: "imageDataRequest", sequence: 3, elements: { imageData: { dataType: "block", data: new Uint8Array() } } },
    5,
  );
  t.equal(hexOf(head), hexOf(hex("0000000f 03 000d 00 0018 0006 01")));
  const whole = Uint8Array.from([...head, 1, 2, 3, 4, 5]);
  t.match(decodeMessage(whole), { ok: true, message: { elements: { imageData: { dataType: "block", data: hex("0102030405") } } } });
});

t.test("our own mistakes are not encoded", async (t) => {
  t.throws(
    () => encodeMessage({ type: "resetRequest", sequence: 0, elements: {} } as unknown as Message),
    /resetRequest lacks imageIdentifier/,
  );
});

t.test(
  "in our own elements text is one printable line and an address is numeric: both come to be shown and dialled elsewhere",
  async (t) => {
    const inventory = { version: "8.5", sha256: new Uint8Array(32) };
    const withAddress = (address: string): Message => ({
      type: "wtpEventRequest",
      sequence: 1,
      elements: {
        apInventory: {
          ...{ primary: inventory, backup: inventory, running: "primary", freeBytes: 0, extensions: [] },
          tftp: { address, port: 69 },
        },
      },
    });
    const withDetail = (detail: string): Message => ({
      type: "configurationUpdateResponse",
      sequence: 1,
      elements: { resultCode: 16, refusal: { reason: "busy", detail } },
    });
    for (const [message, ok] of [
      [withDetail("Grüße"), true],
      [withDetail("\u001b[2J"), false],
      [withAddress(""), true],
      [withAddress("192.0.2.1"), true],
      [withAddress("fe80::1%eth0"), true],
      [withAddress("::ffff:192.0.2.1"), true],
      [withAddress("192.0.2.256"), false],
      [withAddress("tftp.example"), false],
      [withAddress("1::2::3"), false],
    ] as const) {
      const decoded = decodeMessage(encodeMessage(message));
      t.equal(decoded.ok, ok, JSON.stringify(message.elements).slice(0, 120));
      if (!decoded.ok) t.equal(decoded.problem, "unrecognized-element");
    }
  },
);

t.test("an element of a binding serves where a WTP Event Request needs one of several", async (t) => {
  const event = (elements: string) =>
    decodeMessage(hex(`00000009 02 ${(3 + elements.replace(/ /g, "").length / 2).toString(16).padStart(4, "0")} 00 ${elements}`));
  t.match(event("040f 0004 01000000"), { ok: true, message: { type: "wtpEventRequest" }, skipped: 1 }, "IEEE 802.11 Statistics (1039)");
  t.match(event("0417 0004 01010100"), { ok: true, skipped: 1 }, "IEEE 802.11 WTP Radio Fail Alarm Indication (1047)");
  t.match(event("0014 0001 01"), { problem: "missing-element" }, "an element of CAPWAP without a place there does not");
});
