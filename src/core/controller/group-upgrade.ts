/**
 * The upgrade runs. Per image family: a primary is elected and fetches over the WAN, then the others are
 * released to fetch from it; who cannot falls back to the WAN queue. Every input ends in `#advance`, which
 * compares what is with what should be and orders the difference, so a lost primary, a late joiner and a
 * restart of the controller take the same path as the start of a run.
 *
 * An AP takes part in one run at a time.
 */
import { type Result, success } from "../../base/failure.js";
import { unreachable } from "../../base/invariant.js";
import type { MacAddress } from "../../base/mac-address.js";
import type { Instant } from "../../base/time.js";
import { TimerTable } from "../../base/timer-table.js";
import type { FailureReason, ServingReport, UpgradeReport } from "../../wire/capwap/vendor.js";
import { limits, type ReleaseName } from "../upgrade/limits.js";
import type { Answer, ApCommand } from "./ap-port.js";
import { type Groups, newGroup } from "./groups.js";
import type { ImageCatalogue } from "./image-catalogue.js";
import { holdsImage, type Inventory, type KnownAp } from "./inventory.js";
import type { Outbox } from "./outbox.js";
import { choosePrimary, isSteady, type PrimaryChoice } from "./primary-choice.js";
import type { GroupRecord, ImageRecord } from "./records.js";
import { refuse } from "./refusals.js";
import { hasEnded, isRunning, type Member, type MemberPhase, type Run, type RunImage } from "./run.js";
import type { LiveFamily, LiveMember, RunTable } from "./run-table.js";
import type { ControllerTimings } from "./timings.js";
import { upgradeCommand } from "./upgrade-order.js";
import { WanQueue } from "./wan-queue.js";

export interface GroupUpgradeParts {
  readonly inventory: Inventory;
  readonly groups: Groups;
  readonly catalogue: ImageCatalogue;
  readonly runs: RunTable;
  readonly outbox: Outbox;
  readonly timings: ControllerTimings;
  readonly sessionsMax: number;
  readonly wanTransfersMax: number;
}

/** RFC 5415 §4.6.35. */
const success0 = 0;
const imageAlreadyPresent = 17;

/** Failures that another attempt over the WAN may cure; the rest are the AP's own condition. */
const passing: ReadonlySet<FailureReason> = new Set([
  "checksum-mismatch",
  "size-mismatch",
  "transfer-timeout",
  "transfer-error",
  "controller-lost",
  "busy",
]);

const isFinal = ({ state }: UpgradeReport): boolean => state === "complete" || state === "failed" || state === "aborted";
const wasLost = ({ phase, reason }: Member): boolean => phase === "failed" && reason === "ap-lost";

/** In an open run: the source document's election. Later, and in a run for one AP, an AP that has the image goes first. */
const isFirstElection = ({ run, stored }: LiveFamily): boolean => run.open && stored.steppedDown.size === 0;

/** The AP counts over the whole run; an older report must not take anything back. */
function noteBytes(member: Member, { wanBytes, lanBytes }: UpgradeReport): void {
  member.wanBytes = Math.max(member.wanBytes, wanBytes);
  member.lanBytes = Math.max(member.lanBytes, lanBytes);
}

const runImage = (family: string, { version, fileName, sizeBytes, sha256 }: ImageRecord): RunImage => ({
  family,
  version,
  fileName,
  sizeBytes,
  sha256,
});

const nobody: PrimaryChoice = { mac: null, manual: false, holds: false, wave2: false, warning: null };

/** Lane of the WAN queue for APs outside a group. */
const noGroupLane = "";

export class GroupUpgrade {
  readonly #parts: GroupUpgradeParts;
  readonly #timers = new TimerTable<LiveMember | LiveFamily>();
  readonly #wan: WanQueue;

