/**
 * The upgrade runs. Per image family: a primary is elected and fetches over the WAN, then the others are
 * released to fetch from it; who cannot falls back to the WAN queue. Every input ends in `#advance`, which
 * compares what is with what should be and orders the difference, so a lost primary, a late joiner and a
 * restart of the controller take the same path as the start of a run.
 *
 * An AP takes part in one run at a time.
 */
import { type Result, success } from "../../../base/failure.js";
import { unreachable } from "../../../base/invariant.js";
import type { MacAddress } from "../../../base/mac-address.js";
import type { Instant } from "../../../base/time.js";
import { resultCodes } from "../../../wire/capwap/result-code.js";
import type { FailureReason } from "../../../wire/capwap/vendor.js";
import { limits, type ReleaseName } from "../../upgrade/limits.js";
import type { Answer, ApCommand, ApReport, ApServing } from "../ap-port.js";
import type { KnownAp } from "../inventory.js";
import type { GroupRecord } from "../records.js";
import { MemberSteps } from "./member-steps.js";
import { isOnWan, otherRunOf, planOne, planOverWan, planRun, type RunPlan } from "./plan.js";
import { PrimaryDuty } from "./primary-duty.js";
import { type FamilyRun, hasEnded, isRunning, type Member, newMember, type Run, runImage } from "./run.js";
import type { RunId } from "./run-numbers.js";
import { type Fault, isFinal, noteCounts, type RunParts, wasLost } from "./run-parts.js";
import type { LiveFamily, LiveMember } from "./run-table.js";

/** Failures that another attempt may cure; the rest are the AP's own condition. "Image unknown" is an order and its end that crossed. */
const passing: ReadonlySet<FailureReason> = new Set([
  "checksum-mismatch",
  "size-mismatch",
  "transfer-timeout",
  "transfer-error",
  "controller-lost",
  "image-unknown",
  "busy",
]);

/** Failures that leave the AP with a good part of the image: another AP would have to begin anew. */
const resumable: ReadonlySet<FailureReason> = new Set(["transfer-timeout", "controller-lost"]);

/**
 * Whether a failure belongs to what the AP is ordered to do now. After a rejoin it may tell again of an older order in the
 * same run: of its time as a primary, say, while it waits for the new one.
 */
const isOfPresentOrder = ({ phase, role }: Member, { path }: ApReport): boolean =>
  (phase === "ordered" || phase === "active") && (path === "none" || (path === "lan") === (role === "subordinate"));

export class GroupUpgrade {
  readonly #parts: RunParts;
  readonly #steps: MemberSteps;
  readonly #duty: PrimaryDuty;

  /** Runs that were going on when the controller died go on: their APs have `absentMs` to come back. */
  constructor(now: Instant, parts: RunParts) {
    this.#parts = parts;
    this.#steps = new MemberSteps(parts);
    this.#duty = new PrimaryDuty(parts, this.#steps);
    for (const run of parts.runs.running()) {
      for (const { mac } of run.members.values()) {
        const live = this.#running(mac);
        if (live && !hasEnded(live.stored)) this.#steps.waitForRejoin(now, live);
      }
      for (const family of run.families.values()) this.#duty.missed(now, parts.runs.liveFamily(family));
    }
  }

  nextWakeAt(): Instant | undefined {
    return this.#steps.timers.nextAt();
  }

  // ---- operator ------------------------------------------------------------------------------------------------------

