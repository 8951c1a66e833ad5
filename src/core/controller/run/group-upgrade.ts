/**
 * The upgrade runs. Per image family: a primary is elected and fetches over the WAN, then the others are
 * released to fetch from it; an AP that cannot falls back to the WAN queue. After a start, a join or a report `#advance`
 * reconciles the family with its desired state, so a lost primary, a late joiner and a restart of the controller take the same
 * path as the start of a run.
 *
 * An AP takes part in one run at a time.
 */
import { sameEndpoint } from "../../../base/endpoint.js";
import { failure, type Result, success } from "../../../base/failure.js";
import { unreachable } from "../../../base/invariant.js";
import type { MacAddress } from "../../../base/mac-address.js";
import type { Sha256Hex } from "../../../base/sha256.js";
import { earliest, type Instant } from "../../../base/time.js";
import { isSuccess, resultCodes } from "../../../wire/capwap/result-code.js";
import type { HoldingProof } from "../../../wire/capwap/vendor.js";
import type { ReleaseName } from "../../upgrade/limits.js";
import type { Answer, ApChunkFault, ApCommand, ApReport, ApServing, ProofQuestion } from "../ap-port.js";
import { holdsImage, type KnownAp } from "../inventory.js";
import type { GroupRecord } from "../records.js";
import { fallbackFor } from "./fallback.js";
import { type ClaimedPath, HoldingProofs, isCredible, type ProofVerdict } from "./holding-proofs.js";
import { type Fault, hasEnded, isWorking, roleOf } from "./member-state.js";
import { Members } from "./members.js";
import { outcomeOf } from "./outcome.js";
import { notTakingPart, otherRunOf, planOne, planOverWan, planRun, type RunPlan } from "./plan.js";
import { Primaries } from "./primaries.js";
import { Roster } from "./roster.js";
import { type Family, isRunning, isTakingPart, type Member, primaryOf, type Run, wasLost } from "./run.js";
import { isCapable, type RunParts } from "./run-parts.js";
import { Setbacks } from "./setbacks.js";
import type { StartedRun } from "./started-run.js";
import { tftpServerFor } from "./tftp-address.js";
import { chunksOf } from "./tree.js";

/**
 * Whether a failure belongs to what the AP is ordered to do now. After a rejoin it may report an older order of the
 * same run again: of its time as a primary, say, while it waits for the new one.
 */
const isOfPresentOrder = ({ state }: Member, { path }: ApReport): boolean =>
  isWorking(state) && (path === "none" || (path === "lan") === (state.task.role === "subordinate"));

/** One AP may be mistaken, or lie itself. */
const reportersToStepDown = 2;

const claimedPath = ({ path }: ApReport): ClaimedPath => (path === "none" ? null : path);

/** Settings of a group that its subordinates' orders carry. */
const orderSettings = ["retryCount", "backoffSecondsMin", "backoffSecondsMax"] as const satisfies readonly (keyof GroupRecord)[];

/** The AP will report no more of this run. */
const isFinal = ({ state }: ApReport): boolean => state === "complete" || state === "failed" || state === "aborted";

export class GroupUpgrade {
  readonly #parts: RunParts;
  readonly #members: Members;
  readonly #primaries: Primaries;
  readonly #roster: Roster;
  readonly #setbacks: Setbacks;
  readonly #proofs: HoldingProofs;

  /** Runs that had not ended when the controller died continue: their APs have `absentMs` to come back. */
  constructor(now: Instant, parts: RunParts) {
    this.#parts = parts;
    this.#members = new Members(parts);
    this.#primaries = new Primaries(parts, this.#members);
    this.#roster = new Roster(parts, this.#members);
    this.#setbacks = new Setbacks(parts, this.#members, this.#primaries);
    this.#proofs = new HoldingProofs(parts);
    for (const run of parts.runs.running()) {
      for (const { mac } of run.members.values()) {
        const member = this.#running(mac);
        if (member) this.#members.transition(now, member, { type: "left" });
      }
      for (const family of run.families.values()) {
        this.#primaries.missed(now, family);
        if (family.image) parts.outbox.checkImage(family.image.sha256);
      }
    }
  }

