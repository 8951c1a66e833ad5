/** Carries activations out: swaps and resets the APs of a batch, watches them come back, and opens the next batch. */
import { type Failure, failure, type Result, success } from "../../../base/failure.js";
import type { MacAddress } from "../../../base/mac-address.js";
import { Prng } from "../../../base/prng.js";
import type { Instant } from "../../../base/time.js";
import { secondsToMs } from "../../../base/time.js";
import { TimerTable } from "../../../base/timer-table.js";
import type { RolledBackReport } from "../../../wire/capwap/vendor.js";
import type { KnownAp } from "../inventory.js";
import { refuse } from "../operator/refusals.js";
import type { Outbox } from "../outbox.js";
import type { GroupRecord } from "../records.js";
import type { SwapAndReset } from "../swap-and-reset.js";
import type { ControllerTimings } from "../timings.js";
import {
  type ActivationApState,
  type ActivationOptions,
  type ActivationRecord,
  type BootedImage,
  isOver,
  isUnderWay,
} from "./activation.js";
import { type ActivationPlan, type ActivationPlanState, judgeAp, optionsRefusal, planActivation } from "./activation-plan.js";
import {
  type ActivationEvent,
  type ActivationState,
  type BatchVerdict,
  isEnded,
  nextActivationState,
  type OperatorEvent,
  stateWords,
} from "./activation-state.js";
import type { ActivatedAp, Activation, ActivationTable } from "./activation-table.js";

export interface ActivationParts extends ActivationPlanState {
  readonly table: ActivationTable;
  readonly acts: SwapAndReset;
  readonly outbox: Outbox;
  readonly timings: ControllerTimings;
  readonly findGroup: (name: string) => Result<GroupRecord>;
  readonly seed: number;
  /** An operator's order changed an activation. `before` null: a new one. */
  readonly onChange: (before: ActivationRecord | null, after: ActivationRecord) => void;
}

/** A session that ends before the AP has answered costs another order, so often. */
const ordersMax = 3;

export class Activations {
  readonly #parts: ActivationParts;
  readonly #timers = new TimerTable<Activation | ActivatedAp>();

  constructor(now: Instant, parts: ActivationParts) {
    this.#parts = parts;
    for (const activation of parts.table.all()) this.#resumeAfterStart(now, activation);
  }

  get isInRun(): ActivationPlanState["isInRun"] {
    return this.#parts.isInRun;
  }

  nextWakeAt(): Instant | undefined {
    return this.#timers.nextAt();
  }

  // ---- operators -----------------------------------------------------------------------------------------------------

