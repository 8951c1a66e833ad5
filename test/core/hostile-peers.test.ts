/** Whole machines against a peer that speaks our protocol well and means ill: nobody throws, whatever well-formed messages say. */
import t from "tap";
import { type Endpoint, sameEndpoint } from "../../src/base/endpoint.js";
import { bytesOfHex } from "../../src/base/hex.js";
import { Prng } from "../../src/base/prng.js";
import { Agent } from "../../src/core/ap/agent.js";
import type { ApEffect, ApInput, BootRecord, RunJournal } from "../../src/core/ap/contract.js";
import { joinRequestElements } from "../../src/core/capwap/wtp/wtp-messages.js";
import { WtpSession } from "../../src/core/capwap/wtp/wtp-session.js";
import { Controller } from "../../src/core/controller/controller.js";
import type { MachineOrder } from "../../src/core/controller/operator/orders.js";
import { defaultTimers } from "../../src/wire/capwap/defaults.js";
import { isRequest, type Message, type MessageName, messages, responseTo } from "../../src/wire/capwap/messages.js";
import type { ApInventory, UpgradeOrder } from "../../src/wire/capwap/vendor.js";
import { emptyJournal, factoryRecord, newImage } from "../support/ap-run.js";
import { messageOf } from "../support/capwap-arbitraries.js";
import { completeElements, datagramOf, sentIn } from "../support/capwap-messages.js";
import { acEndpoint, wtpEndpoint, wtpSelf } from "../support/capwap-world.js";
import { image, labConfig } from "../support/controller-lab.js";
import fc from "../support/properties.js";

/** A step of a play: what happens next is picked by these numbers. */
interface Step {
  readonly pick: number;
  readonly waitMs: number;
  readonly message: Message;
}

const namesOf = (sender: "ac" | "wtp"): MessageName[] =>
  (Object.keys(messages) as MessageName[]).filter((name) => messages[name].sender === sender || messages[name].sender === "both");
/** What says most comes as often as all the rest. */
const telling = {
  ac: Array.from({ length: 10 }, () => messageOf("configurationUpdateRequest")),
  wtp: Array.from({ length: 10 }, () => messageOf("wtpEventRequest")),
};
const steps = (sender: "ac" | "wtp") =>
  fc.array(
    fc.record({
      pick: fc.nat(99),
      waitMs: fc.oneof(fc.constant(0), fc.nat(40_000)),
      message: fc.oneof(...telling[sender], ...namesOf(sender).map(messageOf)),
    }),
    { maxLength: 60 },
  );

/** An AP between an ill-meaning controller and a storage that answers what it likes. */
class HostedAp {
  now = 1_000;
  #record: BootRecord = factoryRecord;
  #journal: RunJournal = emptyJournal;
  #agent!: Agent;
  #owed: ApInput[] = [];
  /** Of the controller's requests. */
  #sequence = 0;
  #lastRequest: Message | undefined;

  constructor() {
    this.#boot();
  }

