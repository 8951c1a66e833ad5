/** A joined peer, or somebody on the way, that lies about a fast transfer: nobody throws, memory and what is sent stay bounded. */

import t from "tap";
import { type Endpoint, sameEndpoint } from "../../../../src/base/endpoint.js";
import { Prng } from "../../../../src/base/prng.js";
import type { SendDatagram } from "../../../../src/core/capwap/contract.js";
import { FastImageReceiver, type FastReceiverOutput } from "../../../../src/core/capwap/image/fast-image-receiver.js";
import { FastImageSender } from "../../../../src/core/capwap/image/fast-image-sender.js";
import { fastFragmentIdBit, fragmentHead, isFastFragment, segmentBytesDefault } from "../../../../src/wire/capwap/fast-segment.js";
import { flexupEnterprise } from "../../../../src/wire/capwap/vendor.js";
import type { FastAck } from "../../../../src/wire/capwap/vendor-transfer.js";
import { datagramOf } from "../../../support/capwap-messages.js";
import { acEndpoint, CapwapWorld, cleanNetwork, wtpEndpoint } from "../../../support/capwap-world.js";
import fc from "../../../support/properties.js";

const mebibyte = 2 ** 20;
const plan = {
  transferId: 7,
  startOffset: 0,
  sizeBytes: 512 * mebibyte,
  segmentBytes: segmentBytesDefault,
  firstFragmentId: fastFragmentIdBit,
};

const senderOf = (sizeBytes: number, windowBytes: number): FastImageSender =>
  new FastImageSender({
    to: wtpEndpoint(0),
    carriage: "clear",
    sha256: "image",
    plan: { ...plan, sizeBytes },
    windowBytes,
    datagramBytesMax: 1_472,
    headerBytes: 28,
    caps: [],
  });

const ack = (fields: Partial<FastAck>): FastAck => ({
  transferId: plan.transferId,
  receivedOffset: 0,
  writtenOffset: 0,
  windowEnd: 0,
  delayUs: 0,
  complete: false,
  ranges: [],
  ...fields,
});

const anyOffset = fc.oneof(fc.nat(2 * mebibyte), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }));
const anyAck: fc.Arbitrary<FastAck> = fc.record({
  transferId: fc.constant(plan.transferId),
  receivedOffset: anyOffset,
  writtenOffset: anyOffset,
  windowEnd: anyOffset,
  delayUs: fc.nat(0xffff_ffff),
  complete: fc.boolean(),
  ranges: fc.array(fc.record({ gap: fc.nat(0xffff_ffff), length: fc.nat(0xffff_ffff) }), { maxLength: 32 }),
});

t.test("no acknowledgement makes the sender throw, or end before all was sent", async (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(anyAck, fc.nat(2_000)), { maxLength: 40 }), (acks) => {
      const sender = senderOf(mebibyte, 8 * mebibyte);
      const out: SendDatagram[] = [];
      let now = 1_000;
      sender.start(now, out);
      for (const [each, waitMs] of acks) {
        now += waitMs;
        sender.acknowledge(now, 0, each, out);
        sender.wake(now, out);
      }
      const sentTo = Math.max(0, ...out.map(({ image }) => (image === undefined ? 0 : image.offset + image.length)));
      const inside = out.every(
        ({ image }) => image !== undefined && image.offset >= 0 && image.length > 0 && image.offset + image.length <= mebibyte,
      );
      return inside && (sender.outcome?.type !== "complete" || sentTo === mebibyte);
    }),
    { numRuns: 300 },
  );
  t.pass();
});

t.test("a receiver that never takes the first block, and promises endless room, makes the sender keep no more than 32 MiB", async (t) => {
  const sender = senderOf(plan.sizeBytes, 0xffff_ffff);
  const out: SendDatagram[] = [];
  let now = 1_000;
  sender.start(now, out);
  let sentTo = 0;
  for (let turn = 0; turn < 3_000; turn++) {
    for (const { image } of out.splice(0)) if (image !== undefined) sentTo = Math.max(sentTo, image.offset + image.length);
    now += 5;
    // All but the first block, in one range.
    sender.acknowledge(now, 0, ack({ windowEnd: Number.MAX_SAFE_INTEGER, ranges: [{ gap: 1_200, length: sentTo }] }), out);
    sender.wake(now, out);
  }
  t.ok(sentTo > mebibyte, `${sentTo} bytes were sent`);
  t.ok(sentTo <= 33 * mebibyte, `${sentTo} bytes wait for the first`);
});

