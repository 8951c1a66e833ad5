/** The agent around a scripted CAPWAP session: what it does with the session's events, and in which order. */
import t from "tap";
import { bytesOfHex } from "../../../src/base/hex.js";
import { type MacAddress, parseMac } from "../../../src/base/mac-address.js";
import { Prng } from "../../../src/base/prng.js";
import { Agent } from "../../../src/core/ap/agent.js";
import type { ApEffect, ApInput, BootRecord, BootState, FinalReport } from "../../../src/core/ap/contract.js";
import type { WtpOutput, WtpSelf, WtpSessionPort } from "../../../src/core/capwap/wtp/wtp-contract.js";
import { extensions, type UpgradeOrder } from "../../../src/wire/capwap/vendor.js";
import { emptyJournal, factoryRecord, newImage, oldImage, sha } from "../../support/ap-run.js";

const controller = { address: "10.9.9.9", port: 5246 };
const identifier = { vendor: 32473, name: "8.6" };
type Output = WtpOutput<"report">;

/** A session whose next outputs the test sets; each answer of the agent shows as a datagram that says what it is. */
class ScriptedSession implements WtpSessionPort<"report"> {
  state = "run" as const;
  controller = controller;
  self: () => WtpSelf;
  next: Output[] = [];

  constructor(self: () => WtpSelf) {
    this.self = self;
  }

  readonly #say = (what: string, out: Output[]): void => {
    out.push({ type: "send", to: controller, bytes: Buffer.from(what), carriage: "clear" });
  };

  nextWakeAt = () => undefined;
  start = () => {};
  stop = () => {};
  setControllers = () => {};
  linkUp = () => {};
  linkDown = () => {};
  wake = () => {};
  answerClearConfiguration = () => {};
  datagram = (_now: number, _datagram: unknown, out: Output[]) => out.push(...this.next.splice(0));
  request: WtpSessionPort<"report">["request"] = (_now, { elements }, _tag, out) => this.#say(`event ${Object.keys(elements)}`, out);
  answerConfigurationUpdate: WtpSessionPort<"report">["answerConfigurationUpdate"] = (_now, { resultCode, refusal }, out) =>
    this.#say(`configuration ${resultCode}${refusal ? ` ${refusal.reason}` : ""}`, out);
  answerReset: WtpSessionPort<"report">["answerReset"] = (_now, resultCode, out) => this.#say(`reset ${resultCode}`, out);
  blockStored: WtpSessionPort<"report">["blockStored"] = (_now, resultCode, out) => this.#say(`block ${resultCode}`, out);
  startImage = (...args: unknown[]) => this.#say("image", args.at(-1) as Output[]);
  cancelImage: WtpSessionPort<"report">["cancelImage"] = (_now, out) => this.#say("cancel", out);
}

const order: UpgradeOrder = {
  ...{ runId: 7, role: "primary", version: "8.6", fileName: "ap3g3-8.6", sizeBytes: newImage.sizeBytes },
  ...{ sha256: bytesOfHex(newImage.sha256), family: "ap3g3", server: { address: "", port: 0 }, retryCountMax: 44 },
  ...{ backoffMsMin: 100_000, backoffMsMax: 300_000, sessionsMax: 3, refetch: false },
};

const factoryBoot: BootState = {
  record: factoryRecord,
  journal: emptyJournal,
  corrupt: [],
  barred: [],
  recordState: "sound",
  freeBytes: 1e6,
};

class Bench {
  readonly agent: Agent;
  session!: ScriptedSession;
  out: ApEffect[] = [];
  now = 1000;

  constructor(state: Partial<BootState> = {}, codes: readonly number[] = []) {
    this.agent = new Agent({
      facts: {
        ...{ name: "AP1", location: "hall", mac: parseMac("00:00:5e:00:53:01") as MacAddress, model: "AIR-AP2802I", serial: "S" },
        ...{ hardwareVersion: "1", bootVersion: "1", localAddress: "10.0.0.1", tftp: { address: "", port: 69 }, extensions: codes },
      },
      prng: new Prng(1),
      confirmMs: 300_000,
      session: (self) => {
        this.session = new ScriptedSession(self);
        return this.session;
      },
    });
    this.step({ type: "boot", state: { ...factoryBoot, ...state } });
  }

