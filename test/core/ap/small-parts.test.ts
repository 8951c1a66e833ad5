import t from "tap";
import { bytesOfHex, hexOf } from "../../../src/base/hex.js";
import { oneLine } from "../../../src/base/one-line.js";
import { decideBoot } from "../../../src/core/ap/boot-choice.js";
import type { ApEffect, BootRecord } from "../../../src/core/ap/contract.js";
import { ImageServe } from "../../../src/core/ap/image-serve.js";
import { emptyBootRecord, ImageSlots, slotToBoot } from "../../../src/core/ap/image-slots.js";
import { refuseOrder, runOrder } from "../../../src/core/ap/order.js";
import type { UpgradeOrder } from "../../../src/wire/capwap/vendor.js";
import { newImage, oldImage, sha, wanOrder } from "../../support/ap-run.js";

const stored = { ...newImage, version: "8.6", runId: 7 };
const both: BootRecord = { ...emptyBootRecord, slots: { a: oldImage, b: stored } };

t.test("slots", async (t) => {
  t.test("the primary boots, the other one only when the primary is empty", async (t) => {
    t.equal(slotToBoot(both), "a");
    t.equal(slotToBoot({ ...both, bootSlot: "b" }), "b");
    t.equal(slotToBoot({ ...both, slots: { a: null, b: stored } }), "b");
    t.equal(slotToBoot(emptyBootRecord), "a", "an AP without an image runs all the same");
  });
  t.test("a download goes to the slot that does not run, also after a swap", async (t) => {
    const slots = new ImageSlots(both);
    t.equal(slots.target, "b");
    slots.replace(slots.recordSwapped(1) as BootRecord);
    t.equal(slots.record.bootSlot, "b");
    t.equal(slots.target, "b");
    t.equal(slots.running, "a");
  });
  t.test("swap twice is identity, and with an empty backup there is none", async (t) => {
    const slots = new ImageSlots(both);
    slots.replace(slots.recordSwapped(1) as BootRecord);
    slots.replace(slots.recordSwapped(2) as BootRecord);
    t.same(slots.record, { ...both, swapOrderId: 2 });
    t.equal(new ImageSlots({ ...both, slots: { a: oldImage, b: null } }).recordSwapped(1), undefined);
  });
});

t.test("reset boots what the request names", async (t) => {
  const slots = new ImageSlots(both);
  const decideReset = (slots: ImageSlots, version: string) => decideBoot(slots, { type: "reset", version });
  t.match(decideReset(slots, "8.5"), { ok: true, record: { bootSlot: "a", controllerResets: 1 } });
  t.match(decideReset(slots, "8.6"), { ok: true, record: { bootSlot: "b" } }, "a controller that knows no swap");
  t.match(decideReset(slots, "9.9"), { ok: false, refusal: { resultCode: 10 } });
  const twins = new ImageSlots({ ...both, slots: { a: oldImage, b: { ...stored, version: "8.5" } } });
  t.match(decideReset(twins, "8.5"), { record: { bootSlot: "a" } }, "the primary first");
  t.match(decideReset(new ImageSlots(emptyBootRecord), "0.0.0.0"), { ok: true });
});

const order: UpgradeOrder = {
  ...{ runId: 7, role: "subordinate", version: "8.6", fileName: "ap3g3-8.6.img", sizeBytes: 3000 },
  ...{ sha256: bytesOfHex(sha("1")), family: "ap3g3", server: { address: "10.0.0.1", port: 69 } },
  ...{ retryCountMax: 44, backoffMsMin: 100_000, backoffMsMax: 300_000, sessionsMax: 3, refetch: false },
};

