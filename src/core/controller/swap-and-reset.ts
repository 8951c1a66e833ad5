/**
 * Acts on APs that an operator waits for: swap and reset. The answer comes when every AP has answered, or
 * when the time for it is up. A reset is remembered until the AP is back and says what it runs.
 */
import { type Failure, type Result, success } from "../../base/failure.js";
import type { MacAddress } from "../../base/mac-address.js";
import type { Sha256Hex } from "../../base/sha256.js";
import type { Instant } from "../../base/time.js";
import { TimerTable } from "../../base/timer-table.js";
import { resultCodes } from "../../wire/capwap/result-code.js";
import { compareVersions } from "../upgrade/version-order.js";
import type { Answer, ApCommand } from "./ap-port.js";
import type { Inventory, KnownAp } from "./inventory.js";
import type { ActResult } from "./operator/order-results.js";
import { refuse } from "./operator/refusals.js";
import type { Outbox } from "./outbox.js";
import type { ResetRecord, SlotRecord } from "./records.js";
import type { ControllerTimings } from "./timings.js";

type ActCommand = ApCommand & { type: "swap" | "reset" };

/** What to do about one AP. `boots`: the version that it boots next then. */
type Decision =
  | { readonly type: "tell"; readonly command: ActCommand; readonly boots: string }
  /** It is so already. */
  | { readonly type: "done"; readonly boots: string }
  | { readonly type: "refuse"; readonly failure: Failure };

interface Act {
  readonly requestId: number;
  /** One AP was named: its refusal is the order's refusal. */
  readonly single: boolean;
  readonly waiting: Set<MacAddress>;
  readonly done: string[];
  /** By MAC address. */
  readonly boots: Map<MacAddress, string>;
  readonly booting: { readonly ap: string; readonly version: string }[];
  readonly refused: ActResult["refused"][number][];
}

/** The image of the last run that an AP took part in. */
export interface LastImage extends SlotRecord {
  /** When the run ended, null while it has not. */
  readonly at: Instant | null;
}

export interface ActParts {
  readonly inventory: Inventory;
  readonly outbox: Outbox;
  readonly timings: ControllerTimings;
  readonly lastImage: (mac: MacAddress) => LastImage | undefined;
  /** Whether a release has this image. */
  readonly isListed: (sha256: Sha256Hex) => boolean;
  /** Why this AP must be left alone now. */
  readonly objection: (ap: KnownAp) => Failure | undefined;
}

const resultCodeWords: ReadonlyMap<number, string> = new Map([
  [resultCodes.resetUnable, "it cannot reset"],
  [resultCodes.resetFirmwareWriteError, "it could not write its firmware record"],
]);

/** What the order's field can say. */
const orderIds = 2 ** 32;

const refusalOf = (refused: { readonly failure: Failure }): Failure => refused.failure;
const refuseAs = (refused: { readonly failure: Failure }): Decision => ({ type: "refuse", failure: refused.failure });

export class SwapAndReset {
  readonly #parts: ActParts;
  readonly #resets = new Map<MacAddress, ResetRecord>();
  readonly #acts = new Map<MacAddress, Act>();
  readonly #timers = new TimerTable<Act | MacAddress>();
  #lastOrderId = 0;

  constructor(now: Instant, records: readonly ResetRecord[], parts: ActParts) {
    this.#parts = parts;
    for (const reset of records) {
      this.#resets.set(reset.mac, reset);
      // The clock may have been set back since.
      if (reset.state === "waiting") this.#timers.set(reset.mac, Math.min(reset.sentAt, now) + parts.timings.resetRejoinMs);
    }
  }

  nextWakeAt(): Instant | undefined {
    return this.#timers.nextAt();
  }

  resetOf(mac: MacAddress): ResetRecord | undefined {
    return this.#resets.get(mac);
  }

  /** @param force exchanges the images whatever that leads to */
  swap(now: Instant, requestId: number, aps: readonly KnownAp[], single: boolean, force: boolean): void {
    const orderId = this.#nextOrderId(now);
    const decide = (ap: KnownAp, mayRollBack: boolean) => this.#decideSwap(ap, orderId, force, mayRollBack);
    // While others of "all" have an upgrade to activate, those that run theirs stay with it.
    const isRollback = single || !aps.some((ap) => decide(ap, false).type === "tell");
    this.#start(now, requestId, aps, single, (ap) => decide(ap, isRollback && (single || this.#backupIsListed(ap))));
  }