  /** Runs that were going on when the controller died go on: their APs have `absentMs` to come back. */
  constructor(now: Instant, parts: GroupUpgradeParts) {
    this.#parts = parts;
    this.#wan = new WanQueue(parts.wanTransfersMax, (lane) =>
      lane === noGroupLane ? parts.wanTransfersMax : this.#policy(lane).wan.transfersMax,
    );
    for (const run of parts.runs.running()) {
      for (const { mac } of run.members.values()) {
        const live = this.#running(mac);
        if (live && !hasEnded(live.stored)) this.#arm(live, "rejoin", now + parts.timings.absentMs);
      }
      for (const family of run.families.values()) parts.runs.liveFamily(family).primaryLostAt = now;
    }
  }

  nextWakeAt(): Instant | undefined {
    return this.#timers.nextAt();
  }

  get wan(): WanQueue {
    return this.#wan;
  }

  // ---- operator ------------------------------------------------------------------------------------------------------

  startGroup(now: Instant, group: GroupRecord, release: ReleaseName): Result<{ runId: number }> {
    if (!group.predownload) return refuse.predownloadOff(group.name);
    if (this.#parts.runs.runningOfGroup(group.name)) return refuse.groupBusy(group.name);
    const aps = group.aps.flatMap((mac) => this.#freeAp(mac) ?? []);
    if (aps.length === 0) return refuse.noJoinedAps(`of group "${group.name}"`);
    const refused = this.#refuseWithoutImage(aps, release);
    if (refused) return refused;
    return success({ runId: this.#begin(now, group.name, release, true, aps).id });
  }

  /** A run for one AP of a group that shares over the LAN: from an AP that has the image, else over the WAN. */
  startOne(now: Instant, group: GroupRecord, ap: KnownAp, release: ReleaseName): Result<{ runId: number }> {
    if (this.#parts.runs.runningOfGroup(group.name)) return refuse.groupBusy(group.name);
    const refused = this.#refuseWithoutImage([ap], release);
    if (refused) return refused;
    const image = this.#parts.catalogue.imageFor(release, ap.family) as ImageRecord;
    const others = group.aps.flatMap((mac) => (mac === ap.record.mac ? [] : (this.#freeAp(mac) ?? [])));
    const holders = others.filter((other) => other.family === ap.family && holdsImage(other, image.sha256));
    const { mac } = choosePrimary(holders, group, this.#parts.inventory, {
      family: ap.family,
      sizeBytes: image.sizeBytes,
      holds: () => true,
      steppedDown: new Set(),
      preferHolders: true,
    });
    const server = holders.filter((holder) => holder.record.mac === mac);
    return success({ runId: this.#begin(now, group.name, release, false, [ap, ...server]).id });
  }

  /** A run over the WAN alone, for APs without a group or with the feature off. */
  startOverWan(now: Instant, aps: readonly KnownAp[], release: ReleaseName): Result<{ runId: number }> {
    const refused = this.#refuseWithoutImage(aps, release);
    if (refused) return refused;
    return success({ runId: this.#begin(now, null, release, false, aps).id });
  }

  /** Ends a run: transfers stop, partial files go, verified images stay. */
  abort(now: Instant, run: Run): void {
    run.state = "aborted";
    for (const { mac } of run.members.values()) {
      const live = this.#parts.runs.latestOfAp(mac);
      if (live?.run === run) this.#abortMember(now, live);
    }
    this.#close(now, run);
  }

  /** Takes one AP out of its run; the others go on. */
  abortAp(now: Instant, mac: MacAddress): void {
    const live = this.#running(mac);
    if (!live) return;
    this.#abortMember(now, live);
    if (live.family.stored.primary === mac) this.#vacate(live.family, "taken out of the run");
    this.#advance(now, live.family);
  }

  /** The AP was put in a group: if the group is being upgraded, it takes part. */
  enlist(now: Instant, mac: MacAddress): void {
    const run = this.#openRunFor(mac);
    const ap = run && this.#freeAp(mac);
    if (run && ap) this.#advance(now, this.#enroll(now, run, ap).family);
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
    else if (stored.phase === "complete" && family.stored.primary === mac) this.#tellToServe(now, live);
    else if (stored.phase === "pending") this.#stopWaiting(live);
    else if (!hasEnded(stored)) this.#arm(live, "resync", now + this.#parts.timings.resyncMs);
    this.#advance(now, family);
  }

  left(now: Instant, mac: MacAddress): void {
    const live = this.#running(mac);
    if (!live) return;
    const { stored, family } = live;
    this.#wan.leave(mac);
    live.nextRetryAt = null;
    if (family.stored.primary === mac) {
      family.serving = "no";
      family.served = null;
      family.primaryLostAt = now;
    }
    if (!hasEnded(stored)) this.#arm(live, "rejoin", now + this.#parts.timings.absentMs);
    this.#advance(now, family);
    this.#grantWan(now);
  }

  answered(now: Instant, mac: MacAddress, command: ApCommand & { type: "upgrade" }, { resultCode, refusal }: Answer): void {
    const live = this.#running(mac);
    if (!live || live.run.id !== command.runId) return;
    const { stored, family } = live;
    if (command.order && command.order.role !== stored.role) return;
    const toServe = family.serving === "told" && family.stored.primary === mac;
    if (resultCode === imageAlreadyPresent) {
      if (toServe) family.serving = "yes";
      if (!hasEnded(stored)) this.#complete(now, live, null);
    } else if (resultCode !== success0) {
      const reason = refusal?.reason ?? "transfer-error";
      this.#failed(now, live, reason, refusal?.detail || `answered the order with result code ${resultCode}`);
    } else if (toServe) {
      // Its copy is not what its inventory says: it fetches after all.
      family.serving = "no";
      stored.endedAt = null;
      this.#setPhase(live, "ordered");
      this.#arm(live, "report", now + this.#parts.timings.silenceMs);
    }
    this.#advance(now, family);
  }

  reported(now: Instant, mac: MacAddress, report: UpgradeReport): void {
    const live = this.#running(mac);
    if (live?.run.id === report.runId && wasLost(live.stored)) this.#revive(live);
    if (live?.run.id !== report.runId || hasEnded(live.stored)) {
      this.#reportedLate(mac, report);
      return;
    }
    const { stored } = live;
    this.#note(now, live, report);
    const resyncs = live.waitsFor === "resync";
    switch (report.state) {
      case "complete":
        this.#complete(now, live, report.path === "none" ? null : report.path);
        break;
      case "failed":
      case "aborted":
        this.#failed(now, live, report.reason === "none" ? "aborted" : report.reason, report.detail);
        break;
      case "needs-wan":
        this.#outOfTries(now, live, report, resyncs);
        break;
      case "initiated":
      case "fetching":
      case "waiting":
        if (resyncs && stored.role !== "subordinate") this.#askWan(live);
        else this.#progress(now, live, report);
        break;
      default:
        unreachable(report.state);
    }
    if (live.state !== "fetching" || hasEnded(stored)) this.#advance(now, live.family);
  }

  /** The controller's own side of a transfer: the only word of a plain RFC 5415 peer, and a sign of life of any. */
  transferMoved(now: Instant, mac: MacAddress, bytesDone: number, bytesSent: number): void {
    const live = this.#running(mac);
    if (!live || hasEnded(live.stored)) return;
    if (this.#isCapable(mac)) {
      if (live.waitsFor === "report") this.#arm(live, "report", now + this.#parts.timings.silenceMs);
      return;
    }
    live.bytesDone = bytesDone;
    live.state = "fetching";
    live.path = "wan";
    live.stored.wanBytes = Math.max(live.stored.wanBytes, bytesSent);
    if (live.stored.phase !== "active") this.#setPhase(live, "active");
    this.#arm(live, "report", now + this.#parts.timings.silenceMs);
    this.#eventProgress(live);
  }

  /** A transfer to a plain RFC 5415 peer ended; peers of our own report by themselves. */
  transferEnded(now: Instant, mac: MacAddress, failure: { reason: FailureReason; detail: string } | null): void {
    const live = this.#running(mac);
    if (!live || hasEnded(live.stored) || this.#isCapable(mac)) return;
    if (failure) this.#failed(now, live, failure.reason, failure.detail);
    else this.#complete(now, live, "wan");
    this.#advance(now, live.family);
  }

  /** The last word on a primary's sessions may come after the end of the run. */
  served(mac: MacAddress, report: ServingReport): void {
    const { runs } = this.#parts;
    const live = runs.latestOfAp(mac);
    const family = live?.family;
    if (!family || live.run.id !== report.runId || family.stored.primary !== mac) return;
    family.served = report;
    if (report.sessionsPeak > family.stored.sessionsPeak) {
      family.stored.sessionsPeak = report.sessionsPeak;
      runs.saveRun(live.run);
    }
  }

  wake(now: Instant): void {
    for (let due = this.#timers.takeDue(now); due; due = this.#timers.takeDue(now)) {
      if (due.kind === "member") this.#memberDue(now, due);
      else this.#familyDue(now, due);
    }
  }

  // ---- beginning and end ---------------------------------------------------------------------------------------------

  #refuseWithoutImage(aps: readonly KnownAp[], release: ReleaseName): ReturnType<typeof refuse.noImage> | undefined {
    const families = [...new Set(aps.map(({ family }) => family))];
    if (families.some((family) => this.#parts.catalogue.imageFor(release, family))) return undefined;
    return refuse.noImage(release, families.sort().join(", "));
  }

  #begin(now: Instant, group: string | null, release: ReleaseName, open: boolean, aps: readonly KnownAp[]): Run {
    const { runs, outbox } = this.#parts;
    const run = runs.create(now, group, release, open);
    outbox.event({ type: "run-started", runId: run.id, group, release });
    for (const ap of aps) this.#enroll(now, run, ap);
    for (const family of run.families.values()) this.#advance(now, runs.liveFamily(family));
    return run;
  }

  #enroll(now: Instant, run: Run, ap: KnownAp): LiveMember {
    const { runs, catalogue } = this.#parts;
    const { mac } = ap.record;
    const known = run.families.get(ap.family);
    const image = catalogue.imageFor(run.release, ap.family);
    const family = known ? runs.liveFamily(known) : runs.addFamily(run, ap.family, image && runImage(ap.family, image));
    const live = runs.addMember(run, {
      mac,
      family: ap.family,
      role: "subordinate",
      phase: family.stored.image ? "pending" : "unsupported",
      source: null,
      server: null,
      refetch: false,
      tries: 0,
      wanTries: 0,
      wanBytes: 0,
      lanBytes: 0,
      startedAt: null,
      endedAt: family.stored.image ? null : now,
      reason: "none",
      detail: family.stored.image ? "" : `the ${run.release} release has no image for ${ap.family}`,
    });
    if (live.stored.phase === "pending" && (run.group === null || !ap.session?.capable)) this.#askWan(live, "fallback");
    return live;
  }

  #openRunFor(mac: MacAddress): Run | undefined {
    const group = this.#parts.groups.of(mac);
    const run = group && this.#parts.runs.runningOfGroup(group.name);
    return run?.open ? run : undefined;
  }

  #finishWhenDone(now: Instant, run: Run): void {
    if (!isRunning(run)) return;
    let complete = 0;
    let aborted = 0;
    let unsupported = 0;
    for (const member of run.members.values()) {
      if (!hasEnded(member)) return;
      if (member.phase === "complete") complete++;
      if (member.phase === "aborted") aborted++;
      if (member.phase === "unsupported") unsupported++;
    }
    const wanted = run.members.size - unsupported;
    if (complete === wanted) run.state = "complete";
    else if (complete > 0) run.state = "partial";
    else run.state = aborted === wanted ? "aborted" : "failed";
    this.#close(now, run);
  }

  #close(now: Instant, run: Run): void {
    run.finishedAt = now;
    for (const family of run.families.values()) this.#timers.clear(this.#parts.runs.liveFamily(family));
    this.#parts.runs.saveRun(run);
    this.#parts.outbox.event({ type: "run-finished", runId: run.id, group: run.group, state: run.state });
    this.#grantWan(now);
  }

  // ---- what should be ------------------------------------------------------------------------------------------------

  #advance(now: Instant, family: LiveFamily): void {
    const { run } = family;
    if (isRunning(run) && run.group !== null && family.stored.image && this.#someoneWants(family)) {
      this.#providePrimary(now, family);
      this.#releaseSubordinates(now, family);
    }
    this.#grantWan(now);
    this.#finishWhenDone(now, run);
  }

  #someoneWants(family: LiveFamily): boolean {
    for (const { stored } of family.members.values()) if (!hasEnded(stored) && stored.role !== "fallback") return true;
    this.#timers.clear(family);
    return false;
  }

  #providePrimary(now: Instant, family: LiveFamily): void {
    const { primary } = family.stored;
    const { primaryGraceMs, absentMs } = this.#parts.timings;
    if (primary !== null && this.#parts.inventory.isJoined(primary)) {
      family.primaryLostAt = null;
      this.#timers.clear(family);
      return;
    }
    if (primary === null) {
      const choice = this.#choose(family, this.#candidates(family), !isFirstElection(family));
      if (choice.mac !== null) {
        this.#appoint(now, family, choice);
        return;
      }
      if (family.stored.warning !== choice.warning) {
        family.stored.warning = choice.warning;
        this.#parts.runs.saveRun(family.run);
      }
    }
    if (this.#timers.has(family)) return;
    const waits = primary === null && this.#group(family.run).wan.fallback === "wait";
    this.#timers.set(family, now + (waits ? absentMs : primaryGraceMs));
  }

  /** The primary has been away for the grace time, or there has been nobody to elect for as long. */
  #familyDue(now: Instant, family: LiveFamily): void {
    const { stored, primaryLostAt } = family;
    if (!isRunning(family.run)) return;
    if (stored.primary !== null) {
      const lostAt = primaryLostAt ?? now;
      const choice = this.#lanIsAlive(now, family) ? undefined : this.#choose(family, this.#successors(now, family, lostAt), true);
      const isGone = now - lostAt >= this.#parts.timings.absentMs;
      if (choice?.mac || isGone) this.#stepDown(family, "left and did not come back in time");
      if (choice?.mac) this.#appoint(now, family, choice);
    } else if (stored.primary === null) {
      for (const live of family.members.values()) {
        if (live.stored.phase === "pending" && this.#parts.inventory.isJoined(live.stored.mac)) this.#withoutPrimary(now, live);
      }
    }
    this.#advance(now, family);
  }

  /** Subordinates get bytes from the lost primary: only its way to the controller is gone. */
  #lanIsAlive(now: Instant, family: LiveFamily): boolean {
    const since = now - 2 * this.#parts.timings.primaryGraceMs;
    for (const { stored, path, movedAt } of family.members.values()) {
      if (stored.phase === "active" && path === "lan" && movedAt !== null && movedAt >= since) return true;
    }
    return false;
  }

  #choose(family: LiveFamily, aps: readonly KnownAp[], preferHolders: boolean): PrimaryChoice {
    const { family: name, image, steppedDown } = family.stored;
    if (!image) return nobody;
    return choosePrimary(aps, this.#group(family.run), this.#parts.inventory, {
      family: name,
      sizeBytes: image.sizeBytes,
      // An AP's report can be ahead of its inventory.
      holds: (ap) => family.members.get(ap.record.mac)?.stored.phase === "complete" || holdsImage(ap, image.sha256),
      steppedDown,
      preferHolders,
    });
  }

  #appoint(now: Instant, family: LiveFamily, choice: PrimaryChoice): void {
    const { runs, outbox } = this.#parts;
    const mac = choice.mac as MacAddress;
    const because = isFirstElection(family) ? "start" : choice.holds ? "holder" : "next-eligible";
    const live = family.members.get(mac) as LiveMember;
    Object.assign(family.stored, { primary: mac, manual: choice.manual, warning: choice.warning });
    family.primaryLostAt = null;
    family.serving = "no";
    family.served = null;
    this.#timers.clear(family);
    runs.saveRun(family.run);
    outbox.event({
      type: "primary-elected",
      runId: family.run.id,
      family: family.stored.family,
      mac,
      manual: choice.manual,
      because,
      warning: choice.warning,
    });
    live.stored.role = "primary";
    live.stored.server = null;
    // The source document's Wave 2 rule is about the start of a run; a successor that holds the image saves a copy.
    live.stored.refetch = because !== "holder" && choice.holds && choice.wave2 && this.#group(family.run).wave2Refetch;
    runs.saveMember(live);
    if (choice.holds && !live.stored.refetch) this.#tellToServe(now, live);
    else this.#askWan(live);
  }

  /** The primary loses its office for this run, and waits for its successor unless it has the image. */
  #stepDown(family: LiveFamily, why: string): void {
    const live = family.members.get(family.stored.primary as MacAddress) as LiveMember;
    this.#vacate(family, why);
    if (!hasEnded(live.stored)) this.#setPhase(live, "pending");
  }

  #vacate(family: LiveFamily, why: string): void {
    const mac = family.stored.primary as MacAddress;
    const live = family.members.get(mac) as LiveMember;
    live.stored.role = "subordinate";
    live.stored.refetch = false;
    family.stored.steppedDown.add(mac);
    family.stored.primary = null;
    family.serving = "no";
    family.served = null;
    this.#wan.leave(mac);
    this.#timers.clear(family);
    this.#parts.runs.saveMember(live);
    this.#parts.runs.saveRun(family.run);
    this.#parts.outbox.event({ type: "primary-lost", runId: family.run.id, family: family.stored.family, mac, why });
  }

  #releaseSubordinates(now: Instant, family: LiveFamily): void {
    const { primary } = family.stored;
    if (family.serving !== "yes" || primary === null) return;
    for (const live of family.members.values()) {
      const { stored, state } = live;
      if (stored.role !== "subordinate" || hasEnded(stored) || !this.#parts.inventory.isJoined(stored.mac)) continue;
      if (live.waitsFor === "resync") continue;
      const misled = stored.phase !== "pending" && stored.server !== primary && state !== "fetching";
      if (stored.phase !== "pending" && !misled) continue;
      stored.server = primary;
      this.#order(now, live);
    }
  }

  /** No eligible primary is in sight: what the group's fallback policy says. */
  #withoutPrimary(now: Instant, live: LiveMember): void {
    if (this.#group(live.run).wan.fallback === "fallback") this.#askWan(live, "fallback");
    else this.#end(now, live, "failed", "primary-unreachable", "no AP of its model can be primary");
  }

  #outOfTries(now: Instant, live: LiveMember, report: UpgradeReport, resyncs: boolean): void {
    const { stored, family, run } = live;
    const { primary } = family.stored;
    if (stored.role === "fallback") {
      // Said before it heard of its order, or again after a rejoin.
      if (resyncs) this.#askWan(live);
      return;
    }
    const hasNewPrimary = primary !== null && stored.server !== primary;
    if (hasNewPrimary || (primary !== null && !this.#parts.inventory.isJoined(primary))) {
      this.#stopWaiting(live);
      this.#setPhase(live, "pending");
      return;
    }
    const { fallback } = this.#group(run).wan;
    if (fallback === "fail") {
      this.#end(now, live, "failed", report.reason === "none" ? "primary-unreachable" : report.reason, report.detail);
    } else if (fallback === "fallback" && this.#budgetAllows(live)) {
      this.#askWan(live, "fallback");
    } else {
      this.#stopWaiting(live);
      this.#setPhase(live, "pending");
    }
  }

  #budgetAllows({ run, family }: LiveMember): boolean {
    const { fallbackApsMax, fallbackBytesMax } = this.#group(run).wan;
    if (fallbackApsMax === null && fallbackBytesMax === null) return true;
    let aps = 1;
    let bytes = family.stored.image?.sizeBytes ?? 0;
    for (const { role, family: name } of run.members.values()) {
      if (role !== "fallback") continue;
      aps++;
      bytes += run.families.get(name)?.image?.sizeBytes ?? 0;
    }
    return aps <= (fallbackApsMax ?? aps) && bytes <= (fallbackBytesMax ?? bytes);
  }

  // ---- orders --------------------------------------------------------------------------------------------------------

  #askWan(live: LiveMember, role?: "fallback"): void {
    const { stored, run } = live;
    if (role) stored.role = role;
    this.#stopWaiting(live);
    this.#wan.leave(stored.mac);
    if (stored.phase === "queued") this.#parts.runs.saveMember(live);
    else this.#setPhase(live, "queued");
    const lane = run.group ?? this.#parts.groups.of(stored.mac)?.name ?? noGroupLane;
    this.#wan.ask(stored.mac, lane, stored.role === "primary");
  }

  #grantWan(now: Instant): void {
    for (let mac = this.#wan.next(); mac; mac = this.#wan.next()) {
      const live = this.#running(mac);
      if (live) this.#order(now, live);
      else this.#wan.leave(mac);
    }
  }

  #order(now: Instant, live: LiveMember): void {
    const { stored } = live;
    stored.startedAt ??= now;
    live.state = null;
    live.nextRetryAt = null;
    live.reminded = false;
    this.#setPhase(live, "ordered");
    this.#tell(live);
    this.#arm(live, "report", now + this.#parts.timings.silenceMs);
  }

  /** A primary that has the image starts to offer it; it answers "image already present". */
  #tellToServe(now: Instant, live: LiveMember): void {
    live.family.serving = "told";
    if (hasEnded(live.stored)) this.#tell(live);
    else this.#order(now, live);
  }

  #tell({ run, family, stored }: LiveMember): void {
    const { inventory, outbox, sessionsMax } = this.#parts;
    const server = stored.server === null ? null : (inventory.get(stored.server)?.session?.tftp ?? null);
    const image = family.stored.image;
    if (!image) return;
    outbox.tell(
      stored.mac,
      upgradeCommand({
        runId: run.id,
        role: stored.role,
        image,
        policy: this.#group(run),
        server: stored.role === "subordinate" ? server : null,
        sessionsMax,
        refetch: stored.refetch && stored.phase !== "complete",
        capable: this.#isCapable(stored.mac),
      }),
    );
  }

  // ---- one member ----------------------------------------------------------------------------------------------------

  #memberDue(now: Instant, live: LiveMember): void {
    const { stored, waitsFor } = live;
    live.waitsFor = null;
    if (!isRunning(live.run) || hasEnded(stored)) return;
    if (waitsFor === "rejoin") this.#lost(now, live, "left and did not come back in time");
    else if (waitsFor === "resync") {
      if (stored.role === "subordinate") this.#setPhase(live, "pending");
      else this.#askWan(live);
    } else if (live.reminded) {
      this.#parts.outbox.tell(stored.mac, { type: "abort", runId: live.run.id });
      this.#lost(now, live, "is joined but sends no report");
    } else {
      live.reminded = true;
      this.#tell(live);
      this.#arm(live, "report", now + this.#parts.timings.silenceMs);
    }
    this.#advance(now, live.family);
  }

  #lost(now: Instant, live: LiveMember, detail: string): void {
    this.#end(now, live, "failed", "ap-lost", detail);
    if (live.family.stored.primary === live.stored.mac) this.#vacate(live.family, detail);
  }

  #note(now: Instant, live: LiveMember, report: UpgradeReport): void {
    const { stored } = live;
    if (report.bytesDone > live.bytesDone || report.lanBytes > stored.lanBytes || report.wanBytes > stored.wanBytes) live.movedAt = now;
    live.state = report.state;
    live.path = report.path;
    live.bytesDone = report.bytesDone;
    live.nextRetryAt = report.state === "waiting" && report.nextRetryMs > 0 ? now + report.nextRetryMs : null;
    stored.tries = Math.max(stored.tries, report.tries);
    noteBytes(stored, report);
  }

  /**
   * An AP whose part is over for the controller: after an abort, after "already present" in answer to a repeated order. The
   * account is still made up: what moved has moved.
   */
  #reportedLate(mac: MacAddress, report: UpgradeReport): void {
    const { runs, outbox } = this.#parts;
    const run = runs.get(report.runId);
    const stored = run?.members.get(mac);
    if (!isFinal(report) && stored?.phase !== "complete") outbox.tell(mac, { type: "abort", runId: report.runId });
    if (!run || !stored) return;
    const { wanBytes, lanBytes, source } = stored;
    noteBytes(stored, report);
    if (stored.phase === "complete" && source === null && report.path !== "none") stored.source = report.path;
    if (stored.wanBytes !== wanBytes || stored.lanBytes !== lanBytes || stored.source !== source) runs.saveMember({ run, stored });
  }

  #progress(now: Instant, live: LiveMember, report: UpgradeReport): void {
    const { stored } = live;
    live.reminded = false;
    // It may still tell of what it was ordered earlier, such as a primary that died and came back; its turn comes.
    if (stored.phase === "queued" || stored.phase === "pending") return;
    if (report.path !== "none") stored.source = report.path;
    if (stored.phase !== "active") this.#setPhase(live, "active");
    this.#arm(live, "report", now + this.#parts.timings.silenceMs + report.nextRetryMs);
    this.#eventProgress(live);
  }

  #complete(now: Instant, live: LiveMember, path: "wan" | "lan" | null): void {
    const { stored, family } = live;
    stored.source = path ?? stored.source;
    stored.startedAt ??= now;
    live.bytesDone = family.stored.image?.sizeBytes ?? 0;
    this.#end(now, live, "complete", "none", "");
    if (family.stored.primary === stored.mac) family.serving = "yes";
  }

  #failed(now: Instant, live: LiveMember, reason: FailureReason, detail: string): void {
    const { stored, family } = live;
    const isPrimary = family.stored.primary === stored.mac;
    if (hasEnded(stored) || (stored.role === "subordinate" && !isPrimary)) {
      // A holder that would not serve keeps its image; it just is no primary.
      if (isPrimary) this.#stepDown(family, `${reason}: ${detail}`);
      else this.#end(now, live, "failed", reason, detail);
      return;
    }
    stored.wanTries++;
    const mayTryAgain = passing.has(reason) && stored.wanTries < limits.wanTries;
    if (!mayTryAgain) {
      this.#end(now, live, "failed", reason, detail);
      if (isPrimary) this.#vacate(family, `${reason}: ${detail}`);
    } else if (isPrimary && this.#hasOtherCandidate(family, stored.mac)) {
      this.#stopWaiting(live);
      this.#stepDown(family, `${reason}: ${detail}`);
    } else {
      this.#askWan(live);
    }
  }

  #hasOtherCandidate(family: LiveFamily, mac: MacAddress): boolean {
    const others = this.#candidates(family).filter((ap) => ap.record.mac !== mac);
    return this.#choose(family, others, true).mac !== null;
  }

  #abortMember(now: Instant, live: LiveMember): void {
    const { stored, family, run } = live;
    const told = stored.phase === "ordered" || stored.phase === "active" || family.stored.primary === stored.mac;
    if (told) this.#parts.outbox.tell(stored.mac, { type: "abort", runId: run.id });
    if (!hasEnded(stored)) this.#end(now, live, "aborted", "aborted", "");
  }

  #revive(live: LiveMember): void {
    const { stored } = live;
    stored.endedAt = null;
    stored.reason = "none";
    stored.detail = "";
    stored.role = this.#isCapable(stored.mac) ? "subordinate" : "fallback";
    if (stored.role === "fallback") this.#askWan(live);
    else this.#setPhase(live, "pending");
  }

  #end(now: Instant, live: LiveMember, phase: "complete" | "failed" | "aborted", reason: FailureReason, detail: string): void {
    const { stored } = live;
    this.#stopWaiting(live);
    this.#wan.leave(stored.mac);
    live.nextRetryAt = null;
    stored.endedAt = now;
    stored.reason = reason;
    stored.detail = detail;
    this.#setPhase(live, phase);
  }

  #setPhase(live: LiveMember, phase: MemberPhase): void {
    const { stored, run } = live;
    stored.phase = phase;
    this.#parts.runs.saveMember(live);
    const { mac, role, reason, detail } = stored;
    this.#parts.outbox.event({ type: "ap-phase", runId: run.id, mac, role, phase, reason, detail });
  }

  #eventProgress({ run, family, stored, path, bytesDone, nextRetryAt }: LiveMember): void {
    this.#parts.outbox.event({
      type: "ap-progress",
      runId: run.id,
      mac: stored.mac,
      path,
      bytesDone,
      bytesTotal: family.stored.image?.sizeBytes ?? 0,
      tries: stored.tries,
      nextRetryAt,
    });
  }

  #arm(live: LiveMember, what: NonNullable<LiveMember["waitsFor"]>, at: Instant): void {
    live.waitsFor = what;
    this.#timers.set(live, at);
  }

  #stopWaiting(live: LiveMember): void {
    live.waitsFor = null;
    this.#timers.clear(live);
  }

  // ---- look-ups ------------------------------------------------------------------------------------------------------

  #running(mac: MacAddress): LiveMember | undefined {
    return this.#parts.runs.runningOfAp(mac);
  }

  #isCapable(mac: MacAddress): boolean {
    return this.#parts.inventory.get(mac)?.session?.capable ?? false;
  }

  /** A joined AP that no run holds. */
  #freeAp(mac: MacAddress): KnownAp | undefined {
    const ap = this.#parts.inventory.get(mac);
    const live = this.#running(mac);
    return ap?.session && (!live || hasEnded(live.stored)) ? ap : undefined;
  }

  #group(run: Run): GroupRecord {
    return this.#policy(run.group ?? noGroupLane);
  }

  #policy(name: string): GroupRecord {
    const group = this.#parts.groups.find(name);
    return group.ok ? group.value : newGroup(name);
  }

  /** Members that could be primary: not those whose part is over without an image, nor those that use the WAN. */
  #candidates(family: LiveFamily): KnownAp[] {
    return [...family.members.values()].flatMap(({ stored }) => {
      const stands = stored.phase === "complete" || (!hasEnded(stored) && stored.role !== "fallback");
      return stands ? (this.#parts.inventory.get(stored.mac) ?? []) : [];
    });
  }

  #successors(now: Instant, family: LiveFamily, lostAt: Instant): KnownAp[] {
    const { inventory, timings } = this.#parts;
    const settledBefore = now - timings.rejoinGraceMs;
    return this.#candidates(family).filter(
      (ap) => ap.record.mac !== family.stored.primary && isSteady(ap, inventory.heardAt(ap.record.mac), lostAt, settledBefore),
    );
  }
}
