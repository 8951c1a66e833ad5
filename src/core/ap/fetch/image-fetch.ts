/**
 * An assignment at this AP: how its image gets into the slot that is not running. `primary` and `fallback` fetch over the WAN
 * inside CAPWAP, `subordinate` over the LAN by TFTP, with tries and random back-off, until the controller must help.
 *
 *     order ─▶ initiated ─▶ fetching ─▶ complete          a whole, verified image is in a slot
 *                 ▲            │ busy, timeout, error, wrong digest: a try is spent
 *                 │            ├─▶ waiting ─▶ fetching … ─▶ needs-wan      tries are used up
 *                 │            └─▶ failed                 the flash or the controller's copy is at fault
 *                 └── WAN session lost: the part stays, the controller's next order resumes it
 *
 * An abort is possible anywhere. A commit that has begun is never called back: it is a verified image, and those stay.
 *
 * This class is the engine: `transitions.ts` says which stage follows, `entry.ts` which effects a stage has when it is entered.
 */
import { sameEndpoint } from "../../../base/endpoint.js";
import type { Prng } from "../../../base/prng.js";
import type { Instant } from "../../../base/time.js";
import { resultCodes } from "../../../wire/capwap/result-code.js";
import type { FinalReport, RunJournal, RunOrder } from "../contract.js";
import type { ImageSlots } from "../image-slots.js";
import { type Assignment, isLan, journalled, newAssignment, progressOf, reportOf, restored } from "./assignment.js";
import { type FetchContext, type FlashUse, isHeld, letGo, type StageEvent } from "./context.js";
import type { FetchEvent, FetchOutput, OrderAnswer } from "./contract.js";
import { enter } from "./entry.js";
import { storeCommitted } from "./into-slot.js";
import { silenceEndsAt } from "./over-lan.js";
import { streamWakeAt } from "./over-stream.js";
import { OwedReports } from "./owed-reports.js";
import { downloadIdOf, fetchIdOf, type Stage, stageFacts } from "./stage.js";
import { type Transition, transitions } from "./transitions.js";

export class ImageFetch {
  readonly #slots: ImageSlots;
  readonly #prng: Prng;
  readonly #flash: FlashUse;
  readonly #reports: OwedReports;
  /** Undefined before the first assignment. */
  #context: FetchContext | undefined;

  constructor(slots: ImageSlots, prng: Prng, freeBytes: number, { run, owed }: RunJournal) {
    this.#slots = slots;
    this.#prng = prng;
    this.#flash = { freeBytes, orphan: undefined, lastDownloadId: 0 };
    this.#reports = new OwedReports(owed);
    if (run !== null) this.#assign(restored(run));
  }

  get order(): RunOrder | undefined {
    return this.#context?.assignment.order;
  }

  get isComplete(): boolean {
    return this.#context?.assignment.stage.name === "complete";
  }

  /** The boot record must not change while storage writes one of its own. */
  get isCommitting(): boolean {
    return this.#flash.orphan !== undefined || (this.#context !== undefined && "commit" in this.#context.assignment.stage);
  }

  get freeBytes(): number {
    return this.#flash.freeBytes;
  }

  get owed(): readonly FinalReport[] {
    return this.#reports.all;
  }

  /** The last server that sent a chunk with another digest than ordered. */
  get chunkFault(): Assignment["fault"] {
    return this.#context?.assignment.fault;
  }

  /** How the run goes now, or undefined where there is none to report on. */
  report(): FinalReport | undefined {
    return this.#context && reportOf(this.#context.assignment);
  }

  nextWakeAt(): Instant | undefined {
    const stage = this.#context?.assignment.stage;
    if (stage?.name === "stream-receiving") return streamWakeAt(stage);
    return stage?.name === "lan-receiving" ? silenceEndsAt(stage) : this.#retryAt;
  }

