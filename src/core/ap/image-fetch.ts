/**
 * A run at this AP: how its image gets into the slot that is not running. `primary` and `fallback` fetch over the WAN
 * inside CAPWAP, `subordinate` over the LAN by TFTP, with tries and random back-off, until the controller must help.
 *
 *     order ─▶ initiated ─▶ fetching ─▶ complete          a whole, verified image is in a slot
 *                 ▲            │ busy, timeout, error, wrong digest: a try is spent
 *                 │            ├─▶ waiting ─▶ fetching … ─▶ needs-wan      tries are used up
 *                 │            └─▶ failed                 the flash or the controller's copy is at fault
 *                 └── WAN session lost: the part stays, the controller's next order resumes it
 *
 * An abort is possible anywhere. A commit that has begun is never called back: it is a verified image, and those stay.
 */

import { invariant } from "../../base/invariant.js";
import type { Prng } from "../../base/prng.js";
import type { Sha256Hex } from "../../base/sha256.js";
import type { Instant } from "../../base/time.js";
import { type ResultCode, resultCodes } from "../../wire/capwap/result-code.js";
import type { FailureReason, WireRunId } from "../../wire/capwap/vendor.js";
import type { ImageFailure } from "../capwap/contract.js";
import type { FetchOutcome } from "../tftp/contract.js";
import { drawBackoffMs } from "../upgrade/backoff.js";
import type { ApEffect, ApInput, FinalReport, RunJournal, RunOrder, RunProgress } from "./contract.js";
import type { ImageSlots } from "./image-slots.js";
import { isOpen, progressOf, type Run, RunLedger } from "./run-ledger.js";
import { faultOf, isLan, lanReasons, openedTransfer, type Transfer, wanReasons } from "./transfer.js";

/** What the agent passes to the CAPWAP session, and the news for its reports. */
export type FetchCommand =
  /** `storedBytes` of the image with this digest are on the disk. */
  | {
      readonly type: "start-image";
      readonly vendor: number;
      readonly version: string;
      readonly sha256: Sha256Hex | null;
      readonly storedBytes: number;
    }
  | { readonly type: "answer-block"; readonly resultCode: ResultCode }
  | { readonly type: "cancel-image" }
  /** Worth a report: at once for a state, in a while for bytes. */
  | { readonly type: "run-changed"; readonly what: "state" | "bytes" }
  | { readonly type: "run-complete" };

export interface OfferedImage {
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly md5: string;
  /** Where the blocks begin: behind a stored part, or at 0. */
  readonly startOffset: number;
}

export type FetchOutput = ApEffect | FetchCommand;

/** What the controller is answered. */
export type OrderAnswer =
  | { readonly resultCode: ResultCode }
  | { readonly resultCode: ResultCode; readonly reason: FailureReason; readonly detail: string };

type Answer<Type extends ApInput["type"]> = Extract<ApInput, { readonly type: Type }>;

export class ImageFetch {
  readonly #slots: ImageSlots;
  readonly #prng: Prng;
  #freeBytes: number;
  readonly #ledger: RunLedger;
  #transfer: Transfer | undefined;
  /** Names downloads and fetches; a fetch has the ID of the download that it fills. */
  #lastId = 0;

  constructor(slots: ImageSlots, prng: Prng, freeBytes: number, journal: RunJournal) {
    this.#slots = slots;
    this.#prng = prng;
    this.#freeBytes = freeBytes;
    this.#ledger = new RunLedger(journal);
  }

