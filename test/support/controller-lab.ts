/**
 * A controller's domain with a store and APs that say what a test makes them say. Records pass through JSON
 * text as they do in the real store, so a restart sees just what was persisted.
 */
import type { Result } from "../../src/base/failure.js";
import { type MacAddress, macFromBytes } from "../../src/base/mac-address.js";
import type { ApCommand, ApReport, ProofQuestion } from "../../src/core/controller/ap-port.js";
import type { ControllerConfig } from "../../src/core/controller/contract.js";
import { ControllerDomain } from "../../src/core/controller/domain.js";
import type { ControllerEvent } from "../../src/core/controller/events.js";
import type { Difference } from "../../src/core/controller/operator/differences.js";
import type { NewImage } from "../../src/core/controller/operator/new-image.js";
import type { OrderValue, ResultOf } from "../../src/core/controller/operator/order-results.js";
import type { MachineOrder } from "../../src/core/controller/operator/orders.js";
import type { ApImageRow, GroupView } from "../../src/core/controller/operator/views.js";
import type { PeerAnswer } from "../../src/core/controller/peer-parity.js";
import { readRecords } from "../../src/core/controller/read-records.js";
import type { StoredRecord } from "../../src/core/controller/records.js";
import { labTimings } from "../../src/core/controller/timings.js";
import { labTimers } from "../../src/wire/capwap/defaults.js";
import type { ApInventory, FailureReason } from "../../src/wire/capwap/vendor.js";

export const labConfig: ControllerConfig = {
  name: "lab",
  platform: "default",
  lab: true,
  seed: 1,
  timings: labTimings,
  sessionsMax: 3,
  wan: { transfersMax: 100, bytesPerSecondMax: null },
  capwap: { addresses: ["10.0.0.250"], hardwareVersion: "lab", softwareVersion: "lab", linkMode: "clear", timers: labTimers },
  downloadAtJoin: false,
};

export const mac = (number: number): MacAddress => macFromBytes(Uint8Array.from([2, 0, 0, 0, number >> 8, number & 0xff]));

export const digest = (letter: string): string => letter.repeat(64);
const digestBytes = (letter: string): Uint8Array => new Uint8Array(32).fill(Number.parseInt(letter + letter, 16));

export const image = (change: Partial<NewImage> = {}): NewImage => ({
  version: "9.0",
  models: ["AIR-AP3702I"],
  release: "primary",
  sizeBytes: 1000,
  sha256: digest("a"),
  md5: "b".repeat(32),
  fileName: "ap3g2.img",
  ...change,
});

export interface LabAp {
  readonly number: number;
  readonly model?: string;
  readonly name?: string;
  readonly address?: string;
  /** Digest letter of what is in the backup slot; empty without. */
  readonly backup?: string;
  readonly running?: string;
  readonly freeBytes?: number;
  /** Knows RFC 5415 alone. */
  readonly plain?: boolean;
  readonly rolledBack?: { readonly version: string; readonly detail: string };
  /** It runs image "a", and its former one is in the backup slot. */
  readonly booted?: boolean;
}

export class ControllerLab {
  now = 1_700_000_000_000;
  domain: ControllerDomain;
  readonly told: { readonly mac: MacAddress; readonly command: ApCommand }[] = [];
  readonly events: ControllerEvent[] = [];
  readonly replies = new Map<number, Result<OrderValue>>();
  #lastChanges: readonly Difference[] = [];
  readonly gone: string[] = [];
  /** Images whose files the host was to check. */
  readonly checks: string[] = [];
  /** Lists of addresses that primaries were told to keep their slots for. */
  readonly keptSlots: (readonly string[])[] = [];
  /** Proofs that the host was to compute. */
  readonly questions: ProofQuestion[] = [];
  readonly #store = new Map<string, string>();
  #config: ControllerConfig;
  readonly #joined = new Set<MacAddress>();
  readonly #complete = new Set<number>();
  #requests = 0;
  #drawn = 0;
  /** What an AP answers to a challenge: the right proof, a wrong one, or nothing. */
  proofs: "right" | "wrong" | "none" = "right";
  /** APs report bytes that were never sent. */
  isLying = false;

  constructor(config: Partial<ControllerConfig> = {}) {
    this.#config = { ...labConfig, ...config };
    this.domain = this.#boot();
  }

