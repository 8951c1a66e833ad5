import t from "tap";
import { type Reassembled, Reassembly, reassemblyLimits } from "../../../../src/core/capwap/link/reassembly.js";
import { decodeMessage } from "../../../../src/wire/capwap/codec.js";
import { packetsOf, readPacket } from "../../../../src/wire/capwap/header.js";
import { readCapture } from "../../../support/captures.js";
import { fixture } from "../../../support/fixtures.js";
import fc from "../../../support/properties.js";

const message = (length: number): Uint8Array => Uint8Array.from({ length }, (_, at) => at);

/** Hands each datagram over and gives the outcomes. */
function feed(reassembly: Reassembly, datagrams: readonly Uint8Array[], peer = "peer", now = 0): Reassembled[] {
  return datagrams.map((bytes) => {
    const packet = readPacket(bytes);
    if (packet.type !== "capwap" || packet.header.fragment === undefined) throw new Error("no fragment");
    return reassembly.add(now, peer, packet.header.fragment, packet.payload);
  });
}

t.test("a captured fragmented message becomes whole", async (t) => {
  const reassembly = new Reassembly();
  const datagrams = readCapture(fixture("capwap", "frag.pcap")).map(({ payload }) => payload);
  const last = feed(reassembly, datagrams).at(-1);
  t.ok(last?.type === "whole" && decodeMessage(last.message).ok);
  t.equal(reassembly.heldBytes, 0);
});

t.test("fragments in any order, some twice, give the message", async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 100, max: 4096 }),
      fc.integer({ min: 24, max: 600 }),
      fc.infiniteStream(fc.nat()),
      (length, room, random) => {
        const whole = message(length);
        const pieces = packetsOf(whole, 9, room);
        if (pieces.length < 2) return true;
        const doubled = [...pieces, ...pieces.slice(0, -1)];
        for (let at = doubled.length - 1; at > 0; at--) {
          const other = (random.next().value ?? 0) % (at + 1);
          [doubled[at], doubled[other]] = [doubled[other] as Uint8Array, doubled[at] as Uint8Array];
        }
        const results = feed(new Reassembly(), doubled);
        const found = results.find(({ type }) => type === "whole");
        return found?.type === "whole" && Buffer.compare(found.message, whole) === 0;
      },
    ),
    { numRuns: 60 },
  );
});

t.test("fragments that contradict each other spoil their message", async (t) => {
  const fragment = (offset: number, last: boolean) => ({ id: 1, offset, last });
  const contradictions: readonly (readonly [string, readonly (readonly [number, number, boolean])[]])[] = [
    [
      "overlap from behind",
      [
        [0, 16, false],
        [8, 16, false],
      ],
    ],
    [
      "overlap from before",
      [
        [8, 16, false],
        [0, 16, false],
      ],
    ],
    [
      "same place, other length",
      [
        [0, 16, false],
        [0, 24, false],
      ],
    ],
    [
      "two ends",
      [
        [16, 8, true],
        [24, 8, true],
      ],
    ],
    [
      "beyond the end",
      [
        [16, 8, true],
        [24, 8, false],
      ],
    ],
    [
      "an end before what came",
      [
        [24, 8, false],
        [8, 8, true],
      ],
    ],
  ];
  for (const [what, pieces] of contradictions) {
    const reassembly = new Reassembly();
    const results = pieces.map(([offset, length, last]) => reassembly.add(0, "peer", fragment(offset, last), new Uint8Array(length)));
    t.match(results.at(-1), { type: "dropped", reason: "malformed-fragment" }, what);
    t.equal(reassembly.heldBytes, 0, what);
  }
});

t.test("fragments that cannot be", async (t) => {
  const reassembly = new Reassembly();
  t.match(reassembly.add(0, "peer", { id: 1, offset: 0, last: false }, new Uint8Array(7)), { reason: "malformed-fragment" });
  t.match(reassembly.add(0, "peer", { id: 1, offset: 0, last: true }, new Uint8Array(0)), { reason: "malformed-fragment" });
  t.match(reassembly.add(0, "peer", { id: 1, offset: 4096, last: true }, new Uint8Array(1)), { reason: "message-too-long" });
  t.equal(reassembly.heldBytes, 0);
});

t.test("a message that does not become whole in time is forgotten", async (t) => {
  const reassembly = new Reassembly();
  const [first, second] = packetsOf(message(100), 1, 72);
  feed(reassembly, [first as Uint8Array], "peer", 0);
  t.equal(reassembly.heldBytes, 64);
  t.same(feed(reassembly, [second as Uint8Array], "peer", reassemblyLimits.timeoutMs), [{ type: "partial" }], "its beginning is gone");
  t.equal(reassembly.heldBytes, 36);
});

t.test("one peer cannot have many messages under way, and peers do not share Fragment IDs", async (t) => {
  const reassembly = new Reassembly();
  const begun = (peer: string, id: number) => reassembly.add(0, peer, { id, offset: 0, last: false }, new Uint8Array(8)).type;
  for (let id = 0; id < reassemblyLimits.messagesPerPeerMax; id++) t.equal(begun("a", id), "partial");
  t.equal(begun("a", 99), "dropped");
  t.equal(begun("b", 99), "partial");
  const end = reassembly.add(0, "b", { id: 0, offset: 8, last: true }, new Uint8Array(8));
  t.equal(end.type, "partial", "the beginning of peer a does not count for peer b");
});

t.test("many peers cannot make it hold more than its bound", async (t) => {
  const reassembly = new Reassembly();
  for (let peer = 0; peer < 2_000; peer++) {
    reassembly.add(0, `peer ${peer}`, { id: 1, offset: 0, last: false }, new Uint8Array(1024));
    if (reassembly.heldBytes > reassemblyLimits.heldBytesMax) t.fail(`${reassembly.heldBytes} octets held`);
  }
  t.equal(reassembly.heldBytes, reassemblyLimits.heldBytesMax);
  for (let peer = 0; peer < 2 * reassemblyLimits.heldPiecesMax; peer++)
    reassembly.add(0, `small ${peer}`, { id: 1, offset: 0, last: false }, new Uint8Array(8));
  t.equal(reassembly.heldPieces, reassemblyLimits.heldPiecesMax, "nor many small ones, each of which costs more than its octets");
  fc.assert(
    fc.property(
      fc.array(fc.record({ peer: fc.nat(3), id: fc.nat(6), offset: fc.nat(80), last: fc.boolean(), length: fc.nat(64), at: fc.nat(9) }), {
        maxLength: 200,
      }),
      (fragments) => {
        const bounded = new Reassembly();
        let now = 0;
        for (const { peer, id, offset, last, length, at } of fragments) {
          now += at * 100;
          bounded.add(now, String(peer), { id, offset: offset * 8, last }, new Uint8Array(length));
          if (bounded.heldBytes < 0 || bounded.heldBytes > 4 * reassemblyLimits.messagesPerPeerMax * 4096) return false;
        }
        return true;
      },
    ),
  );
});