  get #run(): Run | undefined {
    return this.#ledger.run;
  }

  get order(): RunOrder | undefined {
    return this.#run?.order;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  get owed(): readonly FinalReport[] {
    return this.#ledger.owed;
  }

  /** How the run goes now, or undefined where there is none to report on. */
  report(): FinalReport | undefined {
    return this.#ledger.report();
  }

  /** Milliseconds to the next try, 0 when none is planned. */
  nextRetryMs(now: Instant): number {
    const at = this.#run?.retryAt;
    return at === undefined ? 0 : Math.max(1, Math.round(at - now));
  }

  get isComplete(): boolean {
    return this.#run?.state === "complete";
  }

  /** The boot record must not change while storage writes one of its own. */
  get isCommitting(): boolean {
    return this.#transfer?.phase === "committing";
  }

  nextWakeAt(): Instant | undefined {
    return this.#run?.retryAt;
  }

  wake(now: Instant, out: FetchOutput[]): void {
    const run = this.#run;
    if (run?.retryAt === undefined || now < run.retryAt) return;
    run.retryAt = undefined;
    this.#begin(now, run, out);
  }

  /** After a restart: an unfinished fetch from a primary needs nobody's leave; one over the WAN waits for its order. */
  resume(now: Instant, out: FetchOutput[]): void {
    const run = this.#run;
    if (run === undefined || !isOpen(run.state)) return;
    if (this.#holdsImage(run.order)) this.#enter(now, run, { state: "complete" }, out);
    else if (isLan(run.order)) this.#begin(now, run, out);
    else this.#enter(now, run, { state: "initiated" }, out);
  }

  // ---- the controller ------------------------------------------------------------------------------------------------

  /** Takes an order that has been checked. Giving the same order again changes nothing that is under way. */
  take(now: Instant, order: RunOrder, out: FetchOutput[]): OrderAnswer {
    const before = this.#run;
    const sameRun = before?.order.runId === order.runId && before.order.sha256 === order.sha256 && order.runId !== 0;
    if (this.#holdsImage(order)) {
      const run = sameRun ? before : this.#replaceRun(order, out);
      run.order = order;
      if (isOpen(run.state)) this.#drop(run, false, out);
      this.#enter(now, run, { state: "complete", reason: "none", detail: "" }, out);
      return { resultCode: resultCodes.imageAlreadyPresent };
    }
    if (this.#freeBytes < order.sizeBytes) {
      const detail = `the image has ${order.sizeBytes} bytes, ${this.#freeBytes} are free`;
      return { resultCode: resultCodes.imageOtherError, reason: "not-enough-flash", detail };
    }
    if (sameRun) this.#takeAgain(now, before, order, out);
    else this.#begin(now, this.#replaceRun(order, out), out);
    return { resultCode: resultCodes.success };
  }

  #takeAgain(now: Instant, run: Run, order: RunOrder, out: FetchOutput[]): void {
    const before = run.order;
    run.order = order;
    if (isLan(before) !== isLan(order)) {
      this.#drop(run, false, out);
      this.#begin(now, run, out);
    } else if (!isLan(order)) {
      if (this.#transfer === undefined) this.#begin(now, run, out);
      else this.#changed(run, out);
    } else if (!isOpen(run.state)) {
      run.tries = 0;
      this.#begin(now, run, out);
    } else if (before.server?.address !== order.server?.address || before.server?.port !== order.server?.port) {
      this.#drop(run, false, out);
      this.#begin(now, run, out);
    } else this.#changed(run, out);
  }

  /** @param runId 0 means any. Verified images stay, a part goes. */
  abort(now: Instant, runId: WireRunId, out: FetchOutput[]): void {
    const run = this.#run;
    if (run === undefined || (runId !== 0 && runId !== run.order.runId) || run.state === "aborted") return;
    this.#drop(run, false, out);
    this.#enter(now, run, { state: "aborted", reason: "aborted", detail: "" }, out);
  }

  #replaceRun(order: RunOrder, out: FetchOutput[]): Run {
    const old = this.#run;
    if (old !== undefined) this.#drop(old, old.order.sha256 === order.sha256 && !isLan(order), out);
    return this.#ledger.begin(order);
  }

  /** The controller has this report now. */
  acknowledged(report: FinalReport, out: FetchOutput[]): void {
    if (this.#ledger.acknowledge(report)) out.push({ type: "save-journal", journal: this.#ledger.journal() });
  }

  // ---- transfers -----------------------------------------------------------------------------------------------------

  #begin(now: Instant, run: Run, out: FetchOutput[]): void {
    // The flash does one thing at a time; `slotCommitted` comes back here.
    if (this.isCommitting) {
      this.#enter(now, run, { state: "initiated" }, out);
      return;
    }
    const { order } = run;
    const transfer = openedTransfer(++this.#lastId, order);
    const { path } = transfer;
    this.#transfer = transfer;
    run.bytesDone = 0;
    run.retryAt = undefined;
    this.#enter(now, run, { state: path === "lan" ? "fetching" : "initiated", path, reason: "none", detail: "" }, out);
    out.push({
      type: "open-download",
      downloadId: this.#lastId,
      slot: this.#slots.target,
      version: order.version,
      sizeBytes: order.sizeBytes,
      sha256: order.sha256,
      resume: path === "wan" && order.sha256 !== null,
    });
  }

  downloadOpened({ downloadId, resumeOffset }: Answer<"download-opened">, out: FetchOutput[]): void {
    const transfer = this.#current(downloadId);
    const run = this.#run;
    if (transfer === undefined || run === undefined) return;
    run.bytesDone = resumeOffset;
    const { order } = run;
    if (transfer.path === "lan") {
      transfer.phase = "receiving";
      invariant(order.server !== null, "a subordinate knows its primary");
      const { fileName, sizeBytes, server } = order;
      out.push({ type: "fetch", fetchId: downloadId, server, fileName, sizeBytes, downloadId });
    } else if (resumeOffset === order.sizeBytes && resumeOffset > 0) {
      this.#verify(transfer, out);
    } else {
      transfer.phase = "asking";
      const { vendor, version, sha256 } = order;
      out.push({ type: "start-image", vendor, version, sha256, storedBytes: resumeOffset });
    }
  }

  // ---- over the WAN --------------------------------------------------------------------------------------------------

  /** The controller's Image Information: the first word on the size where the order had none. */
  imageOffered(now: Instant, { sizeBytes, md5, startOffset }: OfferedImage, out: FetchOutput[]): void {
    const transfer = this.#transfer;
    const run = this.#run;
    if (transfer?.phase !== "asking" || run === undefined) return;
    if (run.order.sizeBytes !== 0 && run.order.sizeBytes !== sizeBytes) {
      const detail = `the controller offers ${sizeBytes} bytes, the order says ${run.order.sizeBytes}`;
      out.push({ type: "cancel-image" });
      this.#fail(now, run, "size-mismatch", detail, out);
      return;
    }
    // An order that says its size was checked when it came; a plain RFC 5415 one does not say it.
    if (this.#freeBytes < sizeBytes) {
      out.push({ type: "cancel-image" });
      this.#fail(now, run, "not-enough-flash", `the image has ${sizeBytes} bytes, ${this.#freeBytes} are free`, out);
      return;
    }
    transfer.sizeBytes = sizeBytes;
    transfer.md5 = md5;
    transfer.phase = "receiving";
    run.bytesDone = startOffset;
    this.#enter(now, run, { state: "fetching" }, out);
  }

  /** @returns false for a block that no transfer waits for */
  imageBlock(offset: number, bytes: Uint8Array, last: boolean, out: FetchOutput[]): boolean {
    const transfer = this.#transfer;
    if (transfer?.phase !== "receiving" || transfer.path !== "wan") return false;
    transfer.lastBlockIn = last;
    if (bytes.length > 0) {
      transfer.blocksBeingWritten++;
      out.push({ type: "write-chunk", downloadId: transfer.downloadId, offset, bytes });
    } else if (last && transfer.blocksBeingWritten === 0) this.#verify(transfer, out);
    return true;
  }

  chunkWritten({ downloadId, offset, length }: Answer<"chunk-written">, out: FetchOutput[]): void {
    const transfer = this.#current(downloadId);
    const run = this.#run;
    if (transfer === undefined || run === undefined || transfer.path !== "wan") return;
    transfer.blocksBeingWritten--;
    this.#count(run, transfer, transfer.countedBytes + length);
    run.bytesDone = offset + length;
    out.push({ type: "run-changed", what: "bytes" });
    if (transfer.lastBlockIn && transfer.blocksBeingWritten === 0) this.#verify(transfer, out);
    else out.push({ type: "answer-block", resultCode: resultCodes.success });
  }

  imageFailed(now: Instant, failure: ImageFailure, detail: string, out: FetchOutput[]): void {
    const transfer = this.#transfer;
    const run = this.#run;
    if (transfer === undefined || run === undefined || transfer.path !== "wan") return;
    // What is verified needs no controller any more; a rejection was ours and has been dealt with.
    if (transfer.phase === "verifying" || transfer.phase === "committing" || failure === "rejected") return;
    if (failure === "session-ended") {
      this.#discard(true, out);
      this.#enter(now, run, { state: "initiated" }, out);
    } else if (failure === "aborted") {
      // The first half of an operator's abort; the order that says so is on its way and will find it done.
      this.#discard(false, out);
      this.#enter(now, run, { state: "aborted", reason: "aborted", detail: "" }, out);
    } else this.#fail(now, run, wanReasons[failure], detail, out, failure === "timeout");
  }

  // ---- over the LAN --------------------------------------------------------------------------------------------------

  fetchProgress({ fetchId, bytesDone }: Answer<"fetch-progress">, out: FetchOutput[]): void {
    const transfer = this.#current(fetchId);
    const run = this.#run;
    if (transfer?.phase !== "receiving" || transfer.path !== "lan" || run === undefined) return;
    this.#count(run, transfer, bytesDone);
    run.bytesDone = bytesDone;
    out.push({ type: "run-changed", what: "bytes" });
  }

  fetchEnded(now: Instant, { fetchId, outcome, bytesDone, detail }: Answer<"fetch-ended">, out: FetchOutput[]): void {
    const transfer = this.#current(fetchId);
    const run = this.#run;
    if (transfer?.phase !== "receiving" || transfer.path !== "lan" || run === undefined) return;
    this.#count(run, transfer, bytesDone);
    run.bytesDone = bytesDone;
    if (outcome === "complete") this.#verify(transfer, out);
    else if (outcome === "storage") this.#fail(now, run, lanReasons.storage, detail, out);
    else this.#tryFailed(now, run, outcome, lanReasons[outcome], detail, out);
  }

  #tryFailed(now: Instant, run: Run, outcome: FetchOutcome, reason: FailureReason, detail: string, out: FetchOutput[]): void {
    this.#discard(false, out);
    const { runId, retryCountMax, backoffMsMin, backoffMsMax } = run.order;
    run.tries++;
    run.bytesDone = 0;
    out.push({ type: "event", event: { name: "try-failed", runId, tries: run.tries, outcome, detail } });
    if (run.tries >= retryCountMax) this.#enter(now, run, { state: "needs-wan", reason, detail }, out);
    else {
      run.retryAt = now + drawBackoffMs(this.#prng, backoffMsMin, backoffMsMax);
      this.#enter(now, run, { state: "waiting", reason, detail }, out);
    }
  }

  // ---- verify and commit ---------------------------------------------------------------------------------------------

  #verify(transfer: Transfer, out: FetchOutput[]): void {
    transfer.phase = "verifying";
    out.push({ type: "verify-download", downloadId: transfer.downloadId });
  }

  downloadVerified(now: Instant, answer: Answer<"download-verified">, out: FetchOutput[]): void {
    const transfer = this.#current(answer.downloadId);
    const run = this.#run;
    if (transfer?.phase !== "verifying" || run === undefined) return;
    const { order } = run;
    const fault = faultOf(transfer, order, answer);
    if (fault === undefined) {
      const { sizeBytes, sha256, md5 } = answer;
      transfer.phase = "committing";
      transfer.image = { version: order.version, sizeBytes, sha256, md5, runId: order.runId };
      const record = this.#slots.recordWith(transfer.image);
      out.push({ type: "commit-slot", downloadId: transfer.downloadId, slot: this.#slots.target, record });
    } else if (transfer.path === "lan") this.#tryFailed(now, run, "error", fault.reason, fault.detail, out);
    else {
      this.#answerLastBlock(transfer, fault.resultCode, out);
      this.#fail(now, run, fault.reason, fault.detail, out);
    }
  }

  slotCommitted(now: Instant, { downloadId, freeBytes }: Answer<"slot-committed">, out: FetchOutput[]): void {
    this.#freeBytes = freeBytes;
    const transfer = this.#current(downloadId);
    const run = this.#run;
    if (transfer?.image === undefined || run === undefined) return;
    this.#slots.replace(this.#slots.recordWith(transfer.image));
    this.#transfer = undefined;
    out.push({ type: "event", event: { name: "slot-written", slot: this.#slots.target, image: transfer.image } });
    this.#answerLastBlock(transfer, resultCodes.success, out);
    if (this.#holdsImage(run.order)) {
      run.bytesDone = transfer.sizeBytes;
      if (run.state !== "aborted") this.#enter(now, run, { state: "complete", reason: "none", detail: "" }, out);
    } else if (isOpen(run.state)) this.#begin(now, run, out);
  }

  storageFailed(now: Instant, { downloadId, reason, detail }: Answer<"storage-failed">, out: FetchOutput[]): void {
    const transfer = this.#current(downloadId);
    const run = this.#run;
    if (transfer === undefined || run === undefined) return;
    this.#transfer = undefined;
    this.#stopSource(transfer, out);
    const superseded = transfer.image !== undefined && transfer.image.runId !== run.order.runId;
    if (isOpen(run.state) && superseded) this.#begin(now, run, out);
    else if (isOpen(run.state)) this.#enter(now, run, { state: "failed", reason, detail }, out);
  }

  // ---- what all of them share ----------------------------------------------------------------------------------------

  #current(downloadId: number): Transfer | undefined {
    return this.#transfer?.downloadId === downloadId ? this.#transfer : undefined;
  }

  /** The image, unless it must be fetched once more and has not been in this run. */
  #holdsImage({ sha256, version, refetch, runId }: RunOrder): boolean {
    const slot = sha256 === null ? this.#slots.holdingVersion(version) : this.#slots.holding(sha256);
    if (slot === undefined) return false;
    return !refetch || this.#slots.image(slot)?.runId === runId;
  }

  #count(run: Run, transfer: Transfer, bytes: number): void {
    const added = bytes - transfer.countedBytes;
    transfer.countedBytes = bytes;
    if (transfer.path === "wan") run.wanBytes += added;
    else run.lanBytes += added;
  }

  #answerLastBlock(transfer: Transfer, resultCode: ResultCode, out: FetchOutput[]): void {
    if (transfer.path === "wan" && transfer.lastBlockIn) out.push({ type: "answer-block", resultCode });
  }

  /** Ends the run here. @param keepPartial the part is good as far as it goes */
  #fail(now: Instant, run: Run, reason: FailureReason, detail: string, out: FetchOutput[], keepPartial = false): void {
    this.#discard(keepPartial, out);
    this.#enter(now, run, { state: "failed", reason, detail }, out);
  }

  /** Lets go of what is under way and of the next try. */
  #drop(run: Run, keepPartial: boolean, out: FetchOutput[]): void {
    run.retryAt = undefined;
    const transfer = this.#transfer;
    if (transfer?.phase === "committing") return;
    if (transfer !== undefined) this.#stopSource(transfer, out);
    this.#discard(keepPartial, out);
  }

  #stopSource(transfer: Transfer, out: FetchOutput[]): void {
    if (transfer.phase === "opening") return;
    if (transfer.path === "wan") out.push({ type: "cancel-image" });
    else if (transfer.phase === "receiving") out.push({ type: "cancel-fetch", fetchId: transfer.downloadId });
  }

  #discard(keepPartial: boolean, out: FetchOutput[]): void {
    const downloadId = this.#transfer?.downloadId ?? 0;
    this.#transfer = undefined;
    if (downloadId !== 0 || !keepPartial) out.push({ type: "discard-download", downloadId, keepPartial });
  }

  #enter(now: Instant, run: Run, change: Partial<RunProgress>, out: FetchOutput[]): void {
    this.#ledger.change(run, change);
    if (run.order.runId !== 0) out.push({ type: "save-journal", journal: this.#ledger.journal() });
    const progress = progressOf(run);
    out.push({ type: "event", event: { name: "run", runId: run.order.runId, progress, nextRetryMs: this.nextRetryMs(now) } });
    this.#changed(run, out);
    if (run.state === "complete") out.push({ type: "run-complete" });
  }

  #changed(run: Run, out: FetchOutput[]): void {
    if (run.order.runId !== 0) out.push({ type: "run-changed", what: "state" });
  }
}