  /** What `startGroup` would do now; changes nothing. */
  plan(group: GroupRecord, release: ReleaseName): RunPlan {
    return planRun(this.#parts, group, release);
  }

  startGroup(now: Instant, group: GroupRecord, release: ReleaseName): Result<{ runId: RunId }> {
    return this.#begin(now, planRun(this.#parts, group, release));
  }

  /** A run for one AP of a group that shares over the LAN: from an AP that has the image, else over the WAN. */
  startOne(now: Instant, group: GroupRecord, ap: KnownAp, release: ReleaseName): Result<{ runId: RunId }> {
    return this.#begin(now, planOne(this.#parts, group, ap, release));
  }

  /** A run over the WAN alone, for APs without a group or with the feature off. */
  startOverWan(now: Instant, aps: readonly KnownAp[], release: ReleaseName): Result<{ runId: RunId }> {
    return this.#begin(now, planOverWan(this.#parts, aps, release));
  }

  /** Ends a run: transfers stop, partial files go, verified images stay. */
  abort(now: Instant, run: Run): void {
    run.state = "aborted";
    for (const { mac } of run.members.values()) {
      const live = this.#parts.runs.latestOfAp(mac);
      if (live?.run === run) this.#steps.abort(now, live);
    }
    for (const family of run.families.values()) this.#parts.runs.liveFamily(family).served = null;
    this.#close(now, run);
  }

  /** Takes one AP out of its run; the others go on. */
  abortAp(now: Instant, mac: MacAddress): void {
    const live = this.#running(mac);
    if (!live) return;
    this.#steps.abort(now, live);
    if (live.family.stored.primary === mac) this.#duty.vacate(live.family, "taken out of the run");
    this.#advance(now, live.family);
  }

  /** The AP was put in a group, or joined: if its group is being upgraded, it takes part. */
  enlist(now: Instant, mac: MacAddress): void {
    const group = this.#parts.groups.of(mac);
    const run = group && this.#parts.runs.runningOfGroup(group.name);
    const ap = this.#parts.inventory.get(mac);
    if (run?.open && ap?.session && !otherRunOf(this.#parts.runs, mac, undefined))
      this.#advance(now, this.#enroll(now, run, mac, ap.family).family);
  }

  // ---- what APs do ---------------------------------------------------------------------------------------------------

  joined(now: Instant, mac: MacAddress): void {
    const live = this.#running(mac);
    if (!live) {
      this.enlist(now, mac);
      return;
    }
    const { stored, family } = live;
    live.state = null;
    if (wasLost(stored)) this.#revive(live);
    else if (stored.phase === "complete" && family.stored.primary === mac) this.#steps.orderToServe(now, live);
    else if (stored.phase === "pending") this.#steps.stopWaiting(live);
    else if (!hasEnded(stored)) this.#steps.waitForResync(now, live);
    this.#advance(now, family);
  }

  left(now: Instant, mac: MacAddress): void {
    const live = this.#running(mac);
    if (!live) return;
    const { stored, family } = live;
    this.#steps.leaveWan(mac);
    live.nextRetryAt = null;
    if (family.stored.primary === mac) this.#duty.missed(now, family);
    if (!hasEnded(stored)) this.#steps.waitForRejoin(now, live);
    this.#advance(now, family);
  }

  answered(now: Instant, mac: MacAddress, command: ApCommand & { type: "upgrade" }, { resultCode, refusal }: Answer): void {
    const live = this.#running(mac);
    if (!live || live.run.id !== command.runId) return;
    const { stored, family } = live;
    if (command.order && command.order.role !== stored.role) return;
    const isToServe = family.serving === "told" && family.stored.primary === mac;
    if (resultCode === resultCodes.imageAlreadyPresent) {
      if (isToServe) family.serving = "yes";
      if (!hasEnded(stored)) this.#steps.complete(now, live, null);
    } else if (resultCode !== resultCodes.success) {
      const detail = refusal?.detail || `answered the order with result code ${resultCode}`;
      this.#failed(now, live, { reason: refusal?.reason ?? "transfer-error", detail });
    } else if (isToServe) {
      // Its copy is not what its inventory says: it fetches after all.
      family.serving = "no";
      this.#steps.reopen(live, "ordered");
      this.#steps.waitForReport(now, live);
    }
    this.#advance(now, family);
  }

  reported(now: Instant, mac: MacAddress, report: ApReport): void {
    const live = this.#running(mac);
    if (live?.run.id === report.runId && wasLost(live.stored)) this.#revive(live);
    if (live?.run.id !== report.runId || hasEnded(live.stored)) {
      this.#reportedLate(mac, report);
      return;
    }
    const { stored, waitsFor, family } = live;
    this.#steps.note(now, live, report);
    switch (report.state) {
      case "complete":
        this.#steps.complete(now, live, report.path === "none" ? null : report.path);
        break;
      case "failed":
      case "aborted":
        if (!isOfPresentOrder(stored, report)) break;
        this.#failed(now, live, { reason: report.reason === "none" ? "aborted" : report.reason, detail: report.detail });
        break;
      case "needs-wan":
        if (stored.role === "subordinate") this.#outOfTries(now, live, report);
        // Said before it heard of its order, or again after a rejoin.
        else if (waitsFor === "resync") this.#steps.askWan(live);
        break;
      case "initiated":
      case "fetching":
      case "waiting":
        if (waitsFor === "resync" && stored.role !== "subordinate") this.#steps.askWan(live);
        else this.#steps.progress(now, live, report);
        break;
      default:
        unreachable(report.state);
    }
    if (report.state !== "fetching") this.#advance(now, family);
    else this.#steps.grantWan(now);
  }

  /** The controller's own side of a transfer: the only word of a plain RFC 5415 peer, and a sign of life of any. */
  transferMoved(now: Instant, mac: MacAddress, bytesDone: number): void {
    const live = this.#running(mac);
    if (!live || hasEnded(live.stored)) return;
    if (!this.#steps.isCapable(mac)) this.#steps.plainProgress(now, live, bytesDone);
    else if (live.waitsFor === "report") this.#steps.waitForReport(now, live);
  }

  /** A transfer to a plain RFC 5415 peer ended; peers of our own report by themselves. */
  transferEnded(now: Instant, mac: MacAddress, fault: Fault | null): void {
    const live = this.#running(mac);
    if (!live || hasEnded(live.stored) || this.#steps.isCapable(mac)) return;
    if (fault) this.#failed(now, live, fault);
    else this.#steps.complete(now, live, "wan");
    this.#advance(now, live.family);
  }

  /** The last word on a primary's sessions may come after the end of the run; an abort ends the sessions themselves. */
  served(mac: MacAddress, report: ApServing): void {
    const live = this.#parts.runs.latestOfAp(mac);
    if (!live || live.run.id !== report.runId || live.run.state === "aborted" || live.family.stored.primary !== mac) return;
    const { family, run } = live;
    family.served = report;
    if (report.sessionsPeak > family.stored.sessionsPeak) {
      family.stored.sessionsPeak = report.sessionsPeak;
      this.#parts.runs.saveRun(run);
    }
  }

  wake(now: Instant): void {
    const { timers } = this.#steps;
    for (let due = timers.takeDue(now); due; due = timers.takeDue(now)) {
      if (!isRunning(due.run)) continue;
      if (due.kind === "member") {
        this.#silent(now, due);
        this.#advance(now, due.family);
      } else {
        this.#duty.graceOver(now, due);
        this.#advance(now, due);
      }
    }
  }

  // ---- beginning and end of a run ------------------------------------------------------------------------------------

  /** Carries a plan out, unless it is a refusal. */
  #begin(now: Instant, { refusal, group, release, open, families, members }: RunPlan): Result<{ runId: RunId }> {
    if (refusal) return { ok: false, failure: refusal };
    const { runs, outbox } = this.#parts;
    const run = runs.create(now, group, release, open);
    outbox.event({ type: "run-started", runId: run.id, group, release });
    for (const { family, image } of families) runs.addFamily(run, family, image);
    for (const { mac, family } of members) this.#enroll(now, run, mac, family);
    for (const { family, choice } of families) {
      const live = runs.liveFamily(run.families.get(family) as FamilyRun);
      this.#duty.carryOut(now, live, choice);
      this.#advance(now, live);
    }
    return success({ runId: run.id });
  }

  #enroll(now: Instant, run: Run, mac: MacAddress, family: string): LiveMember {
    const { runs, catalogue, inventory } = this.#parts;
    const known = run.families.get(family);
    const image = catalogue.imageFor(run.release, family);
    const stored = known ?? runs.addFamily(run, family, image ? runImage(family, image) : null).stored;
    const live = runs.addMember(run, newMember(now, mac, run.release, stored));
    if (live.stored.phase === "pending" && isOnWan(run.group, inventory.get(mac))) this.#steps.askWan(live, "fallback");
    return live;
  }

  #advance(now: Instant, family: LiveFamily): void {
    if (isRunning(family.run)) this.#duty.advance(now, family);
    this.#steps.grantWan(now);
    this.#finishWhenDone(now, family.run);
  }

  #finishWhenDone(now: Instant, run: Run): void {
    if (!isRunning(run)) return;
    const ends = { complete: 0, aborted: 0, unsupported: 0, failed: 0 };
    for (const member of run.members.values()) {
      if (!hasEnded(member)) return;
      ends[member.phase as keyof typeof ends]++;
    }
    const wanted = run.members.size - ends.unsupported;
    if (ends.complete === wanted) run.state = "complete";
    else if (ends.complete > 0) run.state = "partial";
    else run.state = ends.aborted === wanted ? "aborted" : "failed";
    this.#close(now, run);
  }

  #close(now: Instant, run: Run): void {
    const { runs, outbox } = this.#parts;
    run.finishedAt = now;
    for (const family of run.families.values()) this.#steps.timers.clear(runs.liveFamily(family));
    runs.saveRun(run);
    outbox.event({ type: "run-finished", runId: run.id, group: run.group, state: run.state });
    this.#steps.grantWan(now);
  }