  step(input: ApInput): this {
    this.out = [];
    this.agent.step(this.now, input, this.out);
    return this;
  }

  /** The session gives this, as on a datagram. */
  hears(...outputs: Output[]): this {
    this.session.next = outputs;
    return this.step({ type: "datagram", from: controller, bytes: new Uint8Array(1), carriage: "clear" });
  }

  configure(elements: Extract<Output, { type: "configuration-update" }>["elements"]): this {
    return this.hears({ type: "configuration-update", elements });
  }

  saved(): this {
    return this.step({ type: "boot-record-saved" });
  }

  joined(): this {
    return this.hears({ type: "state", state: "run", controller, controllerName: "ac" });
  }

  /** What was done, datagrams by what they say, without log lines. */
  get did(): string[] {
    return this.out
      .filter(({ type }) => type !== "event")
      .map((effect) => (effect.type === "send" ? Buffer.from(effect.bytes).toString() : effect.type));
  }
}

const noDigest = new Uint8Array();
const stored = { ...newImage, version: "8.6", runId: 7 };
const twoImages: BootRecord = { ...factoryRecord, slots: { a: oldImage, b: stored } };

t.test("a challenge is answered from the slot that holds the image, or refused", async (t) => {
  const nonce = new Uint8Array(16).fill(7);
  const challenge = (sha256: string) => ({ holdingChallenge: { sha256: bytesOfHex(sha256), nonce } });
  const bench = new Bench({ record: twoImages }).joined();
  t.same(bench.configure(challenge(stored.sha256)).did, ["prove-slot", "configuration 0"]);
  t.match(bench.out, [{ type: "prove-slot", slot: "b", nonce, mac: "00:00:5e:00:53:01" }, {}]);
  t.same(bench.step({ type: "slot-proven", nonce, proof: new Uint8Array(32) }).did, ["event holdingProof"]);
  t.same(bench.configure(challenge("f".repeat(64))).did, ["configuration 16 image-unknown"]);
});

t.test("a fetch over the WAN, from order to offer: saved before it is said, said when the slot has it", async (t) => {
  const bench = new Bench();
  t.same(bench.did, ["resolve-controllers"]);
  bench.joined();
  t.same(bench.configure({ upgradeOrder: order, imageIdentifier: identifier }).did, [
    "save-journal",
    "open-download",
    "configuration 0",
    "event upgradeReport",
  ]);
  t.same(bench.step({ type: "download-opened", downloadId: 1, resumeOffset: 0, freeBytes: 1e6 }).did, ["image"]);
  bench.hears({ type: "image-offered", sizeBytes: 3000, md5: bytesOfHex(newImage.md5), startOffset: 0 } as Output);
  const image = new Uint8Array(3000);
  t.same(bench.hears({ type: "image-block", offset: 0, bytes: image, last: true }).did, ["write-chunk"]);
  t.same(bench.step({ type: "chunk-written", downloadId: 1, offset: 0, length: 3000 }).did, ["verify-download"]);
  t.same(bench.step({ type: "download-verified", downloadId: 1, ...newImage }).did, ["commit-slot"]);
  t.same(bench.step({ type: "slot-committed", downloadId: 1, freeBytes: 1 }).did, ["block 0", "save-journal", "offer"]);
  const answered: Output = { type: "answered", tag: "report", resultCode: 0, elements: {} };
  t.same(bench.hears(answered).did, ["event upgradeReport,apInventory"], "one request tells all that is new");
  t.match(bench.session.self(), { activeVersion: "8.5", otherVersions: ["8.6"], inventory: { backup: { version: "8.6" }, freeBytes: 1 } });
});

t.test("an order for another family is refused, and nothing is touched", async (t) => {
  const bench = new Bench().joined();
  t.same(bench.configure({ upgradeOrder: { ...order, family: "ap1g4" } }).did, ["configuration 16 wrong-family"]);
});

t.test("a primary that has the image offers it at once", async (t) => {
  const bench = new Bench({ record: twoImages }).joined();
  t.match(bench.configure({ upgradeOrder: order }).did, [
    "discard-download",
    "save-journal",
    "offer",
    "configuration 17",
    "event upgradeReport",
  ]);
  t.same(bench.configure({ upgradeOrder: { ...order, role: "subordinate", server: { address: "10.0.0.2", port: 69 } } }).did.slice(-2), [
    "withdraw",
    "configuration 17",
  ]);
});