  nextWakeAt(): Instant | undefined {
    return earliest(this.#members.nextWakeAt(), this.#primaries.nextWakeAt(), this.#proofs.nextWakeAt());
  }

  // ---- operator ------------------------------------------------------------------------------------------------------

  /** What `startGroup` would do now; changes nothing. */
  plan(group: GroupRecord, release: ReleaseName): RunPlan {
    return planRun(this.#parts, group, release);
  }

  startGroup(now: Instant, group: GroupRecord, release: ReleaseName): Result<StartedRun> {
    return this.#begin(now, planRun(this.#parts, group, release));
  }

  /** A run for one AP of a group that shares over the LAN: from an AP that has the image, else over the WAN. */
  startOne(now: Instant, group: GroupRecord, ap: KnownAp, release: ReleaseName): Result<StartedRun> {
    return this.#begin(now, planOne(this.#parts, group, ap, release));
  }

  /** A run over the WAN alone, for APs without a group or with the feature off. */
  startOverWan(now: Instant, aps: readonly KnownAp[], release: ReleaseName): Result<StartedRun> {
    return this.#begin(now, planOverWan(this.#parts, aps, release));
  }

  /** Ends a run: transfers stop, partial files go, verified images stay. */
  abort(now: Instant, run: Run): void {
    run.state = "aborted";
    for (const { mac } of run.members.values()) {
      const member = this.#parts.runs.latestOfAp(mac);
      if (member?.run === run) this.#members.abort(now, member);
    }
    for (const family of run.families.values()) family.served = null;
    this.#close(now, run);
  }

  /** Takes one AP out of its run; the others continue. */
  abortAp(now: Instant, mac: MacAddress): void {
    const member = this.#running(mac);
    if (!member) return;
    this.#members.abort(now, member);
    this.#setbacks.demoteIfPrimary(now, member, "taken out of the run");
    this.#advance(now, member.family);
  }

  /** What the operator sets holds in the group's run at once: orders are repeated with it, APs held back by a limit are looked at again. */
  settingsChanged(now: Instant, before: GroupRecord, after: GroupRecord): void {
    const run = this.#parts.runs.runningOfGroup(after.name);
    if (!run) return;
    const isInOrders = orderSettings.some((key) => before[key] !== after[key]);
    const isServeRateNew = before.serveBytesPerSecondMax !== after.serveBytesPerSecondMax;
    for (const member of run.members.values()) {
      if (isServeRateNew) this.#members.repeatServingOrder(member);
      // In a tree a subordinate serves, too.
      if (isServeRateNew && chunksOf(this.#parts, member.family)) this.#members.repeatOrder(member);
      if (member.heldBack && fallbackFor(member, after).type === "wan") this.#members.fallBack(now, member);
      else if (isInOrders) this.#members.repeatOrder(member);
    }
    for (const family of run.families.values()) this.#advance(now, family);
  }

  /** The file of this image is damaged: runs that need it from the controller end; APs that hold it keep serving. */
  imageDamaged(now: Instant, sha256: Sha256Hex): void {
    for (const run of this.#parts.runs.running()) {
      for (const family of run.families.values()) if (family.image?.sha256 === sha256) this.#advance(now, family);
    }
  }

  /** The chunks of this image are known: orders that went out before are repeated with them. */
  chunksKnown(now: Instant, sha256: Sha256Hex): void {
    for (const run of this.#parts.runs.running()) {
      for (const family of run.families.values()) {
        if (family.image?.sha256 !== sha256 || chunksOf(this.#parts, family) === undefined) continue;
        for (const member of family.members.values()) {
          const { state } = member;
          if (isWorking(state) && state.contact === "here") this.#members.tell(member, state.task);
        }
        this.#advance(now, family);
      }
    }
  }

  /** The AP was put in a group, or joined: if its group is being upgraded, it takes part. */
  enlist(now: Instant, mac: MacAddress): void {
    const { inventory, groups, runs } = this.#parts;
    const group = groups.of(mac);
    const run = group && runs.runningOfGroup(group.name);
    const ap = inventory.get(mac);
    if (run?.open && ap?.session && !otherRunOf(runs, mac, undefined)) {
      this.#advance(now, this.#roster.enroll(now, mac, this.#roster.familyOfModel(run, ap.record.model)).family);
    }
  }

  // ---- what APs do ---------------------------------------------------------------------------------------------------

  joined(now: Instant, mac: MacAddress): void {
    const member = this.#running(mac);
    if (!member) {
      this.enlist(now, mac);
      return;
    }
    if (wasLost(member)) {
      this.#advance(now, this.#roster.revive(now, member).family);
      return;
    }
    const { state, family } = member;
    member.heard = { ...member.heard, state: null };
    if (state.phase === "complete" && primaryOf(family) === mac) this.#primaries.orderToServe(now, member);
    else if (state.phase === "complete" && this.#hasLostImage(member)) this.#members.transition(now, member, { type: "set-aside" });
    else this.#members.transition(now, member, { type: "rejoined" });
    this.#advance(now, family);
  }

  left(now: Instant, mac: MacAddress): void {
    const member = this.#running(mac);
    if (!member) return;
    const { family } = member;
    this.#proofs.withdraw(member);
    member.heard = { ...member.heard, nextRetryAt: null };
    if (primaryOf(family) === mac) this.#primaries.missed(now, family);
    this.#members.transition(now, member, { type: "left" });
    this.#advance(now, family);
  }

  /** The AP reported what it has and where it serves: its subordinates are ordered from there. */
  inventoryChanged(now: Instant, mac: MacAddress): void {
    const member = this.#running(mac);
    if (member && primaryOf(member.family) === mac) this.#advance(now, member.family);
  }

  answered(now: Instant, mac: MacAddress, command: ApCommand & { type: "upgrade" }, { resultCode, refusal }: Answer): void {
    const member = this.#running(mac);
    if (!member || member.run.id !== command.runId) return;
    const { state, family } = member;
    if (command.order && command.order.role !== roleOf(state)) return;
    const isToServe = family.state.phase === "appointed" && family.state.awaits === "offer" && family.state.primary === mac;
    if (resultCode === resultCodes.imageAlreadyPresent) {
      if (isToServe || !hasEnded(state)) this.#claimed(now, member, null);
    } else if (resultCode !== resultCodes.success) {
      const detail = refusal?.detail || `answered the order with result code ${resultCode}`;
      this.#setbacks.failed(now, member, { reason: refusal?.reason ?? "transfer-error", detail });
    } else if (isToServe) this.#primaries.fetchesAfterAll(now, member);
    this.#advance(now, family);
  }

  reported(now: Instant, mac: MacAddress, report: ApReport): void {
    let member = this.#running(mac);
    const isBack = member?.run.id === report.runId && wasLost(member);
    if (member && isBack) member = this.#roster.revive(now, member);
    if (member?.run.id !== report.runId || hasEnded(member.state)) {
      this.#reportedLate(now, mac, report);
      return;
    }
    const { state, family } = member;
    if (report.reason !== "none" && isWorking(state) && state.task.role === "subordinate") member.avoids.add(state.task.server);
    const hasRejoined = state.contact === "rejoined" && roleOf(state) !== "subordinate";
    const isFirst = member.heard.state === null;
    const gotFurther = this.#members.note(now, member, report);
    switch (report.state) {
      case "complete":
        this.#claimed(now, member, claimedPath(report));
        break;
      case "failed":
      case "aborted":
        if (!isOfPresentOrder(member, report)) break;
        this.#setbacks.failed(now, member, { reason: report.reason === "none" ? "aborted" : report.reason, detail: report.detail });
        break;
      case "needs-wan":
        if (this.#complained(now, member, report)) this.#members.transition(now, member, { type: "set-aside" });
        else if (roleOf(state) === "subordinate") this.#setbacks.outOfTries(now, member, report);
        // Sent before its order reached it, or again after a rejoin.
        else if (hasRejoined) this.#setbacks.requeue(now, member);
        break;
      case "initiated":
      case "fetching":
      case "waiting":
        this.#complained(now, member, report);
        if (hasRejoined) this.#setbacks.requeue(now, member);
        else this.#members.progressed(now, member, report, gotFurther);
        break;
      default:
        unreachable(report.state);
    }
    const isWhole = report.bytesDone === family.image?.sizeBytes;
    if (report.state !== "fetching" || report.reason !== "none" || isBack || isFirst || isWhole) this.#advance(now, family);
    else this.#members.grantWan(now);
  }

  /** Progress on the controller's side of a transfer: the only progress known of a plain RFC 5415 peer, and a sign of life from any. */
  transferMoved(now: Instant, mac: MacAddress, bytesDone: number): void {
    const member = this.#running(mac);
    if (!member || hasEnded(member.state)) return;
    if (isCapable(this.#parts, member)) this.#members.moved(now, member);
    else this.#members.plainProgressed(now, member, bytesDone);
  }

  /** A transfer to a plain RFC 5415 peer ended; peers of our own report by themselves. */
  transferEnded(now: Instant, mac: MacAddress, fault: Fault | null): void {
    const member = this.#running(mac);
    if (!member || hasEnded(member.state) || isCapable(this.#parts, member)) return;
    if (fault) this.#setbacks.failed(now, member, fault);
    else this.#complete(now, member, "wan");
    this.#advance(now, member.family);
  }

  /** The last report of a primary's sessions may come after the end of the run; an abort ends the sessions themselves. */
  served(now: Instant, mac: MacAddress, report: ApServing): void {
    const member = this.#parts.runs.latestOfAp(mac);
    if (!member || member.run.id !== report.runId || member.run.state === "aborted" || primaryOf(member.family) !== mac) return;
    this.#primaries.served(member.family, report);
    if (isRunning(member.run)) this.#advance(now, member.family);
  }

  /** An AP answers the challenge to prove what it claims. */
  proved(now: Instant, mac: MacAddress, proof: HoldingProof): void {
    const member = this.#running(mac);
    if (member) this.#settle(now, this.#proofs.given(member, proof));
  }

  challengeAnswered(now: Instant, mac: MacAddress, { resultCode, refusal }: Answer): void {
    const member = this.#running(mac);
    if (!member || isSuccess(resultCode)) return;
    const why = refusal?.detail || `result code ${resultCode}`;
    this.#settle(now, this.#proofs.refused(member, `claims to hold the image, but refused to prove it: ${why}`));
  }

  /** @param proof null where the controller's own file cannot be read */
  proofExpected(now: Instant, question: ProofQuestion, proof: Uint8Array | null): void {
    const member = this.#running(question.mac);
    if (member) this.#settle(now, this.#proofs.expected(member, question, proof));
  }

  /** A server sent a wrong chunk. Reported by two APs, it serves no others for the rest of the run. */
  blamed(now: Instant, mac: MacAddress, { runId, server }: ApChunkFault): void {
    const reporter = this.#running(mac);
    if (!reporter || reporter.run.id !== runId) return;
    const { family } = reporter;
    for (const liar of family.members.values()) {
      const at = tftpServerFor(this.#parts, reporter, liar.mac);
      if (liar === reporter || !at || !sameEndpoint(at, server)) continue;
      reporter.avoids.add(liar.mac);
      const reporters = family.blamed.get(liar.mac) ?? new Set();
      family.blamed.set(liar.mac, reporters.add(mac));
      if (reporters.size >= reportersToStepDown && !family.steppedDown.has(liar.mac)) this.#primaries.distrust(now, liar);
    }
    this.#advance(now, family);
  }

  wake(now: Instant): void {
    for (let verdict = this.#proofs.takeOverdue(now); verdict; verdict = this.#proofs.takeOverdue(now)) this.#settle(now, verdict);
    for (let silent = this.#members.takeSilent(now); silent; silent = this.#members.takeSilent(now)) {
      this.#setbacks.silent(now, silent);
      this.#advance(now, silent.family);
    }
    for (let family = this.#primaries.takeGraceOver(now); family; family = this.#primaries.takeGraceOver(now)) {
      this.#primaries.graceOver(now, family);
      this.#advance(now, family);
    }
  }

  // ---- beginning and end of a run ------------------------------------------------------------------------------------

  /** Carries a plan out, unless it is a refusal. */
  #begin(now: Instant, plan: RunPlan): Result<StartedRun> {
    const { refusal, group, release, open, families, members, leftOut } = plan;
    if (refusal) return failure(refusal.code, refusal.message);
    const { runs, outbox } = this.#parts;
    const run = runs.create(now, group, release, open);
    outbox.event({ type: "run-started", runId: run.id, group, release });
    for (const { family, image } of families) {
      runs.addFamily(run, family, image);
      if (image) outbox.checkImage(image.sha256);
    }
    for (const { mac, family } of members) this.#roster.enroll(now, mac, run.families.get(family) as Family);
    for (const { family: name, choice } of families) {
      const family = run.families.get(name) as Family;
      this.#primaries.appoint(now, family, choice);
    }
    for (const ap of leftOut) this.#roster.leaveOut(now, run, ap);
    for (const family of run.families.values()) this.#advance(now, family);
    return success({ runId: run.id, leftOut: notTakingPart(plan) });
  }

  #advance(now: Instant, family: Family): void {
    if (isRunning(family.run)) this.#primaries.advance(now, family);
    while (this.#setbacks.stopDamaged(now, family)) this.#primaries.advance(now, family);
    this.#members.grantWan(now);
    this.#finishWhenDone(now, family.run);
  }

  #finishWhenDone(now: Instant, run: Run): void {
    const outcome = isRunning(run) ? outcomeOf(run) : undefined;
    if (outcome === undefined) return;
    run.state = outcome;
    this.#close(now, run);
  }

  #close(now: Instant, run: Run): void {
    const { runs, outbox } = this.#parts;
    run.finishedAt = now;
    for (const family of run.families.values()) this.#primaries.stopWaiting(family);
    for (const member of run.members.values()) this.#proofs.withdraw(member);
    runs.saveRun(run);
    outbox.event({ type: "run-finished", runId: run.id, group: run.group, state: run.state });
    this.#members.grantWan(now);
  }

  // ---- one member ----------------------------------------------------------------------------------------------------

  /** The AP says that it has the image. */
  #claimed(now: Instant, member: Member, path: ClaimedPath): void {
    if (isCredible(member, path)) {
      this.#complete(now, member, path);
      return;
    }
    this.#proofs.demand(now, member, path);
    this.#members.moved(now, member);
  }

  /** @returns whether the primary stepped down for it. One that others got wrong bytes from may not have the image that it claims. */
  #complained(now: Instant, member: Member, report: ApReport): boolean {
    const former = this.#primaries.complained(now, member, report);
    if (former?.state.phase === "complete") this.#proofs.demand(now, former, former.source);
    return former !== undefined;
  }

  #settle(now: Instant, verdict: ProofVerdict | undefined): void {
    if (!verdict) return;
    const { member } = verdict;
    if (verdict.holds) this.#complete(now, member, verdict.path);
    else this.#setbacks.unproven(now, member, verdict.detail);
    this.#advance(now, member.family);
  }

  #complete(now: Instant, member: Member, path: ClaimedPath): void {
    if (path === "lan") this.#primaries.hasServed(member);
    if (isTakingPart(member)) this.#members.complete(now, member, path);
    this.#primaries.completed(now, member);
  }

  /**
   * An AP whose part is over for the controller: after an abort, after "already present" in answer to a repeated order, after
   * the run's end. What it completed is complete and what moved has moved; the run's own end stays as it was.
   */
  #reportedLate(now: Instant, mac: MacAddress, report: ApReport): void {
    const { runs, outbox } = this.#parts;
    const member = runs.get(report.runId)?.members.get(mac);
    if (!isFinal(report) && member?.state.phase !== "complete") outbox.tell(mac, { type: "abort", runId: report.runId });
    if (member) this.#members.noteLate(now, member, report, isCredible(member, claimedPath(report)));
  }

  /** Its slots hold the image no more, by its own inventory. */
  #hasLostImage({ mac, family: { image } }: Member): boolean {
    const ap = this.#parts.inventory.get(mac);
    return image !== null && ap !== undefined && ap.record.slots !== null && !holdsImage(ap, image.sha256);
  }

  #running(mac: MacAddress): Member | undefined {
    return this.#parts.runs.runningOfAp(mac);
  }
}
