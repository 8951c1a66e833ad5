/** RFC 5415 §9.1 with stop-and-wait: the ways in which a download ends, seen from both sides. */
import t from "tap";
import type { AcEvent } from "../../../../src/core/capwap/ac/ac-contract.js";
import type { WtpEvent } from "../../../../src/core/capwap/wtp/wtp-contract.js";
import { inShort, messageIn } from "../../../support/capwap-messages.js";
import { CapwapWorld, cleanNetwork, storedImage } from "../../../support/capwap-world.js";

const identifier = { vendor: 32473, name: "8.5.161.0" };

/** A WTP in Run that has been told to fetch an image of the given size. */
function fetching(sizeBytes: number, prepare: (world: CapwapWorld) => void = () => {}): CapwapWorld {
  const world = new CapwapWorld(1);
  world.image = storedImage(sizeBytes);
  world.start();
  world.run(60_000, () => world.runningSessions === 1);
  prepare(world);
  const order = { type: "configurationUpdateRequest", elements: { imageIdentifier: identifier } } as const;
  world.onAc((ac, out) => ac.request(world.now, 1, order, "order", out));
  return world;
}

const ended = (world: CapwapWorld) =>
  world.acEvents.find((event): event is Extract<AcEvent<string>, { type: "transfer-ended" }> => event.type === "transfer-ended");
const failed = (world: CapwapWorld) =>
  world.wtpEvents
    .map(({ event }) => event)
    .find((event): event is Extract<WtpEvent<string>, { type: "image-failed" }> => event.type === "image-failed");
const messagesOf = (world: CapwapWorld): string[] => world.capture.map(({ payload }) => inShort(messageIn(payload)));

t.test("a whole transfer, message by message", async (t) => {
  const world = fetching(2_050);
  const from = world.capture.length;
  world.run(world.now + 10_000, () => ended(world) !== undefined);
  t.same(messagesOf(world).slice(from - 1), [
    "configurationUpdateRequest",
    "configurationUpdateResponse",
    "imageDataRequest",
    "imageDataResponse",
    "imageDataRequest",
    "imageDataResponse",
    "imageDataRequest",
    "imageDataResponse",
    "imageDataRequest",
    "imageDataResponse",
  ]);
  t.match(ended(world), { outcome: { type: "complete" }, bytesDone: 2_050, bytesSent: 2_050 });
  t.match(
    world.acEvents.filter(({ type }) => type === "transfer-progress"),
    [{ bytesDone: 1_024 }, { bytesDone: 2_048 }],
  );
});

t.test("the WTP's error codes stop the transfer", async (t) => {
  for (const resultCode of [14, 15, 16, 17]) {
    const world = fetching(4_000, ({ blockResults }) => blockResults.push(0, 0, resultCode));
    world.run(world.now + 10_000, () => ended(world) !== undefined);
    t.match(ended(world), { outcome: { type: "refused", resultCode }, bytesDone: 2_048 }, `Result Code ${resultCode}`);
    t.match(failed(world), { reason: "rejected", resultCode });
    const sent = world.capture.length;
    world.run(world.now + 20_000);
    t.notOk(messagesOf(world).slice(sent).includes("imageDataRequest"), "no further block");
    t.equal(world.runningSessions, 1, "the session continues");
  }
});

t.test("a checksum that is wrong at the end is no complete transfer", async (t) => {
  const world = fetching(1_500, ({ blockResults }) => blockResults.push(0, 14));
  world.run(world.now + 10_000, () => ended(world) !== undefined);
  t.match(ended(world), { outcome: { type: "refused", resultCode: 14 } });
  t.notOk(world.wtpEventTypes().includes("image-complete"));
});

t.test("the controller aborts with type 5, at once and whatever is under way", async (t) => {
  for (const delayMs of [0, 5, 15, 25, 45, 1_000]) {
    const world = fetching(1_000_000);
    world.run(world.now + 200 + delayMs);
    const abortedAt = world.now;
    world.onAc((ac, out) => ac.abortTransfer(world.now, 1, out));
    t.match(ended(world), { outcome: { type: "aborted" } }, "the controller is done at once");
    world.run(world.now + 10_000, () => failed(world) !== undefined);
    t.match(failed(world), { reason: "aborted" });
    t.ok(world.now - abortedAt <= 20, `the AP knew after ${world.now - abortedAt} ms`);
    world.run(world.now + 60_000);
    t.equal(world.runningSessions, 1);
  }
});

t.test("an abort when nothing runs is harmless", async (t) => {
  const world = new CapwapWorld(1);
  world.start();
  world.run(60_000, () => world.runningSessions === 1);
  const events = world.acEvents.length;
  world.onAc((ac, out) => ac.abortTransfer(world.now, 1, out));
  world.run(world.now + 1_000);
  t.equal(world.acEvents.length, events);
});

t.test("the AP gives up", async (t) => {
  const world = fetching(1_000_000);
  world.run(world.now + 500);
  world.onWtp(0, (wtp, out) => wtp.cancelImage(world.now, out));
  t.match(failed(world), { reason: "rejected" });
  world.run(world.now + 1_000, () => ended(world) !== undefined);
  t.match(ended(world), { outcome: { type: "refused", resultCode: 16 } });
});

