/** The composite: a WTP session of our own against the controller machine, datagram by datagram. */
import t from "tap";
import type { Endpoint } from "../../../src/base/endpoint.js";
import { hexOf } from "../../../src/base/hex.js";
import { Prng } from "../../../src/base/prng.js";
import type { WtpEvent, WtpOutput } from "../../../src/core/capwap/wtp/wtp-contract.js";
import { joinRequestElements } from "../../../src/core/capwap/wtp/wtp-messages.js";
import { WtpSession } from "../../../src/core/capwap/wtp/wtp-session.js";
import type { ControllerConfig, ControllerEffect } from "../../../src/core/controller/contract.js";
import { Controller } from "../../../src/core/controller/controller.js";
import type { MachineOrder } from "../../../src/core/controller/operator/orders.js";
import type { StoredRecord } from "../../../src/core/controller/records.js";
import type { Message } from "../../../src/wire/capwap/messages.js";
import { extensions } from "../../../src/wire/capwap/vendor.js";
import { datagramOf } from "../../support/capwap-messages.js";
import { wtpSelf, wtpSettings } from "../../support/capwap-world.js";
import { ControllerLab, image, labConfig } from "../../support/controller-lab.js";

const controllerEndpoint: Endpoint = { address: "10.0.0.1", port: 5246 };
const apEndpoint: Endpoint = { address: "10.0.1.1", port: 40_000 };

/** One controller and one AP; a datagram arrives at once. */
class Pair {
  now = 1_700_000_000_000;
  readonly effects: ControllerEffect[] = [];
  readonly heard: WtpEvent<string>[] = [];
  readonly store = new Map<string, unknown>();
  readonly wtp: WtpSession<string>;
  controller: Controller;
  #requests = 0;

  constructor(config: Partial<ControllerConfig> = {}, codes: readonly number[] = []) {
    const inventory = { ...new ControllerLab().inventory({ running: "8.5.100.0" }), extensions: [...codes] };
    const settings = { ...wtpSettings, controllers: [{ endpoint: controllerEndpoint }] };
    this.wtp = new WtpSession<string>(settings, () => ({ ...wtpSelf(0), inventory }), new Prng(1));
    this.controller = new Controller({ ...labConfig, ...config });
    this.step({ type: "boot", records: [] });
  }

  step(input: Parameters<Controller["step"]>[1]): ControllerEffect[] {
    const out: ControllerEffect[] = [];
    this.controller.step(this.now, input, out);
    this.effects.push(...out);
    for (const effect of out) {
      if (effect.type === "persist") for (const { key, value } of effect.records) this.store.set(key, JSON.parse(JSON.stringify(value)));
      if (effect.type === "send") {
        const bytes = Buffer.concat([effect.bytes, Buffer.alloc(effect.image?.length ?? 0)]);
        this.wtpDoes((outputs) => this.wtp.datagram(this.now, { from: controllerEndpoint, bytes, carriage: "clear" }, outputs));
      }
    }
    return out;
  }

  wtpDoes(work: (outputs: WtpOutput<string>[]) => void): void {
    const outputs: WtpOutput<string>[] = [];
    work(outputs);
    for (const output of outputs) {
      if (output.type === "send") this.step({ type: "datagram", from: apEndpoint, bytes: output.bytes, carriage: "clear" });
      else if (output.type !== "open-link" && output.type !== "close-link") this.heard.push(output);
    }
    if (outputs.some(({ type }) => type === "image-block")) this.wtpDoes((stored) => this.wtp.blockStored(this.now, 0, stored));
  }

  join(): void {
    this.wtpDoes((outputs) => this.wtp.start(this.now, outputs));
    for (let turns = 0; this.wtp.state !== "run"; turns++) {
      if (turns > 200) throw new Error(`stuck in ${this.wtp.state}`);
      this.now = Math.max(this.now, Math.min(this.wtp.nextWakeAt() ?? this.now, this.controller.nextWakeAt() ?? Number.POSITIVE_INFINITY));
      this.step({ type: "wake" });
      this.wtpDoes((outputs) => this.wtp.wake(this.now, outputs));
    }
  }