  get records(): StoredRecord[] {
    return Array.from(this.#store, ([key, text]) => ({ key, value: JSON.parse(text) as unknown }));
  }

  #boot(): ControllerDomain {
    const state = readRecords(this.records);
    if ("unreadable" in state) throw new Error(`row ${state.unreadable.key}: ${state.unreadable.detail}`);
    return new ControllerDomain(this.now, { ...this.#config, unguessable: () => new Uint8Array(16).fill(++this.#drawn) }, state);
  }

  /** `kill -9` and start: sessions, timers and queues are gone, records stay. */
  restart(change: Partial<ControllerConfig> = {}): void {
    this.#config = { ...this.#config, ...change };
    this.#joined.clear();
    this.told.length = 0;
    this.domain = this.#boot();
  }

  drain(): void {
    const { outbox } = this.domain;
    for (const { key, value } of outbox.takeRecords()) {
      if (value === null) this.#store.delete(key);
      else this.#store.set(key, JSON.stringify(value));
    }
    const commands = outbox.takeCommands();
    this.told.push(...commands.filter(({ command }) => command.type !== "challenge" && command.type !== "keep-slots"));
    for (const { command } of commands) if (command.type === "keep-slots") this.keptSlots.push(command.addresses);
    this.events.push(...outbox.takeEvents());
    for (const { requestId, result, changes } of outbox.takeReplies()) {
      this.#lastChanges = changes;
      if (this.replies.has(requestId)) throw new Error(`request ${requestId} was answered twice`);
      this.replies.set(requestId, result);
    }
    this.gone.push(...outbox.takeGoneImages());
    this.checks.push(...outbox.takeImageChecks());
    const questions = outbox.takeProofQuestions();
    this.questions.push(...questions);
    if (this.proofs === "none") return;
    for (const question of questions) this.domain.proofExpected(this.now, question, proof("right"));
    for (const { mac: to, nonce } of questions) this.domain.apProved(this.now, to, { nonce, proof: proof(this.proofs) });
    if (questions.length > 0) this.drain();
  }

  /** This controller sends image bytes to the AP. */
  sendsWan(number: number, imageOctets: number): void {
    this.domain.wanCarried(this.now, mac(number), imageOctets, imageOctets);
  }

  /** Gives the order; its reply may still be due. */
  ask(order: MachineOrder): number {
    const requestId = ++this.#requests;
    this.domain.order(this.now, requestId, order);
    this.drain();
    return requestId;
  }

  try<O extends MachineOrder>(order: O): Result<ResultOf<O["type"]>> {
    const reply = this.replies.get(this.ask(order));
    if (!reply) throw new Error(`no reply to ${order.type}`);
    return reply as Result<ResultOf<O["type"]>>;
  }

  do<O extends MachineOrder>(order: O): ResultOf<O["type"]> {
    const result = this.try(order);
    if (!result.ok) throw new Error(`${order.type}: ${result.failure.code}: ${result.failure.message}`);
    return result.value;
  }

  /** What the order's answer says that it changed. */
  changes(order: MachineOrder): readonly Difference[] {
    this.try(order);
    return this.#lastChanges;
  }

  /** The host has asked the peer controller. */
  peerSays(answer: PeerAnswer): void {
    this.domain.peerAnswered(this.now, answer);
    this.drain();
  }

  /** The code of a refusal, or "ok". */
  code(order: MachineOrder): string {
    const result = this.try(order);
    return result.ok ? "ok" : result.failure.code;
  }

  /** An AP that reported complete has the image in its backup slot, unless the test says otherwise. */
  inventory({
    number,
    backup = this.#complete.has(number ?? 0) ? "a" : "",
    freeBytes = 1_000_000,
    running = "8.0",
    booted = false,
  }: Partial<LabAp>): ApInventory {
    const former = { version: running, sha256: digestBytes("1") };
    if (booted)
      return {
        primary: { version: "9.0", sha256: digestBytes("a") },
        backup: former,
        running: "primary",
        freeBytes,
        tftp: { address: "", port: 0 },
        extensions: [],
      };
    return {
      primary: former,
      backup: backup ? { version: "9.0", sha256: digestBytes(backup) } : { version: "", sha256: new Uint8Array(32) },
      running: "primary",
      freeBytes,
      tftp: { address: "", port: 0 },
      extensions: [],
    };
  }

  join(ap: LabAp): MacAddress {
    const { number, model = "AIR-AP3702I", name = `ap${number}`, address = `10.0.${number >> 8}.${number & 0xff}`, plain = false } = ap;
    this.now++;
    this.domain.apJoined(this.now, {
      mac: mac(number),
      name,
      model,
      serial: `S${number}`,
      runningVersion: ap.booted ? "9.0" : (ap.running ?? "8.0"),
      peer: { address, port: 40_000 },
      localAddress: address.includes(":") ? null : address,
      link: "clear",
      inventory: plain ? null : this.inventory(ap),
      proven: true,
      rolledBack: ap.rolledBack ?? null,
    });
    this.#joined.add(mac(number));
    this.drain();
    return mac(number);
  }

  leave(...numbers: number[]): void {
    this.now++;
    for (const number of numbers) {
      this.domain.apLeft(this.now, mac(number), "test");
      this.#joined.delete(mac(number));
    }
    this.drain();
  }

  report(number: number, state: ApReport["state"], change: Partial<ApReport> = {}): void {
    const report: ApReport = {
      runId: this.domain.runs.latestOfAp(mac(number))?.run.id ?? 0,
      state,
      path: "none",
      tries: 0,
      nextRetryMs: 0,
      bytesDone: 0,
      wanBytes: 0,
      lanBytes: 0,
      reason: "none",
      detail: "",
      ...change,
    };
    if (report.state === "complete") this.#complete.add(number);
    if (report.path === "wan" && !this.isLying) this.#sendUpTo(number, report);
    this.domain.apReported(this.now, mac(number), report);
    this.drain();
  }

  /** A true report follows what was sent. */
  #sendUpTo(number: number, { runId, state, wanBytes }: ApReport): void {
    const member = this.domain.runs.get(runId)?.members.get(mac(number));
    const due = Math.max(wanBytes, state === "complete" ? (member?.family.image?.sizeBytes ?? 0) : 0) - (member?.wanSentBytes ?? 0);
    if (due > 0) this.sendsWan(number, due);
  }

  /** The AP serves these others. */
  serves(number: number, ...others: number[]): void {
    const runId = this.domain.runs.latestOfAp(mac(number))?.run.id ?? 0;
    const sessions = others.map((other) => ({ peer: { address: `10.0.0.${other}`, port: 50_000 }, bytesDone: 0 }));
    this.domain.apServes(this.now, mac(number), {
      runId,
      sessionsMax: 3,
      sessionsPeak: sessions.length,
      bytesServed: 0,
      refusals: 0,
      sessions,
    });
    this.drain();
  }

  fail(number: number, reason: FailureReason): void {
    this.report(number, "failed", { reason, detail: reason });
  }

  /** Answers the oldest command that the AP has not answered. */
  answer(number: number, resultCode = 0, reason?: FailureReason): ApCommand {
    const index = this.told.findIndex((told) => told.mac === mac(number));
    const [told] = this.told.splice(index, index < 0 ? 0 : 1);
    if (!told) throw new Error(`AP ${number} was told nothing`);
    const refusal = reason ? { reason, detail: "" } : null;
    this.domain.apAnswered(this.now, mac(number), told.command, { resultCode, refusal });
    this.drain();
    return told.command;
  }

  /** What each AP was told since the last call, as short words, in order. */
  takeTold(): string[] {
    return this.told
      .splice(0)
      .map(({ mac: to, command }) => `${Number.parseInt(to.slice(-5).replace(":", ""), 16)} ${commandWords(command)}`);
  }

  /** Lets time pass in small steps, every joined AP being heard of meanwhile. */
  pass(ms: number): void {
    const end = this.now + ms;
    while (this.now < end) {
      const due = this.domain.nextWakeAt() ?? end;
      this.now = Math.max(this.now, Math.min(end, this.now + 500, due));
      for (const to of this.#joined) this.domain.apHeard(this.now, to);
      this.domain.wake(this.now);
      this.drain();
      if ((this.domain.nextWakeAt() ?? end) < this.now) throw new Error("a due timer stays due");
    }
  }

  row(number: number): ApImageRow {
    const [row] = this.do({ type: "show-ap-image", ap: mac(number) }).aps;
    if (!row) throw new Error(`no row of AP ${number}`);
    return row;
  }

  statuses(...numbers: number[]): string[] {
    return numbers.map((number) => this.row(number).status);
  }

  group(name = "G"): GroupView {
    return this.do({ type: "show-group", group: name });
  }
}

const proof = (kind: "right" | "wrong"): Uint8Array => new Uint8Array(32).fill(kind === "right" ? 1 : 2);

function commandWords(command: ApCommand): string {
  switch (command.type) {
    case "upgrade": {
      const { order, image } = command;
      if (!order) return `image ${image?.version}`;
      const from = order.role === "subordinate" ? ` from ${order.server.address}` : "";
      return `${order.role}${from}${order.refetch ? " refetch" : ""}`;
    }
    case "reset":
      return `reset ${command.version}`;
    default:
      return command.type;
  }
}

/** A lab with group G, the feature on, APs 1 to `count` joined in it and an image for them. */
export function branch(count: number, config: Partial<ControllerConfig> = {}): ControllerLab {
  const lab = new ControllerLab(config);
  lab.do({ type: "group-add", group: "G" });
  lab.do({ type: "group-predownload", group: "G", enabled: true });
  lab.do({ type: "image-add", image: image() });
  for (let number = 1; number <= count; number++) {
    lab.join({ number });
    lab.do({ type: "group-ap-add", group: "G", mac: mac(number) });
  }
  return lab;
}

export const start = { type: "group-start", group: "G", release: "primary" } as const;

/** A run of `count` APs in which AP 1 has fetched over the WAN and serves. */
export function servingBranch(count: number): ControllerLab {
  const lab = branch(count);
  lab.do(start);
  lab.takeTold();
  lab.report(1, "complete", { path: "wan", wanBytes: 1000 });
  return lab;
}