t.test("slots are kept for the controller's list while there is an offer", async (t) => {
  const keptSlots = { addresses: ["10.0.0.2"] };
  const bench = new Bench({ record: twoImages }).joined();
  t.same(bench.configure({ keptSlots }).did, ["configuration 0"], "nothing is offered");
  bench.configure({ upgradeOrder: order });
  t.same(bench.configure({ keptSlots }).did, ["keep-slots", "configuration 0"]);
  const { did, out } = bench.configure({ upgradeAbort: { runId: 7 } });
  t.ok(did.includes("keep-slots"), "and for nobody afterwards");
  t.match(
    out.find(({ type }) => type === "keep-slots"),
    { addresses: [] },
  );
});

t.test("an abort ends the offer and the run", async (t) => {
  const bench = new Bench({ record: twoImages }).joined();
  bench.configure({ upgradeOrder: order });
  t.same(bench.configure({ upgradeAbort: { runId: 9 } }).did, ["configuration 0"], "another run's is none of its business");
  t.same(bench.configure({ upgradeAbort: { runId: 7 } }).did, ["withdraw", "discard-download", "save-journal", "configuration 0"]);
});

t.test("a primary serves again after a restart, before any controller is there", async (t) => {
  const before = new Bench({ record: twoImages }).joined().configure({ upgradeOrder: order });
  const saved = before.out.find((effect) => effect.type === "save-journal");
  t.match(new Bench({ record: twoImages, ...(saved && { journal: saved.journal }) }).did, ["offer", "resolve-controllers"]);
});

t.test("swap", async (t) => {
  t.same(new Bench().joined().configure({ swapOrder: { orderId: 4, sha256: noDigest } }).did, ["configuration 12 backup-empty"]);
  const bench = new Bench({ record: twoImages }).joined();
  t.same(bench.configure({ swapOrder: { orderId: 4, sha256: noDigest } }).did, ["save-boot-record"]);
  t.same(bench.saved().did, ["configuration 0", "event apInventory"], "saved, then answered");
  t.same(
    bench.configure({ swapOrder: { orderId: 4, sha256: noDigest } }).did,
    ["configuration 0"],
    "the same order again swaps nothing back",
  );
});

t.test("a swap that names an image: done once, however often it comes; refused where no slot holds it", async (t) => {
  const bench = new Bench({ record: twoImages }).joined();
  const named = (image: { readonly sha256: string }) => ({ swapOrder: { orderId: 4, sha256: bytesOfHex(image.sha256) } });
  t.same(bench.configure(named(oldImage)).did, ["configuration 0"], "it boots next as it is");
  t.same(bench.configure(named(stored)).did, ["save-boot-record"]);
  t.same(bench.saved().did, ["configuration 0", "event apInventory"]);
  t.match(bench.session.self(), { inventory: { primary: { version: "8.6" }, running: "backup" } });
  t.same(
    bench.configure({ swapOrder: { orderId: 5, sha256: bytesOfHex(stored.sha256) } }).did,
    ["configuration 0"],
    "another order for it",
  );
  t.same(bench.configure(named({ sha256: sha("7") })).did, ["configuration 12 image-unknown"]);
  t.match(bench.session.self(), { inventory: { primary: { version: "8.6" } } });
});

t.test("reset: saved, answered, then rebooted; nothing happens afterwards", async (t) => {
  const bench = new Bench({ record: twoImages }).joined();
  t.same(bench.hears({ type: "reset-wanted", identifier: { ...identifier, name: "9.9" } }).did, ["reset 10"]);
  t.same(bench.hears({ type: "reset-wanted", identifier: { ...identifier, name: "8.5" } }).did, ["save-boot-record"]);
  t.same(bench.saved().did, ["reset 0", "reboot"]);
  t.same(bench.configure({ swapOrder: { orderId: 4, sha256: noDigest } }).did, []);
  t.equal(bench.agent.nextWakeAt(), undefined);
});