  #boot(): void {
    const settings = { controllers: [], linkMode: "clear", timers: defaultTimers, bootImageDownload: true, fastTransfer: true } as const;
    const { activeVersion: _, otherVersions: __, reboots: ___, ...facts } = wtpSelf(0);
    this.#owed = [];
    this.#agent = new Agent({
      facts: { ...facts, tftp: { address: "", port: 69 }, extensions: [1] },
      prng: new Prng(1),
      confirmMs: 300_000,
      session: (self) => new WtpSession(settings, self, new Prng(2)),
    });
    const state = { record: this.#record, journal: this.#journal, corrupt: [], barred: [], recordState: "sound", freeBytes: 1e9 } as const;
    this.#step({ type: "boot", state });
    this.#step({ type: "controllers-resolved", endpoints: [acEndpoint] });
  }

  #step(input: ApInput): void {
    const out: ApEffect[] = [];
    this.#agent.step(this.now, input, out);
    for (const effect of out) this.#perform(effect);
  }

  #perform(effect: ApEffect): void {
    switch (effect.type) {
      case "send": {
        const [message] = sentIn([effect]);
        if (message !== undefined && message.type !== "failureResponse" && isRequest(message.type)) this.#lastRequest = message;
        return;
      }
      case "save-boot-record":
        this.#record = JSON.parse(JSON.stringify(effect.record));
        this.#owed.push({ type: "boot-record-saved" });
        return;
      case "measure-flash":
        this.#owed.push({ type: "flash-measured", freeBytes: 1e9 });
        return;
      case "save-journal":
        this.#journal = JSON.parse(JSON.stringify(effect.journal));
        return;
      case "open-download":
        this.#owed.push({ type: "download-opened", downloadId: effect.downloadId, resumeOffset: 0, freeBytes: 1e9 });
        return;
      case "write-chunk":
        this.#owed.push({ type: "chunk-written", downloadId: effect.downloadId, offset: effect.offset, length: effect.bytes.length });
        return;
      case "verify-download":
        this.#owed.push({ type: "download-verified", ...newImage, downloadId: effect.downloadId });
        return;
      case "commit-slot":
        this.#record = JSON.parse(JSON.stringify(effect.record));
        this.#owed.push({ type: "slot-committed", downloadId: effect.downloadId, freeBytes: 1e9 });
        return;
      case "fetch":
        this.#owed.push({ type: "fetch-ended", fetchId: effect.fetchId, outcome: "complete", bytesDone: effect.sizeBytes, detail: "x\ny" });
        return;
      case "reboot":
        this.#boot();
        return;
      default:
    }
  }

  #hear(message: Message): void {
    this.#step({ type: "datagram", ...datagramOf(acEndpoint, message) });
  }

  play({ pick, waitMs, message }: Step): void {
    this.now += waitMs;
    if (pick < 10) this.comply();
    else if (pick < 30) this.#answer(message, pick < 25);
    else if (pick < 45) this.#step({ type: "wake" });
    else if (pick < 60) this.#settle(pick);
    else if (pick < 65) this.#step({ type: "controllers-resolved", endpoints: [acEndpoint] });
    else if (isRequest(message.type)) this.#hear({ ...message, sequence: this.#sequence++ & 255 } as Message);
    else this.#hear(message);
  }

  /** By the book until it serves, or for some time. */
  comply(): void {
    for (let turn = 0; turn < 20; turn++) {
      this.now += 1_000;
      this.#step({ type: "wake" });
      if (this.#lastRequest !== undefined) this.#answer(this.#lastRequest, true);
    }
  }

  /** The response to its last request, by the book or with what a random one of its kind holds. */
  #answer(message: Message, byTheBook: boolean): void {
    const request = this.#lastRequest;
    if (request === undefined || !isRequest(request.type)) return;
    const type = responseTo(request.type);
    const random = message.type === type ? message.elements : {};
    const elements = { ...completeElements[type], ...(byTheBook ? {} : random) };
    this.#hear({ type, sequence: request.sequence, elements } as unknown as Message);
  }

  #settle(pick: number): void {
    const owed = this.#owed.splice(0, 1 + (pick % 3));
    for (const input of owed) {
      const failed = pick === 59 && "downloadId" in input;
      this.#step(failed ? { type: "storage-failed", downloadId: input.downloadId, reason: "flash-write-error", detail: "x" } : input);
    }
  }

  /** An order that an AP takes, with what the message at hand has for it. */
  order(order: Partial<UpgradeOrder>): void {
    const upgradeOrder: UpgradeOrder = {
      ...{ runId: 7, role: "primary", version: "8.6", fileName: "f", sizeBytes: newImage.sizeBytes, sha256: bytesOfHex(newImage.sha256) },
      ...{ family: "ap3g3", server: { address: "10.0.0.9", port: 69 }, retryCountMax: 2, backoffMsMin: 1_000, backoffMsMax: 2_000 },
      ...{ sessionsMax: 3, refetch: false },
      ...order,
    };
    const elements = { upgradeOrder, imageIdentifier: { vendor: 1, name: upgradeOrder.version || "x" } };
    this.#hear({ type: "configurationUpdateRequest", sequence: this.#sequence++ & 255, elements });
  }
}

