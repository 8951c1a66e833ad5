/** The fast transfer through both sessions: negotiation, its place beside other messages, resume, refusal, abort. */
import t from "tap";
import { bytesOfHex } from "../../../../src/base/hex.js";
import { Prng } from "../../../../src/base/prng.js";
import { windowBytesFor } from "../../../../src/core/capwap/image/fast-image-offer.js";
import { flexupEnterprise } from "../../../../src/wire/capwap/vendor.js";
import { datagramOf, inShort, sentIn } from "../../../support/capwap-messages.js";
import { acEndpoint, CapwapWorld, cleanNetwork, type NetworkFaults } from "../../../support/capwap-world.js";

const image = { sha256: "ab".repeat(32), bytes: new Prng(9).bytes(700_001), md5: new Uint8Array(16) };
const identifier = { vendor: flexupEnterprise, name: "8.5.161.0" };
const digest = bytesOfHex(image.sha256);

function worldInRun(faults: NetworkFaults = cleanNetwork, fastTransfer = true): CapwapWorld {
  const world = new CapwapWorld(5, faults, { wtp: { fastTransfer } });
  world.image = image;
  world.start();
  world.run(300_000, () => world.wtp().state === "run");
  return world;
}

const start = (world: CapwapWorld, stored?: { offset: number; sha256: Uint8Array }): void =>
  world.onWtp(0, (wtp, out) => wtp.startImage(world.now, identifier, stored, out));

const ended = (world: CapwapWorld) => world.acEvents.find((event) => event.type === "transfer-ended");
const imageBytesSent = (world: CapwapWorld): number => {
  const event = ended(world);
  return event?.type === "transfer-ended" ? event.bytesSent : Number.NaN;
};

t.test("an image crosses whole, in far fewer round trips than blocks", async (t) => {
  const world = worldInRun();
  const began = world.now;
  start(world);
  world.run(began + 60_000, () => ended(world) !== undefined);
  t.match(ended(world), { outcome: { type: "complete" }, bytesDone: image.bytes.length });
  t.ok(Buffer.from(image.bytes).equals(world.imageOf(0)), "right bytes");
  t.ok(world.now - began < 1_000, `took ${world.now - began} ms`);
});

t.test("and on a bad network", async (t) => {
  const world = worldInRun({ loss: 0.05, duplication: 0.05, delayMsMin: 5, delayMsMax: 40 });
  start(world);
  world.run(world.now + 300_000, () => ended(world) !== undefined);
  t.match(ended(world), { outcome: { type: "complete" } });
  t.ok(Buffer.from(image.bytes).equals(world.imageOf(0)), "right bytes");
});

t.test("an AP that does not offer it gets stop-and-wait", async (t) => {
  const world = worldInRun(cleanNetwork, false);
  start(world);
  world.run(world.now + 60_000, () => ended(world) !== undefined);
  t.match(ended(world), { outcome: { type: "complete" } });
  t.ok(Buffer.from(image.bytes).equals(world.imageOf(0)), "right bytes");
  t.ok(Math.max(...world.capture.map(({ payload }) => payload.length)) <= 1_045 + 26, "blocks of 1,024 octets, with the session token");
});

t.test("a stored part is not sent again, unless it is of another image", async (t) => {
  const stored = 350_123;
  const same = worldInRun();
  start(same, { offset: stored, sha256: digest });
  same.run(same.now + 60_000, () => ended(same) !== undefined);
  t.match(ended(same), { outcome: { type: "complete" } });
  t.ok(Buffer.from(image.bytes.subarray(stored)).equals(same.imageOf(0)), "right bytes");
  t.ok(imageBytesSent(same) <= (image.bytes.length - stored) * 1.01);

  const other = worldInRun();
  start(other, { offset: stored, sha256: bytesOfHex("cd".repeat(32)) });
  other.run(other.now + 60_000, () => ended(other) !== undefined);
  t.ok(Buffer.from(image.bytes).equals(other.imageOf(0)), "from the first byte");
});

t.test("a request is answered within a round trip while blocks flow", async (t) => {
  const world = worldInRun();
  world.image = { ...image, bytes: new Prng(3).bytes(8_000_000) };
  start(world);
  world.run(world.now + 60);
  const asked = world.now;
  const session = world.acEvents.find((event) => event.type === "running");
  world.onAc((ac, out) =>
    ac.request(
      world.now,
      session?.type === "running" ? session.session : 0,
      { type: "configurationUpdateRequest", elements: {} },
      "tag",
      out,
    ),
  );
  world.run(world.now + 5_000, () => world.acEvents.some((event) => event.type === "answered"));
  t.ok(world.now - asked <= 2 * cleanNetwork.delayMsMax, `${world.now - asked} ms`);
  t.equal(ended(world), undefined, "the transfer is still running");
});

const servingReport = { runId: 1, sessionsMax: 3, sessionsPeak: 0, bytesServed: 0, refusals: 0, sessions: [] };
/** Propagation alone, both ways. */
const roundTripMs = 100;
const slowLine = (bitsPerSecond: number, queueShare: number): NetworkFaults => ({
  ...{ loss: 0, duplication: 0, delayMsMin: roundTripMs / 2, delayMsMax: roundTripMs / 2 },
  line: { bitsPerSecond, queueBytes: Math.max(6_000, (queueShare * bitsPerSecond * roundTripMs) / 8000) },
});