  reset(now: Instant, requestId: number, aps: readonly KnownAp[], single: boolean): void {
    this.#start(now, requestId, aps, single, (ap) => {
      const command = this.#beginReset(now, ap);
      return { type: "tell", command, boots: command.version };
    });
  }

  /** No operator waits for the answer; `answered` returns it. */
  sendSwap(now: Instant, mac: MacAddress, sha256: Sha256Hex): void {
    this.#parts.outbox.tell(mac, { type: "swap", orderId: this.#nextOrderId(now), sha256 });
  }

  /** The same for a reset. */
  sendReset(now: Instant, ap: KnownAp): void {
    this.#parts.outbox.tell(ap.record.mac, this.#beginReset(now, ap));
  }

  #beginReset(now: Instant, { record: { mac, slots, runningVersion } }: KnownAp): ActCommand & { type: "reset" } {
    const version = slots?.primary.version || runningVersion;
    this.#setReset({ mac, version, sentAt: now, state: "waiting" });
    this.#timers.set(mac, now + this.#parts.timings.resetRejoinMs);
    return { type: "reset", version };
  }

  /** Never used twice, not even after a restart: 0 means no order. */
  #nextOrderId(now: Instant): number {
    this.#lastOrderId = Math.max(this.#lastOrderId + 1, Math.floor(now) % orderIds) % orderIds || 1;
    return this.#lastOrderId;
  }

  /** A release still has the image, so that all APs may go back to it: what they ran before their first upgrade it has not. */
  #backupIsListed({ record: { slots } }: KnownAp): boolean {
    return slots !== null && this.#parts.isListed(slots.backup.sha256);
  }

  /**
   * A swap leads to the image of the AP's last run, once; without a run, to a newer version. Once a reset has activated that image, a
   * swap is a rollback to the image before it. The AP's inventory says what it holds.
   */
  #decideSwap({ record, session }: KnownAp, orderId: number, force: boolean, mayRollBack: boolean): Decision {
    const { name, mac, slots, runningVersion } = record;
    if (slots === null || !session?.capable) return refuseAs(refuse.notCapable(name));
    const { primary, backup } = slots;
    const exchange = (): Decision =>
      backup.version === ""
        ? refuseAs(refuse.backupEmpty(name))
        : { type: "tell", command: { type: "swap", orderId, sha256: backup.sha256 }, boots: backup.version };
    if (force) return exchange();
    const wanted = this.#parts.lastImage(mac);
    const isRunning = slots[slots.running].sha256 === wanted?.sha256;
    const isNext = primary.sha256 === wanted?.sha256;
    if (wanted && isRunning && isNext && mayRollBack && this.#wasActivated(mac, wanted)) return exchange();
    if (wanted && (isRunning || isNext)) return { type: "done", boots: primary.version };
    if (wanted && backup.version !== "" && backup.sha256 !== wanted.sha256)
      return refuseAs(refuse.lastImageNotHeld(name, wanted.version, backup.version));
    if (backup.version !== "" && compareVersions(backup.version, runningVersion) < 0)
      return refuseAs(refuse.swapGoesBack(name, runningVersion, backup.version));
    return exchange();
  }

  /** The AP came back on this image from a reset since the run ended. */
  #wasActivated(mac: MacAddress, { version, at }: LastImage): boolean {
    const reset = this.#resets.get(mac);
    return reset?.state === "confirmed" && reset.version === version && at !== null && reset.sentAt > at;
  }

  /** @returns why the AP did not do it; null where its session ended before it answered, undefined where it did */
  answered(mac: MacAddress, command: ActCommand, answer: Answer | null): Failure | undefined | null {
    const ap = this.#parts.inventory.get(mac);
    if (!ap) return null;
    const refused = answer === null ? refusalOf(refuse.apSilent(ap.record.name)) : this.#refusalIn(ap, answer);
    if (refused === undefined && command.type === "swap") {
      this.#parts.inventory.bootsNext(mac, command.sha256);
      this.#parts.outbox.event({ type: "swap-done", mac });
    } else if (refused === undefined && command.type === "reset") {
      this.#parts.outbox.event({ type: "reset-sent", mac, version: command.version });
    } else if (answer !== null && command.type === "reset") {
      this.#confirm(mac, null);
    }
    this.#settle(mac, ap, refused);
    return answer === null ? null : refused;
  }

  /** An AP is back: is it on the version that its reset was for? */
  joined(mac: MacAddress, runningVersion: string): void {
    if (this.#resets.get(mac)?.state === "waiting") this.#confirm(mac, runningVersion);
  }

  wake(now: Instant): void {
    for (let due = this.#timers.takeDue(now); due; due = this.#timers.takeDue(now)) {
      if (typeof due === "string") this.#confirm(due, null);
      else this.#reply(due);
    }
  }

  #start(now: Instant, requestId: number, aps: readonly KnownAp[], single: boolean, decide: (ap: KnownAp) => Decision): void {
    const { outbox, timings, objection } = this.#parts;
    const act: Act = { requestId, single, waiting: new Set(), done: [], boots: new Map(), booting: [], refused: [] };
    for (const ap of aps) {
      const { mac, name } = ap.record;
      const busy = this.#acts.has(mac) ? refusalOf(refuse.apActBusy(name)) : undefined;
      const failure = objection(ap) ?? busy;
      const decision: Decision = failure ? { type: "refuse", failure } : decide(ap);
      if (decision.type === "refuse") {
        act.refused.push({ ap: name, ...decision.failure });
        continue;
      }
      if (decision.type === "done") {
        act.done.push(name);
        act.booting.push({ ap: name, version: decision.boots });
        continue;
      }
      act.waiting.add(mac);
      act.boots.set(mac, decision.boots);
      this.#acts.set(mac, act);
      outbox.tell(mac, decision.command);
    }
    if (act.waiting.size === 0) this.#reply(act);
    else this.#timers.set(act, now + timings.actReplyMs);
  }

  #refusalIn({ record: { name } }: KnownAp, { resultCode, refusal }: Answer): Failure | undefined {
    if (resultCode === resultCodes.success) return undefined;
    if (refusal?.reason === "backup-empty") return refusalOf(refuse.backupEmpty(name));
    const why = refusal?.detail || resultCodeWords.get(resultCode) || `result code ${resultCode}`;
    return refusalOf(refuse.apRefused(name, why));
  }

  #settle(mac: MacAddress, { record: { name } }: KnownAp, refused: Failure | undefined): void {
    const act = this.#acts.get(mac);
    if (!act) return;
    this.#acts.delete(mac);
    act.waiting.delete(mac);
    if (refused) act.refused.push({ ap: name, ...refused });
    else {
      act.done.push(name);
      act.booting.push({ ap: name, version: act.boots.get(mac) ?? "" });
    }
    if (act.waiting.size === 0 && this.#timers.has(act)) this.#reply(act);
  }

  #reply(act: Act): void {
    const { outbox, inventory } = this.#parts;
    this.#timers.clear(act);
    const pending = [...act.waiting].map((mac) => inventory.get(mac)?.record.name ?? mac).sort();
    outbox.reply(act.requestId, this.#result(act, pending));
  }

  #result({ single, done, booting, refused }: Act, pending: readonly string[]): Result<ActResult> {
    const [first] = refused;
    if (first && single) return { ok: false, failure: { code: first.code, message: first.message } };
    if (pending[0] !== undefined && single) return refuse.apSilent(pending[0]);
    if (first && done.length === 0 && pending.length === 0) {
      return refuse.allRefused(refused.length, first.message);
    }
    const boots = booting.sort((a, b) => (a.ap < b.ap ? -1 : 1));
    return success({ done: done.sort(), boots, refused, pending });
  }

  #confirm(mac: MacAddress, reported: string | null): void {
    const reset = this.#resets.get(mac);
    if (reset?.state !== "waiting") return;
    this.#timers.clear(mac);
    const { version } = reset;
    const isConfirmed = reported === version;
    this.#setReset({ ...reset, state: isConfirmed ? "confirmed" : "unconfirmed" });
    this.#parts.outbox.event(
      isConfirmed ? { type: "reset-confirmed", mac, version } : { type: "reset-unconfirmed", mac, version, reported },
    );
  }

  forget(mac: MacAddress): void {
    if (this.#resets.delete(mac)) this.#parts.outbox.remove("reset", mac);
  }

  #setReset(reset: ResetRecord): void {
    this.#resets.set(reset.mac, reset);
    this.#parts.outbox.put("reset", reset.mac, reset);
  }
}