t.test("a controller without the image refuses", async (t) => {
  const world = fetching(1_000, (world) => {
    world.image = undefined;
  });
  world.run(world.now + 5_000, () => failed(world) !== undefined);
  t.match(failed(world), { reason: "refused", resultCode: 16 });
  t.equal(world.runningSessions, 1);
});

t.test("an image that is longer or shorter than announced is answered with 15", async (t) => {
  for (const announced of [900, 1_100]) {
    const world = fetching(1_000, (world) => {
      world.rewrite = (message) =>
        message.type === "imageDataResponse" && message.elements.imageInformation !== undefined
          ? {
              ...message,
              elements: { ...message.elements, imageInformation: { ...message.elements.imageInformation, sizeBytes: announced } },
            }
          : message;
    });
    world.run(world.now + 5_000, () => ended(world) !== undefined);
    t.match(failed(world), { reason: "size-mismatch", resultCode: 15 }, `${announced} announced, 1000 sent`);
    t.match(ended(world), { outcome: { type: "refused", resultCode: 15 } });
  }
});

t.test("a controller that falls silent: the download times out, the session continues by its echoes", async (t) => {
  const world = fetching(1_000_000);
  world.run(world.now + 500);
  // The AC forgets its transfer without a word to the WTP.
  world.rewrite = (message) => (message.type === "imageDataRequest" ? undefined : message);
  const since = world.now;
  world.run(world.now + 60_000, () => failed(world) !== undefined);
  t.match(failed(world), { reason: "timeout" });
  t.ok(world.now - since > 29_000 && world.now - since <= 30_020, `after ${world.now - since} ms`);
  t.equal(world.wtp().state, "run");
});

t.test("the session's end ends the transfer on both sides", async (t) => {
  const world = fetching(1_000_000);
  world.run(world.now + 500);
  world.connected = false;
  world.run(world.now + 300_000, () => ended(world) !== undefined && failed(world) !== undefined);
  t.match(ended(world), { outcome: { type: "session-ended" } });
  t.match(failed(world), { reason: "timeout" });
  const types = world.acEvents.map(({ type }) => type);
  t.ok(types.indexOf("transfer-ended") < types.indexOf("left"), "the transfer before the session");
});

t.test("a new request starts at byte 0 and ends the transfer that ran", async (t) => {
  const world = fetching(50_000);
  world.run(world.now + 300);
  world.written[0] = [];
  world.onWtp(0, (wtp, out) => wtp.startImage(world.now, identifier, undefined, out));
  world.run(world.now + 60_000, () => world.acEvents.filter(({ type }) => type === "transfer-ended").length === 2);
  t.match(
    world.acEvents.filter(({ type }) => type === "transfer-ended"),
    [{ outcome: { type: "restarted" } }, { outcome: { type: "complete" }, bytesDone: 50_000 }],
  );
  t.ok(Buffer.compare(world.imageOf(0), world.image?.bytes ?? new Uint8Array()) === 0);
});

t.test("a request of the controller goes out between two blocks, not behind them", async (t) => {
  const world = fetching(1_000_000);
  world.run(world.now + 505);
  const since = world.now;
  world.onAc((ac, out) => ac.request(world.now, 1, { type: "configurationUpdateRequest", elements: {} }, "urgent", out));
  world.run(world.now + 5_000, () => world.acEvents.some((event) => event.type === "answered" && event.tag === "urgent"));
  t.ok(world.now - since <= 40, `answered after ${world.now - since} ms with a round trip of 20`);
});

t.test("blocks that no download waits for get 18", async (t) => {
  const world = new CapwapWorld(1);
  world.start();
  world.run(60_000, () => world.runningSessions === 1);
  world.image = storedImage(3_000);
  world.onWtp(0, (wtp, out) => wtp.startImage(world.now, identifier, undefined, out));
  world.run(world.now + 15);
  world.onWtp(0, (wtp, out) => {
    wtp.stop(world.now, out);
    wtp.start(world.now, out);
  });
  world.run(world.now + 200_000);
  t.ok(world.acEvents.some((event) => event.type === "left" && event.reason === "replaced"));
  t.equal(world.runningSessions, 1);
});

t.test("two hundred transfers at once, and every echo is answered", async (t) => {
  const world = new CapwapWorld(3, { ...cleanNetwork, delayMsMin: 40, delayMsMax: 60 }, { wtps: 200 });
  world.image = storedImage(20_000);
  world.start();
  world.run(120_000, () => world.runningSessions === 200);
  const order = { type: "configurationUpdateRequest", elements: { imageIdentifier: identifier } } as const;
  for (let session = 1; session <= 200; session++) world.onAc((ac, out) => ac.request(world.now, session, order, `${session}`, out));
  world.run(world.now + 600_000, () => world.acEvents.filter(({ type }) => type === "transfer-ended").length === 200);
  t.equal(world.acEvents.filter((event) => event.type === "transfer-ended" && event.outcome.type === "complete").length, 200);
  t.equal(world.ac.sessionCount, 200);
  t.ok(world.wtps.every((_, index) => world.imageOf(index).length === 20_000));
});