  order(order: MachineOrder): ControllerEffect[] {
    return this.step({ type: "operator", requestId: ++this.#requests, order });
  }

  /** The last Configuration Update that the AP got, answered with success. */
  answerUpdate(): WtpEvent<string> & { type: "configuration-update" } {
    const update = this.heard.findLast((event) => event.type === "configuration-update");
    if (update === undefined) throw new Error("no Configuration Update");
    this.wtpDoes((outputs) => this.wtp.answerConfigurationUpdate(this.now, { resultCode: 0 }, outputs));
    return update;
  }

  startRun(): void {
    this.order({ type: "image-add", image: image({ models: ["AIR-AP2802I"], sizeBytes: 2000 }) });
    this.order({ type: "ap-predownload", ap: "ap-0", release: "primary" });
  }
}

t.test("an AP joins, is ordered, fetches, reports", async (t) => {
  const pair = new Pair();
  pair.join();
  t.match(
    pair.effects.filter(({ type }) => type === "event"),
    [{ event: { type: "ap-joined", name: "ap-0", model: "AIR-AP2802I" } }],
  );
  t.match(pair.order({ type: "show-ap-image", ap: "all" }), [
    { type: "reply", result: { ok: true, value: { total: 1, aps: [{ name: "ap-0", primaryImage: "8.5.100.0", status: "None" }] } } },
  ]);
  pair.startRun();
  const { elements } = pair.answerUpdate();
  t.match(elements, { imageIdentifier: { name: "9.0" }, upgradeOrder: { role: "fallback", family: "ap3g3", sizeBytes: 2000 } });
  pair.effects.length = 0;
  const { imageIdentifier, upgradeOrder } = elements;
  if (!imageIdentifier || !upgradeOrder) throw new Error("no order");
  pair.wtpDoes((outputs) => pair.wtp.startImage(pair.now, imageIdentifier, undefined, outputs));
  const ranges = pair.effects.flatMap((effect) => (effect.type === "send" && effect.image ? [effect.image] : []));
  t.match(ranges[0], { sha256: hexOf(upgradeOrder.sha256), offset: 0 }, "the runtime is told which image, and how far");
  const report = { runId: upgradeOrder.runId, state: "complete", path: "wan", tries: 0, nextRetryMs: 0, bytesDone: 2000 } as const;
  const upgradeReport = { ...report, wanBytes: 2000, lanBytes: 0, reason: "none", detail: "" } as const;
  pair.effects.length = 0;
  pair.wtpDoes((outputs) => pair.wtp.request(pair.now, { type: "wtpEventRequest", elements: { upgradeReport } }, "report", outputs));
  t.equal(pair.effects[0]?.type, "persist", "the report is stored before it is acknowledged");
  t.match(pair.order({ type: "show-ap-image", ap: "ap-0" })[0], {
    result: { value: { aps: [{ status: "Complete", source: "wan", wanBytes: 2000 }] } },
  });
});

t.test("in every step the records come first", async (t) => {
  const pair = new Pair();
  const step = pair.step.bind(pair);
  let steps = 0;
  pair.step = (input) => {
    const out = step(input);
    const at = out.findIndex(({ type }) => type === "persist");
    if (at > 0) t.fail(`a record comes after ${out[0]?.type}`);
    if (at === 0) steps++;
    return out;
  };
  pair.join();
  pair.startRun();
  pair.answerUpdate();
  t.ok(steps >= 3, `${steps} steps stored something`);
});

t.test("nobody gets an image that it was not ordered to fetch", async (t) => {
  const pair = new Pair();
  pair.join();
  pair.order({ type: "image-add", image: image({ models: ["AIR-AP2802I"] }) });
  pair.effects.length = 0;
  pair.wtpDoes((outputs) => pair.wtp.startImage(pair.now, { vendor: 32473, name: "9.0" }, undefined, outputs));
  t.notOk(pair.effects.some((effect) => effect.type === "send" && effect.image !== undefined));
  t.match(
    pair.heard.filter(({ type }) => type === "image-failed"),
    [{ reason: "refused" }],
  );
});

t.test("before Run an AP gets the image that its Join Response named, and no other", async (t) => {
  const asked = [
    { downloadAtJoin: true, activeVersion: "8.5.100.0", version: "9.0", gets: true },
    { downloadAtJoin: true, activeVersion: "8.5.100.0", version: "9.1", gets: false },
    { downloadAtJoin: true, activeVersion: "9.0", version: "9.0", gets: false },
    { downloadAtJoin: false, activeVersion: "8.5.100.0", version: "9.0", gets: false },
  ];
  for (const { downloadAtJoin, activeVersion, version, gets } of asked) {
    const pair = new Pair({ downloadAtJoin });
    pair.order({ type: "image-add", image: image({ models: ["AIR-AP2802I"] }) });
    const join = joinRequestElements({ ...wtpSelf(0), activeVersion }, new Uint8Array(16));
    const say = (message: Message) => pair.step({ ...datagramOf(apEndpoint, message), type: "datagram" });
    say({ type: "joinRequest", sequence: 0, elements: join });
    const imageIdentifier = { vendor: 32473, name: version };
    const out = say({ type: "imageDataRequest", sequence: 1, elements: { imageIdentifier, initiateDownload: {} } });
    t.equal(
      out.some((effect) => effect.type === "send" && effect.image !== undefined),
      gets,
      `${activeVersion} asks for ${version}${downloadAtJoin ? "" : ", no download at join"}`,
    );
  }
});

t.test("a run of another controller, which an AP that failed over still has, is left alone", async (t) => {
  const pair = new Pair();
  pair.join();
  pair.startRun();
  const order = pair.answerUpdate().elements.upgradeOrder;
  if (order === undefined) throw new Error("no order");
  t.not(order.runId, 1, "the first run here is not the first run elsewhere");
  t.equal(order.runId, Number(pair.store.get("run-number-start")) + 1);
  const tell = (runId: number): unknown[] => {
    pair.heard.length = 0;
    const upgradeReport = { runId, state: "initiated", path: "wan", tries: 0, nextRetryMs: 0, bytesDone: 0, wanBytes: 0 } as const;
    const elements = { upgradeReport: { ...upgradeReport, lanBytes: 0, reason: "none", detail: "" } } as const;
    pair.wtpDoes((outputs) => pair.wtp.request(pair.now, { type: "wtpEventRequest", elements }, "report", outputs));
    return pair.heard.filter(({ type }) => type === "configuration-update");
  };
  const shown = (): object | undefined => {
    const reply = pair.order({ type: "show-ap-image", ap: "ap-0" }).find((effect) => effect.type === "reply");
    return reply?.type === "reply" ? reply.result : undefined;
  };
  const before = shown();
  for (const runId of [1, order.runId - 1, order.runId + 1, 0xffff_ffff]) t.same(tell(runId), [], `run ${runId}`);
  t.same(shown(), before, "and changes nothing here");
  pair.order({ type: "ap-predownload-abort", ap: "ap-0" });
  pair.wtpDoes((outputs) => pair.wtp.answerConfigurationUpdate(pair.now, { resultCode: 0 }, outputs));
  t.match(tell(order.runId), [{ elements: { upgradeAbort: { runId: order.runId } } }], "one of its own that is over is ended");
});

t.test("killed after any stored step, the controller continues with the run", async (t) => {
  const pair = new Pair();
  pair.join();
  pair.startRun();
  pair.answerUpdate();
  const records: StoredRecord[] = Array.from(pair.store, ([key, value]) => ({ key, value }));
  const next = new Controller(labConfig);
  const out: ControllerEffect[] = [];
  next.step(pair.now, { type: "boot", records }, out);
  next.step(pair.now, { type: "operator", requestId: 1, order: { type: "show-runs", group: null } }, out);
  const replies = out.filter(({ type }) => type === "reply");
  t.match(replies, [{ type: "reply", result: { value: [{ state: "running", aps: [{ status: "Initiated" }] }] } }]);
});

t.test("a row that cannot be read halts the boot; nothing is done after that", async (t) => {
  const controller = new Controller(labConfig);
  const out: ControllerEffect[] = [];
  controller.step(0, { type: "boot", records: [{ key: "group/G", value: { name: "G" } }] }, out);
  controller.step(0, { type: "datagram", from: apEndpoint, bytes: new Uint8Array(8), carriage: "clear" }, out);
  t.match(out, [
    {
      type: "halt",
      failure: { code: "data-row-unreadable", message: /^Row "group\/G" of the data folder cannot be read \(predownload: missing field\)/ },
    },
  ]);
  t.equal(out.length, 1);
});

t.test("datagrams that make no sense are dropped with a word and change nothing", async (t) => {
  const pair = new Pair();
  pair.join();
  for (const bytes of [new Uint8Array(), new Uint8Array([1]), new Uint8Array(64).fill(0xff), new Uint8Array(65_507)]) {
    const out = pair.step({ type: "datagram", from: { address: "10.9.9.9", port: 1 }, bytes, carriage: "clear" });
    t.match(out, [{ type: "event", event: { type: "datagram-dropped", from: { address: "10.9.9.9" } } }]);
  }
});

t.test("an AP that trusts a root gets the bundle before the order, in parts, once a session", async (t) => {
  const pair = new Pair({}, [extensions.signedImages]);
  const text = "x".repeat(7000);
  pair.order({ type: "image-add", image: image({ models: ["AIR-AP2802I"] }), bundle: { text, securityVersion: 1, signedAt: 5 } });
  pair.join();
  const updates = () => pair.heard.flatMap((event) => (event.type === "configuration-update" ? [event.elements] : []));
  pair.order({ type: "ap-predownload", ap: "all", release: "primary" });
  for (let part = 1; part <= 3; part++) pair.answerUpdate();
  t.match(
    updates().map(({ bundlePart, upgradeOrder }) => [bundlePart?.offset, bundlePart?.bytes.length, upgradeOrder?.version]),
    [
      [0, 3000, undefined],
      [3000, 3000, undefined],
      [6000, 1000, undefined],
      [undefined, undefined, image().version],
    ],
  );
  pair.answerUpdate();
  pair.order({ type: "ap-predownload-abort", ap: "all" });
  pair.answerUpdate();
  pair.order({ type: "ap-predownload", ap: "all", release: "primary" });
  t.ok(updates().at(-1)?.upgradeOrder, "the next order comes without it");

  const trustless = new Pair();
  trustless.order({ type: "image-add", image: image({ models: ["AIR-AP2802I"] }), bundle: { text, securityVersion: 1, signedAt: 5 } });
  trustless.join();
  trustless.order({ type: "ap-predownload", ap: "all", release: "primary" });
  t.match(
    trustless.heard.filter(({ type }) => type === "configuration-update"),
    [{ elements: { upgradeOrder: { version: image().version } } }],
    "an AP without a root gets none",
  );
});