  // ---- one member ----------------------------------------------------------------------------------------------------

  /** What a member waited for did not come. */
  #silent(now: Instant, live: LiveMember): void {
    const { stored, waitsFor, run } = live;
    live.waitsFor = null;
    if (waitsFor === "rejoin") this.#lost(now, live, "left and did not come back in time");
    else if (waitsFor === "resync") {
      if (stored.role === "subordinate") this.#steps.setAside(live);
      else this.#steps.askWan(live);
    } else if (live.reminded) {
      this.#parts.outbox.tell(stored.mac, { type: "abort", runId: run.id });
      this.#lost(now, live, "is joined but sends no report");
    } else {
      live.reminded = true;
      this.#steps.tell(live);
      this.#steps.waitForReport(now, live);
    }
  }

  #lost(now: Instant, live: LiveMember, detail: string): void {
    this.#steps.end(now, live, "failed", { reason: "ap-lost", detail });
    if (live.family.stored.primary === live.stored.mac) this.#duty.vacate(live.family, detail);
  }

  /** An AP that was given up is there after all. */
  #revive(live: LiveMember): void {
    const { stored } = live;
    stored.role = "subordinate";
    this.#steps.reopen(live, "pending");
    if (isOnWan(live.run.group, this.#parts.inventory.get(stored.mac))) this.#steps.askWan(live, "fallback");
  }

  #failed(now: Instant, live: LiveMember, fault: Fault): void {
    const { stored, family } = live;
    const why = `${fault.reason}: ${fault.detail}`;
    const isPrimary = family.stored.primary === stored.mac;
    if (hasEnded(stored)) {
      // A holder that would not serve keeps its image; it just is no primary.
      if (isPrimary) this.#duty.vacate(family, why);
      return;
    }
    stored.failedOrders++;
    const mayTryAgain = passing.has(fault.reason) && stored.failedOrders < limits.failedOrders;
    if (!mayTryAgain) {
      this.#steps.end(now, live, "failed", fault);
      if (isPrimary) this.#duty.vacate(family, why);
    } else if (stored.role === "subordinate") {
      // Such as "busy" in answer to an order; the next comes as soon as there is a primary to use.
      this.#steps.setAside(live);
    } else if (isPrimary && !resumable.has(fault.reason) && this.#duty.couldBeReplaced(family)) {
      this.#duty.stepDown(family, why);
    } else {
      this.#steps.askWan(live);
    }
  }

  #outOfTries(now: Instant, live: LiveMember, { reason, detail }: ApReport): void {
    const { stored, family, run } = live;
    const { primary } = family.stored;
    const { fallback } = this.#steps.policy(run).wan;
    // Its tries were spent on a primary that is gone, or may be: the next one decides.
    const hasHope = primary !== null && (stored.server !== primary || !this.#parts.inventory.isJoined(primary));
    if (hasHope) this.#steps.setAside(live);
    else if (fallback === "fail") {
      this.#steps.end(now, live, "failed", { reason: reason === "none" ? "primary-unreachable" : reason, detail });
    } else if (fallback === "fallback" && this.#steps.budgetAllows(live)) this.#steps.askWan(live, "fallback");
    else this.#steps.setAside(live);
  }

  /**
   * An AP whose part is over for the controller: after an abort, after "already present" in answer to a repeated order, after
   * the run's end. What it completed is complete and what moved has moved; the run's own end stays as it was.
   */
  #reportedLate(mac: MacAddress, report: ApReport): void {
    const { runs, outbox } = this.#parts;
    const run = runs.get(report.runId);
    const stored = run?.members.get(mac);
    if (!isFinal(report) && stored?.phase !== "complete") outbox.tell(mac, { type: "abort", runId: report.runId });
    if (!run || !stored) return;
    const { wanBytes, lanBytes, tries, source, phase } = stored;
    noteCounts(stored, report);
    if (report.state === "complete") {
      Object.assign(stored, { phase: "complete", reason: "none", detail: "" });
      if (report.path !== "none") stored.source = report.path;
    }
    const moved = stored.wanBytes !== wanBytes || stored.lanBytes !== lanBytes;
    const isNews = moved || stored.tries !== tries || stored.source !== source || stored.phase !== phase;
    if (isNews) runs.saveMember({ run, stored });
  }

  // ---- look-ups ------------------------------------------------------------------------------------------------------

  #running(mac: MacAddress): LiveMember | undefined {
    return this.#parts.runs.runningOfAp(mac);
  }
}