t.test("orders are checked before a byte moves", async (t) => {
  t.equal(refuseOrder(order, "ap3g3"), undefined);
  t.match(refuseOrder(order, "ap1g4"), { reason: "wrong-family", detail: "the image is for ap3g3, this AP is ap1g4" });
  const broken: Partial<UpgradeOrder>[] = [
    ...[{ runId: 0 }, { version: "" }, { sizeBytes: 0 }, { fileName: "../boot.json" }, { fileName: "" }, { sessionsMax: 0 }],
    ...[{ sessionsMax: 65 }, { server: { address: "", port: 69 } }, { server: { address: "10.0.0.1", port: 0 } }],
    ...[{ retryCountMax: 0 }, { retryCountMax: 64 }, { backoffMsMin: 5, backoffMsMax: 5 }, { backoffMsMax: 2 ** 32 - 1 }],
  ];
  for (const part of broken) t.match(refuseOrder({ ...order, ...part }, "ap3g3"), { reason: "transfer-error" }, JSON.stringify(part));
  t.equal(refuseOrder({ ...order, role: "primary", retryCountMax: 0, server: { address: "", port: 0 } }, "ap3g3"), undefined);
  t.match(runOrder(order, { imageIdentifier: { vendor: 5, name: "8.6" } }), {
    vendor: 5,
    sha256: sha("1"),
    server: { address: "10.0.0.1", port: 69 },
  });
  t.match(runOrder({ ...order, role: "primary" }, {}), { vendor: 32473, server: null });
});

t.test("a limit on what is served comes with the order, and 0 is none", async (t) => {
  t.equal(runOrder(order, { servingLimits: { bytesPerSecondMax: 50_000 } }).serveBytesPerSecondMax, 50_000);
  t.notOk("serveBytesPerSecondMax" in runOrder(order, { servingLimits: { bytesPerSecondMax: 0 } }));
  const serve = new ImageServe(new ImageSlots(both));
  const out: ApEffect[] = [];
  for (const limit of [null, 50_000, 50_000, null]) serve.limit(limit, out);
  t.same(out, [
    { type: "limit-serving", bytesPerSecondMax: 50_000 },
    { type: "limit-serving", bytesPerSecondMax: null },
  ]);
});

t.test("serving", async (t) => {
  const serve = new ImageServe(new ImageSlots(both));
  const out: ApEffect[] = [];
  const did = (): string[] => out.splice(0).map(({ type }) => type);
  serve.offer({ ...wanOrder, sha256: sha("5") }, out);
  t.same(did(), [], "what no slot holds is not offered");
  serve.counts({ type: "serving", sessions: [], bytesServed: 500, refusals: 2 });
  serve.offer(wanOrder, out);
  t.match(out[0], { type: "offer", fileName: "ap3g3-8.6", slot: "b", sizeBytes: 3000, sha256: newImage.sha256, sessionsMax: 3 });
  did();
  serve.offer(wanOrder, out);
  t.same(did(), [], "once");
  const peer = { address: "10.0.0.9", port: 1000 };
  serve.counts({
    type: "serving",
    sessions: [
      { peer, bytesDone: 1 },
      { peer: { ...peer, port: 1001 }, bytesDone: 2 },
    ],
    bytesServed: 503,
    refusals: 2,
  });
  serve.counts({ type: "serving", sessions: [{ peer, bytesDone: 9 }], bytesServed: 510, refusals: 3 });
  t.same(serve.report(), { runId: 7, sessionsMax: 3, sessionsPeak: 2, bytesServed: 10, refusals: 1, sessions: [{ peer, bytesDone: 9 }] });
  serve.offer({ ...wanOrder, runId: 8 }, out);
  t.same(did(), ["withdraw", "event", "offer"], "another run is another offer");
  t.match(serve.report(), { runId: 8, sessionsPeak: 0, bytesServed: 0 });
  serve.withdraw(out);
  serve.withdraw(out);
  t.same(did(), ["withdraw", "event"]);
  t.equal(serve.report(), undefined);
});

t.test("text from anywhere becomes one bounded line", async (t) => {
  t.equal(oneLine("disk\r\nfull\0!", 200), "disk full !");
  t.equal(oneLine("äöü", 5), "äö", "never half a character");
  t.equal(oneLine("", 5), "");
  t.equal(oneLine("AP\u001b[2J\u009b31m\u202e1", 200), "AP [2J 31m 1", "nothing that steers a terminal or turns the line");
});

t.test("hex", async (t) => {
  t.equal(hexOf(Uint8Array.of(0, 15, 255)), "000fff");
  t.same(bytesOfHex("000fff"), Uint8Array.of(0, 15, 255));
});