const full = { type: "boot-record-unsaved", reason: "not-enough-flash", detail: "the flash is full" } as const;

t.test("a flash that does not take the record: refused with the reason, nothing changes, and the AP serves on", async (t) => {
  const bench = new Bench({ record: twoImages }).joined();
  bench.configure({ swapOrder: { orderId: 4, sha256: noDigest } });
  t.same(bench.step(full).did, ["configuration 12 not-enough-flash"]);
  t.match(bench.session.self(), { inventory: { primary: { version: "8.5" } } });
  bench.hears({ type: "reset-wanted", identifier: { ...identifier, name: "8.6" } });
  t.same(bench.step(full).did, ["reset 11"], "RFC 5415 §4.6.35: firmware write error");
  t.same(bench.configure({ swapOrder: { orderId: 4, sha256: noDigest } }).did, ["save-boot-record"], "the same order may come again");
  t.same(bench.saved().did, ["configuration 0", "event apInventory"]);
  bench.hears({ type: "restart-wanted", identifier: { ...identifier, name: "8.5" } });
  t.notOk(bench.step(full).did.includes("reboot"));
});

/** Its image is verified and on its way into the slot. */
function committing(): Bench {
  const bench = new Bench().joined();
  bench.configure({ upgradeOrder: order, imageIdentifier: identifier });
  bench.step({ type: "download-opened", downloadId: 1, resumeOffset: 3000, freeBytes: 1e6 });
  t.same(bench.step({ type: "download-verified", downloadId: 1, ...newImage }).did, ["commit-slot"]);
  return bench;
}

t.test("a reset or a swap waits for a commit, which saves a record of its own", async (t) => {
  for (const [wish, done] of [
    [{ type: "reset-wanted", identifier }, ["reset 0", "reboot"]],
    [{ type: "configuration-update", elements: { swapOrder: { orderId: 4, sha256: bytesOfHex(newImage.sha256) } } }, ["configuration 0"]],
  ] as const) {
    for (const aborted of [false, true]) {
      const bench = committing();
      if (aborted) bench.configure({ upgradeAbort: { runId: 7 } });
      t.same(bench.hears(wish).did, []);
      const { out } = bench.step({ type: "slot-committed", downloadId: 1, freeBytes: 1 });
      const saved = out.filter((effect) => effect.type === "save-boot-record");
      t.match(saved, [{ record: { bootSlot: "b", slots: { a: oldImage, b: { version: "8.6" } } } }], "with the new image");
      t.same(bench.saved().did.slice(0, done.length), done);
    }
  }
  const failed = committing();
  failed.hears({ type: "reset-wanted", identifier: { ...identifier, name: "8.5" } });
  const { did } = failed.step({ type: "storage-failed", downloadId: 1, reason: "flash-write-error", detail: "worn" });
  t.ok(did.includes("save-boot-record"), "also when the commit fails");
});

t.test("a commit waits until the boot record is saved", async (t) => {
  const bench = new Bench({ record: twoImages }).joined();
  bench.configure({ upgradeOrder: { ...order, sha256: bytesOfHex(sha("3")) }, imageIdentifier: identifier });
  bench.step({ type: "download-opened", downloadId: 1, resumeOffset: 3000, freeBytes: 1e6 });
  bench.configure({ swapOrder: { orderId: 4, sha256: noDigest } });
  const verified = { type: "download-verified", downloadId: 1, ...newImage, sha256: sha("3") } as const;
  t.same(bench.step(verified).did, []);
  const committed = bench.saved().out.find((effect) => effect.type === "commit-slot");
  t.match(committed, { type: "commit-slot", slot: "b", record: { bootSlot: "b", swapOrderId: 4 } });
});

t.test("an image that is there under another version is called what the order says", async (t) => {
  const bench = new Bench({ record: twoImages }).joined();
  const { out } = bench.configure({ upgradeOrder: { ...order, version: "8.6.1" } });
  t.match(out.filter((effect) => effect.type === "save-boot-record").at(0), {
    record: { bootSlot: "a", slots: { a: oldImage, b: { version: "8.6.1" } } },
  });
  bench.hears({ type: "answered", tag: "report", resultCode: 0, elements: {} });
  t.ok(bench.saved().did.includes("event apInventory"));
  t.match(bench.session.self(), { inventory: { backup: { version: "8.6.1" } } });
  t.notOk(bench.configure({ upgradeOrder: { ...order, version: "8.6.1" } }).did.includes("save-boot-record"), "once");
});