t.test("a controller cannot make an AP throw, over any number of its lives", async (t) => {
  const orders = fc.array(
    fc.record(
      {
        runId: fc.integer({ min: 1, max: 4 }),
        role: fc.constantFrom("primary" as const, "subordinate" as const, "fallback" as const),
        version: fc.string({ maxLength: 40 }),
        refetch: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
    { maxLength: 10 },
  );
  fc.assert(
    fc.property(steps("ac"), orders, (play, given) => {
      const ap = new HostedAp();
      ap.comply();
      for (const [at, step] of play.entries()) {
        ap.play(step);
        const order = at % 5 === 4 ? given[(at - 4) / 5] : undefined;
        if (order !== undefined) ap.order(order);
      }
    }),
    { numRuns: Number(process.env["FUZZ_RUNS"] ?? 300) },
  );
  t.pass();
});

const orders: readonly MachineOrder[] = [
  { type: "group-start", group: "G", release: "primary" },
  { type: "group-abort", group: "G" },
  { type: "ap-swap", ap: "all" },
  { type: "ap-reset", ap: "all" },
  { type: "show-ap-image", ap: "all" },
  { type: "show-group", group: "G" },
  { type: "show-runs", group: null },
  { type: "group-preview", group: "G", release: "primary" },
  { type: "ap-predownload", ap: "all", release: "primary" },
];

t.test("APs cannot make a controller throw, nor store what it cannot read again", async (t) => {
  fc.assert(
    fc.property(steps("wtp"), (play) => {
      const store = new Map<string, string>();
      let now = 1_700_000_000_000;
      let controller = new Controller(labConfig);
      const sequences = [0, 0, 0];
      const requests: (Message | undefined)[] = [];
      let runId = 0;
      const note = (effect: { readonly type: string; readonly to: Endpoint }): void => {
        const [message] = sentIn([effect]);
        if (message === undefined || message.type === "failureResponse" || !isRequest(message.type)) return;
        requests[[0, 1, 2].find((ap) => sameEndpoint(effect.to, wtpEndpoint(ap))) ?? 0] = message;
        if (message.type === "configurationUpdateRequest") runId = message.elements.upgradeOrder?.runId ?? runId;
      };
      const step = (input: Parameters<Controller["step"]>[1]): void => {
        const out: Parameters<Controller["step"]>[2] = [];
        controller.step(now, input, out);
        for (const effect of out) {
          if (effect.type === "send" && effect.image === undefined) note(effect);
          if (effect.type !== "persist") continue;
          for (const { key, value } of effect.records) value === null ? store.delete(key) : store.set(key, JSON.stringify(value));
        }
      };
      const boot = (): void => {
        controller = new Controller(labConfig);
        step({ type: "boot", records: [...store].map(([key, text]) => ({ key, value: JSON.parse(text) })) });
      };
      const say = (ap: number, message: Message): void => step({ type: "datagram", ...datagramOf(wtpEndpoint(ap), message) });
      const ask = (ap: number, type: MessageName, elements: object): void =>
        say(ap, { type, sequence: (sequences[ap] as number) & 255, elements } as unknown as Message);
      const join = (ap: number): void => {
        const empty = new Uint8Array(32);
        const apInventory: ApInventory = {
          ...{ primary: { version: "8.0", sha256: empty }, backup: { version: "9.0", sha256: empty }, running: "primary" },
          ...{ freeBytes: 1e9, tftp: { address: "", port: 0 }, extensions: [] },
        };
        for (const [type, elements] of [
          ["joinRequest", joinRequestElements({ ...wtpSelf(ap), inventory: apInventory }, new Uint8Array(16).fill(ap))],
          ["configurationStatusRequest", completeElements.configurationStatusRequest],
          ["changeStateEventRequest", completeElements.changeStateEventRequest],
        ] as const) {
          ask(ap, type, elements);
          sequences[ap] = (sequences[ap] as number) + 1;
        }
      };
      /** A response to the controller's last request, by the book or as a random one of its kind. */
      const answer = (ap: number, message: Message): void => {
        const request = requests[ap];
        if (request === undefined || !isRequest(request.type)) return;
        const type = responseTo(request.type);
        const elements = { ...completeElements[type], ...(message.type === type ? message.elements : {}) };
        say(ap, { type, sequence: request.sequence, elements } as unknown as Message);
      };
      /** Its reports are about the run that continues. */
      const ofRun = (message: Message): Message => {
        if (message.type !== "wtpEventRequest") return message;
        const { upgradeReport, servingReport, ...elements } = message.elements;
        const reports = { ...(upgradeReport && { upgradeReport: { ...upgradeReport, runId } }) };
        return { ...message, elements: { ...elements, ...reports, ...(servingReport && { servingReport: { ...servingReport, runId } }) } };
      };
      boot();
      const operator = (order: MachineOrder): void => step({ type: "operator", requestId: now, order });
      operator({ type: "image-add", image: image({ models: ["AIR-AP2802I"] }) });
      operator({ type: "group-add", group: "G" });
      operator({ type: "group-predownload", group: "G", enabled: true });
      for (const ap of [0, 1, 2]) {
        join(ap);
        operator({ type: "group-ap-add", group: "G", mac: wtpSelf(ap).mac });
      }
      for (const { pick, waitMs, message } of play) {
        now += 1 + waitMs;
        const ap = pick % 3;
        if (pick < 20) step({ type: "wake" });
        else if (pick < 40) operator(orders[pick % orders.length] as MachineOrder);
        else if (pick < 45) join(ap);
        else if (pick < 47) boot();
        else if (pick < 65) answer(ap, message);
        else if (isRequest(message.type)) {
          say(ap, { ...ofRun(message), sequence: (sequences[ap] as number) & 255 } as Message);
          sequences[ap] = (sequences[ap] as number) + 1;
        } else say(ap, message);
      }
      for (const order of orders) operator(order);
      boot();
    }),
    { numRuns: Number(process.env["FUZZ_RUNS"] ?? 300) },
  );
  t.pass();
});