t.test("no datagram makes the receiver throw, leave the order of the image or answer more than once or twice", async (t) => {
  const small = { ...plan, sizeBytes: 200_000 };
  const fragment = fc
    .record({
      offset: fc.nat(199),
      length: fc.integer({ min: 1, max: 1_400 }),
      edits: fc.array(fc.tuple(fc.nat(45), fc.nat(255)), { maxLength: 3 }),
      cut: fc.nat(20),
    })
    .map(({ offset, length, edits, cut }) => {
      const head = fragmentHead(small, Math.min(offset * 1_000, small.sizeBytes - 8), Math.min(length, 8));
      const bytes = new Uint8Array(head.length + length);
      bytes.set(head);
      for (const [at, value] of edits) bytes[at % bytes.length] = value;
      return bytes.subarray(0, Math.max(9, bytes.length - cut));
    });
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 200 }), (fragments) => {
      const receiver = new FastImageReceiver(small, 65_536);
      let now = 1_000;
      receiver.start(now);
      let expected = 0;
      for (const bytes of fragments) {
        const out: FastReceiverOutput[] = [];
        receiver.datagram(now++, bytes, out);
        for (const output of out) {
          if (output.type !== "image-block") continue;
          if (output.offset !== expected || output.offset + output.bytes.length > small.sizeBytes) return false;
          expected += output.bytes.length;
          receiver.answer(now, 0, out);
        }
        if (out.filter(({ type }) => type === "fast-ack").length > 2) return false;
      }
      return true;
    }),
    { numRuns: 300 },
  );
  t.pass();
});

/** The fragment of zeros `[offset, offset + length)`. */
function zeros(offset: number, length: number): Uint8Array {
  const head = fragmentHead(plan, offset, length);
  const bytes = new Uint8Array(head.length + length);
  bytes.set(head);
  return bytes;
}

t.test("once the receiver has given up nothing is handed on any more, whatever still comes", async (t) => {
  const receiver = new FastImageReceiver(plan, 32 * mebibyte);
  const out: FastReceiverOutput[] = [];
  receiver.start(0);
  for (let offset = 0; offset < 11 * 1_400; offset += 1_400) receiver.datagram(1, zeros(offset, 1_400), out);
  out.length = 0;
  receiver.reject(2, 16, out);
  receiver.datagram(3, zeros(11 * 1_400, 1_400), out);
  t.same(
    out.map((output) => (output.type === "fast-ack" ? output.resultCode : output.type)),
    [16, 16],
  );
  t.equal(receiver.memoryBytes, 0);
});

t.test("a wide window costs memory only where bytes wait, wherever a sender puts them", async (t) => {
  const receiver = new FastImageReceiver(plan, 32 * mebibyte);
  const out: FastReceiverOutput[] = [];
  receiver.start(0);
  t.equal(receiver.memoryBytes, 0);
  const far = 500 * segmentBytesDefault;
  receiver.datagram(1, zeros(far, 1_400), out);
  t.equal(receiver.memoryBytes, 65_536, "one chunk for the one block");
  receiver.datagram(1, zeros(600 * segmentBytesDefault, 1_400), out);
  t.equal(receiver.memoryBytes, 65_536, "and none beyond the window");
});

t.test("a flood of requests for an image neither floods the line nor takes a rate from the others", async (t) => {
  const world = new CapwapWorld(3, cleanNetwork, { wtps: 2, wtp: { fastTransfer: true } });
  world.image = { sha256: "image", bytes: new Prng(1).bytes(2 * mebibyte), md5: new Uint8Array(16) };
  world.ac.setRate("line", 100_000);
  world.rates = ["line"];
  world.start();
  world.run(300_000, () => world.runningSessions === 2);
  const fastOffer = { resumeOffset: 0, sha256: new Uint8Array(32), windowBytes: 8 * mebibyte, datagramBytesMax: 65_507 };
  const identifier = { vendor: flexupEnterprise, name: "9.0" };
  world.capture.length = 0;
  const beganAt = world.now;
  for (let sequence = 0; sequence < 100; sequence++) {
    const elements = { imageIdentifier: identifier, initiateDownload: {}, fastOffer: { ...fastOffer, transferId: sequence } };
    const { bytes } = datagramOf(wtpEndpoint(0), { type: "imageDataRequest", sequence: (100 + sequence) & 255, elements });
    world.onAc((ac, out) => ac.datagram(world.now, { from: wtpEndpoint(0), bytes, carriage: "clear" }, out));
    world.run(world.now + 10);
  }
  const seconds = (world.now - beganAt) / 1000;
  const sent = world.capture.filter(({ from }) => from === acEndpoint).reduce((sum, { payload }) => sum + payload.length, 0);
  t.ok(seconds <= 1.1, `${seconds} s`);
  t.ok(sent <= 60_000, `${sent} bytes for 100 requests`);
  // What the flood reserved and did not use would make the others wait.
  const askedAt = world.now;
  world.onWtp(1, (wtp, out) => wtp.startImage(world.now, identifier, undefined, out));
  const isForOther = ({ to, payload }: { to: Endpoint; payload: Uint8Array }) =>
    sameEndpoint(to, wtpEndpoint(1)) && isFastFragment(payload);
  world.run(world.now + 10_000, () => world.capture.some(isForOther));
  const waitMs = world.now - askedAt;
  t.ok(waitMs < 200, `the next waits ${waitMs} ms`);
});