t.test("an order that seems too large is answered when the flash has been measured", async (t) => {
  const bench = new Bench({ freeBytes: 2999 }).joined();
  const ordered = { upgradeOrder: order, imageIdentifier: identifier };
  t.same(bench.configure(ordered).did, ["measure-flash"]);
  t.same(bench.step({ type: "flash-measured", freeBytes: 2998 }).did, ["configuration 16 not-enough-flash", "event apInventory"]);
  bench.hears({ type: "answered", tag: "report", resultCode: 0, elements: {} });
  t.same(bench.configure(ordered).did, ["measure-flash"]);
  t.same(bench.step({ type: "flash-measured", freeBytes: 3000 }).did.slice(0, 3), ["save-journal", "open-download", "configuration 0"]);
  const aborted = new Bench({ freeBytes: 2999 }).joined();
  aborted.configure(ordered);
  aborted.configure({ upgradeAbort: { runId: 7 } });
  t.same(aborted.step({ type: "flash-measured", freeBytes: 3000 }).did, ["event apInventory"], "an abort takes the order back");
});

t.test("a slot that was found corrupt is struck from the record", async (t) => {
  const record: BootRecord = { ...twoImages, bootSlot: "b", slots: { a: oldImage, b: null } };
  const bench = new Bench({ record, corrupt: ["b"] });
  t.same(bench.did, ["save-boot-record", "resolve-controllers"]);
  t.match(bench.session.self(), { activeVersion: "8.5", inventory: { running: "backup", primary: { version: "" } } });
});

t.test("a damaged boot record is told before anything else", async (t) => {
  for (const recordState of ["recovered", "rebuilt", "lost"] as const) {
    const bench = new Bench({ recordState });
    t.same(bench.out[0], { type: "event", event: { name: "boot-record-damaged", recordState } });
  }
});

t.test("a controller that knows RFC 5415 alone gets its answer and no report", async (t) => {
  const bench = new Bench().joined();
  t.same(bench.configure({ imageIdentifier: { vendor: 99, name: "x" } }).did, ["open-download", "configuration 0"]);
  t.same(bench.configure({ imageIdentifier: { vendor: 99, name: "8.5" } }).did.at(-1), "configuration 17");
});

t.test("a version that this AP could never tell of is refused, since it would come to be in a slot", async (t) => {
  for (const name of ["9".repeat(65), "8.6\u001b[2J", " "]) {
    const bench = new Bench().joined();
    t.same(bench.configure({ imageIdentifier: { vendor: 99, name } }).did, ["configuration 16 transfer-error"]);
    t.same(bench.hears({ type: "boot-image-wanted", identifier: { vendor: 99, name } }).did, ["cancel"]);
    t.same(bench.configure({ upgradeOrder: { ...order, version: name } }).did, ["configuration 16 transfer-error"]);
  }
});

t.test("a download before Run ends what is offered, whose slot it is about to fill", async (t) => {
  const before = new Bench({ record: twoImages }).joined().configure({ upgradeOrder: order });
  const saved = before.out.find((effect) => effect.type === "save-journal");
  const bench = new Bench({ record: twoImages, ...(saved && { journal: saved.journal }) });
  const { did } = bench.hears({ type: "boot-image-wanted", identifier: { vendor: 99, name: "9.9" } });
  t.ok(did.indexOf("withdraw") >= 0);
});

t.test("a report that a restarted controller refused is still owed", async (t) => {
  const owed: FinalReport = {
    ...{ runId: 5, state: "complete", path: "wan", tries: 0, wanBytes: 1, lanBytes: 0, reason: "none", detail: "", bytesDone: 1 },
  };
  const bench = new Bench({ journal: { run: null, owed: [owed] } });
  t.same(bench.joined().did, ["event upgradeReport"]);
  const unexpected: Output = { type: "answered", tag: "report", resultCode: 18, elements: {} };
  t.notOk(bench.hears(unexpected).did.includes("save-journal"), "nothing is struck from the journal");
  t.same(bench.joined().did, ["event upgradeReport"], "it is told again in the next session");
  t.same(bench.hears({ ...unexpected, resultCode: 21 }).did, ["save-journal"], "a controller that cannot read it is not asked for ever");
});