  /** What `start` would do now. */
  plan(now: Instant, group: GroupRecord, options: ActivationOptions): ActivationPlan {
    const { table, seed } = this.#parts;
    const draw = new Prng(seed, table.nextId).split(`activation of ${group.name}`);
    const plan = planActivation(this.#parts, group, options, draw);
    const busy = table.unfinishedOf(group.name) && refuse.groupActivating(group.name).failure;
    return { ...plan, refusal: optionsRefusal(now, options) ?? busy ?? plan.refusal };
  }

  start(now: Instant, group: GroupRecord, options: ActivationOptions): Result<Activation> {
    const { refusal } = this.plan(now, group, options);
    const { table } = this.#parts;
    // One that starts later is planned at that time.
    const isFinal = options.at === null || table.unfinishedOf(group.name) || optionsRefusal(now, options);
    if (refusal && isFinal) return failure(refusal.code, refusal.message);
    const at = options.at ?? now;
    const activation = table.add({
      id: table.nextId,
      group: group.name,
      options,
      orderedAt: now,
      startedAt: null,
      batches: [],
      state: { phase: "scheduled", at },
    });
    if (options.at === null) this.#begin(now, activation, group);
    else {
      this.#timers.set(activation, at);
      this.#announce(activation);
    }
    this.#parts.onChange(null, activation.record);
    return success(activation);
  }

  /** Pauses, resumes or aborts the group's activation. */
  command(now: Instant, group: string, type: OperatorEvent): Result<Activation> {
    const activation = this.#parts.table.unfinishedOf(group);
    if (!activation) return refuse.noActivation(group);
    const before = activation.record;
    if (!this.#take(now, activation, { type })) return refuse.activationUnfit(group, type, stateWords(before.state));
    this.#parts.onChange(before, activation.record);
    return success(activation);
  }

  // ---- APs -----------------------------------------------------------------------------------------------------------

  /** @param refused null when the session ended before an answer came, undefined when the AP did it */
  answered(now: Instant, mac: MacAddress, command: "swap" | "reset", refused: Failure | undefined | null): void {
    const ap = this.#parts.table.unfinishedOfAp(mac);
    if (!ap) return;
    const { state } = ap.record;
    if (refused === null || !isUnderWay(state)) return;
    if (state.phase !== (command === "swap" ? "swapping" : "resetting")) return;
    if (refused) this.#finish(now, ap, { phase: "failed", at: now, reason: refused.message });
    else if (command === "swap") this.#order(now, ap);
    else this.#parts.table.setAp(ap, { ...state, phase: "booting" });
  }

  joined(now: Instant, mac: MacAddress, rolledBack: RolledBackReport | null): void {
    const known = this.#parts.inventory.get(mac);
    const ap = this.#parts.table.unfinishedOfAp(mac);
    if (!ap || !known) return;
    const { state, image } = ap.record;
    if (!isUnderWay(state) || !image) return;
    if (runs(known, image)) {
      const steadyAt = now + this.#parts.timings.activationSteadyMs;
      this.#parts.table.setAp(ap, { phase: "settling", since: state.since, orders: state.orders, steadyAt });
      this.#timers.set(ap, steadyAt);
    } else if (!rolledBack && state.phase !== "booting" && state.orders < ordersMax) this.#order(now, ap);
    else {
      const back = `came back on ${known.record.runningVersion}`;
      const reason = rolledBack ? `${back}: left ${rolledBack.version} because ${rolledBack.detail}` : back;
      this.#finish(now, ap, { phase: "failed", at: now, reason });
    }
  }

  left(mac: MacAddress): void {
    const ap = this.#parts.table.unfinishedOfAp(mac);
    if (ap?.record.state.phase !== "settling") return;
    const { since, orders } = ap.record.state;
    this.#parts.table.setAp(ap, { phase: "booting", since, orders });
    this.#timers.set(ap, since + this.#parts.timings.resetRejoinMs);
  }

  wake(now: Instant): void {
    for (let due = this.#timers.takeDue(now); due; due = this.#timers.takeDue(now)) {
      if ("activation" in due) this.#apDue(now, due);
      else if (due.record.state.phase === "between") this.#take(now, due, { type: "pause-over" });
      else this.#timeHasCome(now, due);
    }
  }

  #apDue(now: Instant, ap: ActivatedAp): void {
    if (ap.record.state.phase === "settling") this.#finish(now, ap, { phase: "active", at: now });
    else {
      const seconds = Math.round(this.#parts.timings.resetRejoinMs / 1000);
      this.#finish(now, ap, { phase: "failed", at: now, reason: `did not come back within ${seconds} s` });
    }
  }

  // ---- one activation ------------------------------------------------------------------------------------------------

  #timeHasCome(now: Instant, activation: Activation): void {
    const group = this.#parts.findGroup(activation.record.group);
    if (group.ok) this.#begin(now, activation, group.value);
    else this.#take(now, activation, { type: "refused", reason: group.failure.message });
  }

  #begin(now: Instant, activation: Activation, group: GroupRecord): void {
    const { table, seed } = this.#parts;
    const { id, options } = activation.record;
    const draw = new Prng(seed, id).split(`activation of ${group.name}`);
    const { refusal, aps, batches, skipped } = planActivation(this.#parts, group, options, draw);
    const batchOf = new Map(batches.flatMap((batch, index) => batch.aps.map((mac) => [mac, index] as const)));
    for (const { mac, image } of refusal ? [] : aps)
      table.addAp(activation, { mac, image, batch: batchOf.get(mac) ?? null, state: { phase: "waiting" } });
    for (const { mac, reason } of skipped)
      table.addAp(activation, { mac, image: null, batch: null, state: { phase: "skipped", at: now, reason } });
    if (refusal) this.#take(now, activation, { type: "refused", reason: refusal.message });
    else {
      table.update(activation, { startedAt: now, batches });
      this.#take(now, activation, { type: "started" });
    }
  }

  /** @returns whether the event means anything in its state */
  #take(now: Instant, activation: Activation, event: ActivationEvent): boolean {
    const state = nextActivationState(now, activation.record.state, event);
    if (!state) return false;
    const isNewBatch = state.phase === "batch" && !isSameBatch(activation, state);
    this.#parts.table.update(activation, { state });
    this.#timers.clear(activation);
    if (state.phase === "between") this.#timers.set(activation, state.until);
    this.#announce(activation);
    if (isNewBatch) this.#openBatch(now, activation, state.batch);
    return true;
  }

  #openBatch(now: Instant, activation: Activation, index: number): void {
    const group = this.#parts.findGroup(activation.record.group);
    for (const mac of activation.record.batches[index]?.aps ?? []) {
      const ap = activation.aps.get(mac);
      if (ap?.record.state.phase !== "waiting") continue;
      const verdict = group.ok ? judgeAp(this.#parts, group.value, mac, activation.record.options.force) : undefined;
      if (verdict && "activate" in verdict) this.#order(now, ap);
      else this.#parts.table.setAp(ap, { phase: "skipped", at: now, reason: verdict?.skip.reason ?? "its group is gone" });
    }
    this.#closeBatch(now, activation);
  }