for (const bitsPerSecond of [512e3, 2e6, 10e6]) {
  for (const queueShare of [0.5, 2, 8]) {
    const name = `${bitsPerSecond / 1e6} Mbit/s, queue of ${queueShare} products`;
    t.test(`on a slow line echoes, requests and an abort wait no more than a round trip behind blocks: ${name}`, async (t) => {
      const world = worldInRun(slowLine(bitsPerSecond, queueShare));
      world.image = { ...image, bytes: new Prng(3).bytes(bitsPerSecond * 4) };
      start(world);
      // The rate is found by filling the queue once; what counts is the long time after.
      world.run(world.now + 5_000);
      const running = world.acEvents.find((event) => event.type === "running");
      const session = running?.type === "running" ? running.session : 0;
      const waits: number[] = [];
      const answers = (): number => world.acEvents.filter((event) => event.type === "answered").length;
      const events = (): number => world.wtpEvents.filter(({ event }) => event.type === "answered").length;
      for (let turn = 0; turn < 40; turn++) {
        const [askedAt, before] = [world.now, turn % 2 === 0 ? answers() : events()];
        // The controller's request goes down the full line, the AP's gets its response through it.
        if (turn % 2 === 0)
          world.onAc((ac, out) => ac.request(world.now, session, { type: "configurationUpdateRequest", elements: {} }, "tag", out));
        else world.onWtp(0, (wtp, out) => wtp.request(world.now, { type: "wtpEventRequest", elements: { servingReport } }, "tag", out));
        world.run(world.now + 10_000, () => (turn % 2 === 0 ? answers() : events()) > before);
        waits.push(world.now - askedAt);
        world.run(world.now + 137);
      }
      t.equal(ended(world), undefined, "blocks flow all the time");
      waits.sort((a, b) => a - b);
      // A block that is being sent cannot be overtaken by anybody.
      const blockMs = (1_500 * 8000) / bitsPerSecond;
      const [median, most] = [waits[20] ?? Number.NaN, waits.at(-1) ?? Number.NaN];
      t.comment(`median ${median.toFixed(0)} ms, most ${most.toFixed(0)} ms, a block takes ${blockMs.toFixed(0)} ms`);
      t.ok(median <= 1.5 * roundTripMs + 2 * blockMs, `median ${median}`);
      t.ok(most <= 2 * roundTripMs + 2 * blockMs, `most ${most}`);

      const abortedAt = world.now;
      world.onAc((ac, out) => ac.abortTransfer(world.now, session, out));
      world.run(world.now + 10_000, () => world.wtpEvents.some(({ event }) => event.type === "image-failed"));
      t.ok(world.now - abortedAt <= roundTripMs + 2 * blockMs, `the abort took ${world.now - abortedAt} ms one way`);
    });
  }
}

t.test("a block of the RFC's transfer beside the fast one is refused and has no place in the image", async (t) => {
  const world = worldInRun();
  start(world);
  world.run(world.now + 50);
  const imageData = { dataType: "block", data: new Uint8Array(1_000).fill(7) } as const;
  world.onWtp(0, (wtp, out) => {
    const elements = { imageData, sessionToken: world.sessionToken };
    wtp.datagram(world.now, datagramOf(acEndpoint, { type: "imageDataRequest", sequence: 100, elements }), out);
    t.same(sentIn(out).map(inShort), ["imageDataResponse 18"]);
  });
  world.run(world.now + 60_000, () => ended(world) !== undefined);
  t.match(ended(world), { outcome: { type: "complete" } });
  t.ok(Buffer.from(image.bytes).equals(world.imageOf(0)), "right bytes");
});

t.test("what an AP promises to hold fits its memory", async (t) => {
  const mebibyte = 2 ** 20;
  const windows = [64, 256, 512, 65_536].map((memory) => windowBytesFor(memory * mebibyte) / mebibyte);
  t.same(windows, [8, 16, 32, 32]);
});

t.test("an abort stops both ends", async (t) => {
  const world = worldInRun();
  start(world);
  world.run(world.now + 50);
  const session = world.acEvents.find((event) => event.type === "running");
  world.onAc((ac, out) => ac.abortTransfer(world.now, session?.type === "running" ? session.session : 0, out));
  world.run(world.now + 100);
  t.match(ended(world), { outcome: { type: "aborted" } });
  t.ok(world.wtpEvents.some(({ event }) => event.type === "image-failed" && event.reason === "aborted"));
  const sent = world.capture.length;
  world.run(world.now + 10_000);
  t.equal(world.capture.length, sent, "and then there is silence");
});

for (const resultCode of [14, 15, 16]) {
  t.test(`the AP refuses with ${resultCode}`, async (t) => {
    const world = worldInRun();
    world.blockResults.push(0, 0, resultCode);
    start(world);
    world.run(world.now + 10_000, () => ended(world) !== undefined);
    t.match(ended(world), { outcome: { type: "refused", resultCode } });
    t.ok(world.wtpEvents.some(({ event }) => event.type === "image-failed" && event.reason === "rejected"));
    world.written[0] = [];
    start(world);
    world.run(world.now + 60_000, () => world.acEvents.filter((event) => event.type === "transfer-ended").length === 2);
    t.ok(Buffer.from(image.bytes).equals(world.imageOf(0)), "and takes the next transfer in the same session");
  });
}

for (const fastTransfer of [true, false]) {
  t.test(`a cap holds back a transfer that is ${fastTransfer ? "fast" : "stop-and-wait"}`, async (t) => {
    const world = worldInRun(cleanNetwork, fastTransfer);
    const bytesPerSecond = 20_000;
    world.image = { ...image, bytes: image.bytes.subarray(0, 200_000) };
    world.ac.setRate("line", bytesPerSecond);
    world.rates = ["line"];
    const began = world.now;
    start(world);
    world.run(world.now + 60_000, () => ended(world) !== undefined);
    t.match(ended(world), { outcome: { type: "complete" } });
    const seconds = (world.now - began) / 1000;
    t.ok(seconds >= 200_000 / bytesPerSecond && seconds < 12.5, `${seconds} s`);
  });
}