t.test("a report that is lost with its session is said on the next", async (t) => {
  const bench = new Bench().joined();
  bench.configure({ upgradeOrder: { ...order, sha256: bytesOfHex(sha("3")) }, imageIdentifier: identifier });
  const lost: Output[] = [
    { type: "unanswered", tag: "report", reason: "session-ended" },
    { type: "disconnected", reason: "no-response", detail: "gone" },
    { type: "state", state: "discovery", controller: undefined, controllerName: undefined },
  ];
  t.same(bench.hears(...lost).did, [], "a look-up of names is still under way");
  bench.step({ type: "controllers-resolved", endpoints: [controller] });
  t.same(bench.hears({ type: "state", state: "discovery", controller: undefined, controllerName: undefined }).did, ["resolve-controllers"]);
  t.same(bench.joined().did, ["event upgradeReport"]);
});

t.test("boot comes first and once", async (t) => {
  t.throws(() => new Bench().step({ type: "boot", state: factoryBoot }));
});

t.test("an AP that trusts a root has each order checked before it is taken", async (t) => {
  const signed = () => new Bench({}, [extensions.signedImages]).joined();
  const bench = signed();
  const sha256 = order.sha256;
  t.same(bench.configure({ bundlePart: { sha256, totalBytes: 5, offset: 0, bytes: Buffer.from("bun") } }).did, ["configuration 0"]);
  t.same(bench.configure({ bundlePart: { sha256, totalBytes: 5, offset: 3, bytes: Buffer.from("dl") } }).did, ["configuration 0"]);
  const { out } = bench.configure({ upgradeOrder: order, imageIdentifier: identifier, downgradePolicy: { isAllowed: true } });
  const image = { sha256: newImage.sha256, sizeBytes: newImage.sizeBytes, version: "8.6" };
  t.same(out, [
    { type: "check-release", checkId: 1, image, bundle: new Uint8Array(Buffer.from("bundl")), allowsDowngrade: true, inHand: null },
  ]);
  t.same(bench.step({ type: "release-checked", checkId: 9, refusal: null }).did, [], "the answer to another check");
  t.same(bench.step({ type: "release-checked", checkId: 1, refusal: null }).did.slice(0, 3), [
    "save-journal",
    "open-download",
    "configuration 0",
  ]);
  const next = { upgradeOrder: { ...order, runId: 8, sha256: bytesOfHex("cd".repeat(32)) }, imageIdentifier: identifier };
  t.match(bench.configure(next).out, [{ type: "check-release", inHand: newImage.sha256 }], "the one in hand keeps its bundle meanwhile");

  const refused = signed();
  t.match(refused.configure({ upgradeOrder: order }).out, [{ type: "check-release", bundle: null, allowsDowngrade: false }]);
  const refusal = { reason: "not-signed", detail: "no bundle" } as const;
  t.same(refused.step({ type: "release-checked", checkId: 1, refusal }).did, ["configuration 16 not-signed"]);

  const aborted = signed();
  aborted.configure({ upgradeOrder: order });
  aborted.configure({ upgradeAbort: { runId: 7 } });
  t.same(aborted.step({ type: "release-checked", checkId: 1, refusal: null }).did, [], "an abort takes the order back");

  const plain = signed();
  t.same(plain.configure({ imageIdentifier: identifier }).did, ["configuration 16 not-signed"], "RFC 5415 alone brings no bundle");
  t.same(plain.hears({ type: "boot-image-wanted", identifier }).did, ["cancel"]);
});

t.test("a slot that may not boot is named, and forgotten like a corrupt one", async (t) => {
  const { out } = new Bench({ barred: [{ slot: "b", reason: "not-signed", detail: "no bundle" }] }, [extensions.signedImages]);
  t.match(
    out.filter(({ type }) => type === "event" || type === "save-boot-record"),
    [{ event: { name: "booted" } }, { event: { name: "slot-barred", slot: "b", reason: "not-signed" } }, { type: "save-boot-record" }],
  );
});