  #closeBatch(now: Instant, activation: Activation): void {
    const { state, batches, options } = activation.record;
    if (state.phase !== "batch") return;
    const batch = batches[state.batch];
    const isDone = batch?.aps.every((mac) => isOver(activation.aps.get(mac)?.record.state ?? { phase: "waiting" })) ?? true;
    if (!isDone) return;
    const verdict = verdictOn(activation, state.batch, (mac) => this.#parts.inventory.get(mac)?.record.name ?? mac);
    this.#take(now, activation, { type: "batch-over", verdict, pauseMs: secondsToMs(options.pauseSeconds) });
  }

  #announce({ record: { id, group, state } }: Activation): void {
    this.#parts.outbox.event({ type: "activation", id, group, state });
  }

  // ---- one AP --------------------------------------------------------------------------------------------------------

  /** Swaps unless the image boots next already, then resets. */
  #order(now: Instant, ap: ActivatedAp): void {
    const { table, acts, inventory, timings } = this.#parts;
    const { mac, image, state } = ap.record;
    const known = inventory.get(mac);
    if (!known || !image) return;
    const { since, orders } = isUnderWay(state) ? state : { since: now, orders: 0 };
    const bootsNext = known.record.slots?.primary.sha256 === image.sha256;
    // A swap and its reset count as one order.
    const next = { since, orders: state.phase === "swapping" && bootsNext ? orders : orders + 1 };
    table.setAp(ap, { phase: bootsNext ? "resetting" : "swapping", ...next });
    this.#timers.set(ap, since + timings.resetRejoinMs);
    if (bootsNext) acts.sendReset(now, known);
    else acts.sendSwap(now, mac, image.sha256);
  }

  #finish(now: Instant, ap: ActivatedAp, state: Extract<ActivationApState, { phase: "active" | "failed" }>): void {
    this.#timers.clear(ap);
    this.#parts.table.setAp(ap, state);
    const { id, group } = ap.activation.record;
    const { mac, image } = ap.record;
    const version = image?.version ?? "";
    this.#parts.outbox.event(
      state.phase === "active"
        ? { type: "ap-activated", id, group, mac, version }
        : { type: "ap-not-activated", id, group, mac, version, reason: state.reason },
    );
    this.#closeBatch(now, ap.activation);
  }

  /** No AP has a session yet. */
  #resumeAfterStart(now: Instant, activation: Activation): void {
    const { state } = activation.record;
    if (isEnded(state)) return;
    if (state.phase === "scheduled") this.#timers.set(activation, state.at);
    if (state.phase === "between") this.#timers.set(activation, state.until);
    for (const ap of activation.aps.values()) {
      const { state: apState } = ap.record;
      if (!isUnderWay(apState)) continue;
      // The clock may have been set back since.
      this.#timers.set(ap, Math.min(apState.since, now) + this.#parts.timings.resetRejoinMs);
      if (apState.phase === "settling") this.#parts.table.setAp(ap, { phase: "booting", since: apState.since, orders: apState.orders });
    }
  }
}

const runs = ({ record: { slots } }: KnownAp, { sha256 }: BootedImage): boolean => slots !== null && slots[slots.running].sha256 === sha256;

const isSameBatch = ({ record }: Activation, next: Extract<ActivationState, { phase: "batch" }>): boolean =>
  record.state.phase === "batch" && record.state.batch === next.batch;

/** @param nameOf an AP, for people */
function verdictOn({ record, aps }: Activation, index: number, nameOf: (mac: MacAddress) => string): BatchVerdict {
  const batch = record.batches[index];
  const planned = [...aps.values()].filter((ap) => ap.record.batch !== null);
  const inBatch = planned.filter((ap) => ap.record.batch === index);
  const isCanary = batch?.canary ?? false;
  const [counted, allowed] = batch?.failuresMax == null ? [planned, record.options.failuresMax] : [inBatch, batch.failuresMax];
  const failures = counted.flatMap(({ record: { mac, state } }) => (state.phase === "failed" ? [`${nameOf(mac)} ${state.reason}`] : []));
  const where = isCanary ? " in the canary" : `, ${allowed} allowed`;
  return {
    stop: failures.length > allowed ? `${failures.length === 1 ? "1 AP" : `${failures.length} APs`} failed${where}; ${failures[0]}` : null,
    isCanary,
    isLast: index === record.batches.length - 1,
    isComplete: planned.every(({ record: { state } }) => state.phase === "active"),
  };
}