  get #retryAt(): Instant | undefined {
    const stage = this.#context?.assignment.stage;
    return stage?.name === "backed-off" || stage?.name === "stream-backed-off" ? stage.retryAt : undefined;
  }

  /** Milliseconds to the next try, 0 when none is planned. */
  nextRetryMs(now: Instant): number {
    const at = this.#retryAt;
    return at === undefined ? 0 : Math.max(1, Math.round(at - now));
  }

  /** @returns false for an event that means nothing in this stage, e.g. a block that no transfer waits for */
  step(now: Instant, event: FetchEvent, out: FetchOutput[]): boolean {
    if ("freeBytes" in event) this.#flash.freeBytes = event.freeBytes;
    if (this.#orphanEnded(now, event, out)) return true;
    const runId = this.order?.runId;
    if (event.type === "abort" && event.runId !== 0 && event.runId !== runId) return false;
    return this.#transition(now, event, out);
  }

  /** Whether the flash must be measured first: the last measurement has too little room, and may be old. */
  needsRoomFor(order: RunOrder): boolean {
    return this.#flash.freeBytes < order.sizeBytes && !isHeld(this.#slots, order);
  }

  /** @returns whether the free space has changed */
  measured(freeBytes: number): boolean {
    const isOther = this.#flash.freeBytes !== freeBytes;
    this.#flash.freeBytes = freeBytes;
    return isOther;
  }

  /** Takes an order that has been checked. The same order again changes nothing that is under way. */
  take(now: Instant, order: RunOrder, out: FetchOutput[]): OrderAnswer {
    const isThere = isHeld(this.#slots, order);
    const { freeBytes } = this.#flash;
    if (!isThere && freeBytes < order.sizeBytes) {
      const detail = `the image has ${order.sizeBytes} bytes, ${freeBytes} are free`;
      return { resultCode: resultCodes.imageOtherError, reason: "not-enough-flash", detail };
    }
    const type = this.#adopt(now, order, out);
    this.#transition(now, { type: isThere ? "already-held" : type }, out);
    return { resultCode: isThere ? resultCodes.imageAlreadyPresent : resultCodes.success };
  }

  /** The controller has taken this report. */
  acknowledged(report: FinalReport, out: FetchOutput[]): void {
    if (this.#reports.acknowledge(report, this.report())) out.push({ type: "save-journal", journal: this.#journal() });
  }

  /** Makes `order` the one in hand. @returns how it differs from the one before */
  #adopt(now: Instant, order: RunOrder, out: FetchOutput[]): "order-repeated" | "order-moved" | "order-rerouted" {
    const assignment = this.#context?.assignment;
    const before = assignment?.order;
    if (assignment === undefined || before === undefined || !isSameRun(before, order)) {
      this.#replace(now, order, out);
      return "order-repeated";
    }
    assignment.order = order;
    if (isLan(before) !== isLan(order)) return "order-rerouted";
    return before.server !== null && order.server !== null && !sameEndpoint(before.server, order.server) ? "order-moved" : "order-repeated";
  }

  #replace(now: Instant, order: RunOrder, out: FetchOutput[]): void {
    const context = this.#context;
    if (context !== undefined) {
      const { stage, order: before } = context.assignment;
      Object.assign(context, { now, out });
      letGo(context, stage, before.sha256 === order.sha256 && (!isLan(order) || order.stream !== undefined));
      this.#reports.replaced(this.report());
    }
    this.#assign(newAssignment(order));
  }

  #assign(assignment: Assignment): void {
    this.#context = { assignment, flash: this.#flash, slots: this.#slots, prng: this.#prng, now: 0, out: [] };
  }

  /** The commit of an earlier assignment has ended: the one in hand may use the flash. @returns whether `event` was that */
  #orphanEnded(now: Instant, event: FetchEvent, out: FetchOutput[]): boolean {
    const { orphan } = this.#flash;
    if (orphan === undefined || (event.type !== "slot-committed" && event.type !== "storage-failed")) return false;
    if (event.downloadId !== orphan.downloadId) return false;
    this.#flash.orphan = undefined;
    if (event.type === "slot-committed") storeCommitted(this.#slots, orphan, out);
    else if (orphan.lastBlockUnanswered) out.push({ type: "cancel-image" });
    this.#transition(now, { type: "flash-free" }, out);
    return true;
  }

  /** The one place that writes a stage. */
  #transition(now: Instant, event: StageEvent, out: FetchOutput[]): boolean {
    const context = this.#context;
    if (context === undefined) return false;
    const { assignment } = context;
    const { stage } = assignment;
    const transition = transitions[stage.name][event.type] as Transition | undefined;
    if (transition === undefined || isStale(event, stage)) return false;
    context.now = now;
    context.out = out;
    const next = transition(context, stage as never, event as never);
    if (next === stage) return true;
    assignment.stage = next;
    if (!stageFacts[next.name].isQuiet) this.#announce(now, assignment, out);
    enter(context, next);
    return true;
  }

  #announce(now: Instant, assignment: Assignment, out: FetchOutput[]): void {
    const { runId } = assignment.order;
    this.#reports.changed();
    if (runId !== 0) out.push({ type: "save-journal", journal: this.#journal() });
    const progress = progressOf(assignment);
    out.push({ type: "event", event: { name: "run", runId, progress, nextRetryMs: this.nextRetryMs(now) } });
    if (runId !== 0) out.push({ type: "run-changed", what: "state" });
  }

  #journal(): RunJournal {
    return { run: this.#context === undefined ? null : journalled(this.#context.assignment), owed: this.#reports.all };
  }
}

const isSameRun = (before: RunOrder, order: RunOrder): boolean =>
  order.runId !== 0 && before.runId === order.runId && before.sha256 === order.sha256;

/** Answers of storage and TFTP carry the download that they are about; one that was given up since is ignored. */
function isStale(event: StageEvent, stage: Stage): boolean {
  if ("downloadId" in event) return event.downloadId !== downloadIdOf(stage);
  return "fetchId" in event && event.fetchId !== fetchIdOf(stage);
}
