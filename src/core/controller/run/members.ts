/**
 * The APs of all runs: carries out what their states ask for. A state decides how long the AP is waited for and whether it has a place
 * on the WAN, so the timers and the WAN queue follow every transition.
 */
import { type Endpoint, sameEndpoint } from "../../../base/endpoint.js";
import type { Instant } from "../../../base/time.js";
import { TimerTable } from "../../../base/timer-table.js";
import { limits } from "../../upgrade/limits.js";
import type { ApReport } from "../ap-port.js";
import {
  type Fault,
  hasEnded,
  isWorking,
  type MemberEnd,
  type MemberEvent,
  type MemberState,
  nextState,
  noFault,
  roleOf,
  type Task,
  type WanTask,
} from "./member-state.js";
import { heardNothing, isTakingPart, type Member, primaryOf, wanBytesOf } from "./run.js";
import { isCapable, policyOf, type RunParts } from "./run-parts.js";
import { tftpServerFor } from "./tftp-address.js";
import { chunksOf, Tree } from "./tree.js";
import { type OrderFacts, upgradeCommand } from "./upgrade-order.js";
import { WanQueue } from "./wan-queue.js";

/** Lane of the WAN queue for APs outside a group. */
const noGroupLane = "";

/** The longest back-off that an AP can be set to. */
const busyMsMax = limits.backoffSeconds.ceiling * 1000;

const bytesOf = (member: Member) => ({ wanBytes: wanBytesOf(member), lanBytes: member.lanBytes });

export class Members {
  /** When the AP is no longer waited for. */
  readonly #timers = new TimerTable<Member>();
  readonly #wan: WanQueue;
  readonly #parts: RunParts;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#wan = new WanQueue(parts.wanTransfersMax, (lane) =>
      lane === noGroupLane ? parts.wanTransfersMax : policyOf(parts, lane).wan.transfersMax,
    );
  }

  nextWakeAt(): Instant | undefined {
    return this.#timers.nextAt();
  }

  /** The next AP that was waited for in vain. */
  takeSilent(now: Instant): Member | undefined {
    return this.#timers.takeDue(now);
  }

  // ---- the one way to change a state ---------------------------------------------------------------------------------

  /** @param busyMs how long the AP is known to be busy, on top of the usual patience */
  transition(now: Instant, member: Member, event: MemberEvent, busyMs = 0): void {
    const before = member.state;
    const after = nextState(now, before, event);
    member.state = after;
    this.#arm(now, member, before, busyMs);
    this.#takeWanPlace(member, event);
    if (!isStoredChange(before, after)) return;
    this.#parts.runs.saveMember(member);
    if (after.phase !== before.phase || event.type === "ordered") this.#announce(member);
  }

  #arm(now: Instant, member: Member, before: MemberState, busyMs: number): void {
    const { state } = member;
    const patienceMs = this.#patienceMs(state);
    if (patienceMs === undefined) this.#timers.clear(member);
    else if (isAway(before) && isAway(state) && this.#timers.has(member)) return;
    else this.#timers.set(member, now + patienceMs + busyMs);
  }

  /** How long an AP in this state may be silent; undefined where nothing is expected of it. */
  #patienceMs(state: MemberState): number | undefined {
    const { absentMs, resyncMs, silenceMs } = this.#parts.timings;
    if (hasEnded(state)) return undefined;
    if (state.contact === "away") return absentMs;
    if (state.contact === "rejoined" || state.contact === "stopped") return resyncMs;
    return isWorking(state) ? silenceMs : undefined;
  }

  #takeWanPlace(member: Member, event: MemberEvent): void {
    const { mac, run, state } = member;
    const keeps = isWorking(state) && state.task.role !== "subordinate" && state.contact === "here";
    if (!keeps) this.#wan.leave(mac);
    if (event.type !== "queued") return;
    const lane = run.group ?? this.#parts.groups.of(mac)?.name ?? noGroupLane;
    this.#wan.ask(mac, lane, event.task.role === "primary");
  }

  #announce(member: Member): void {
    const { mac, run, state } = member;
    const { reason, detail } = hasEnded(state) ? state : noFault;
    const { phase } = state;
    this.#parts.outbox.event({ type: "ap-phase", runId: run.id, mac, role: roleOf(state), phase, reason, detail, ...bytesOf(member) });
  }

  // ---- orders --------------------------------------------------------------------------------------------------------

  /** To the end of the WAN queue. */
  queue(now: Instant, member: Member, task: WanTask): void {
    this.transition(now, member, { type: "queued", task });
  }

  /** The AP gives up its primary, or has none. */
  fallBack(now: Instant, member: Member): void {
    member.fallbacks++;
    member.heldBack = null;
    this.queue(now, member, { role: "fallback" });
  }

  /** Orders those whose turn it is on the WAN. */
  grantWan(now: Instant): void {
    for (let mac = this.#wan.next(); mac; mac = this.#wan.next()) {
      const member = this.#parts.runs.runningOfAp(mac);
      if (member && "task" in member.state) this.order(now, member, member.state.task);
      else this.#wan.leave(mac);
    }
  }

  order(now: Instant, member: Member, task: Task): void {
    member.startedAt ??= now;
    member.heard = heardNothing;
    member.rate.reset();
    this.transition(now, member, { type: "ordered", task });
    this.tell(member, task);
  }

  /** With what the operator has set since: for a subordinate, the only role that tries more than once. */
  repeatOrder(member: Member): void {
    const { state } = member;
    if (!isWorking(state) || state.contact !== "here" || state.task.role !== "subordinate") return;
    if (this.#parts.inventory.isJoined(state.task.server)) this.tell(member, state.task);
  }

  /** The same for an AP that serves, or will. */
  repeatServingOrder(member: Member): void {
    const { state, family, mac } = member;
    if (primaryOf(family) !== mac || !this.#parts.inventory.isJoined(mac)) return;
    if (hasEnded(state)) this.tell(member, { role: "primary", refetch: false });
    else if (isWorking(state) && state.contact === "here") this.tell(member, state.task);
  }

  tell(member: Member, task: Task): void {
    const { run, family } = member;
    const { inventory, outbox, sessionsMax } = this.#parts;
    if (!family.image) return;
    const server = task.role === "subordinate" ? tftpServerFor(this.#parts, member, task.server) : undefined;
    if (server) noteServer(member, server);
    const policy = policyOf(this.#parts, run.group);
    const capable = isCapable(this.#parts, member);
    const stream = this.#streamTerms(member, task);
    const facts = { runId: run.id, task, image: family.image, policy, server, sessionsMax, stream, capable };
    outbox.tell(member.mac, upgradeCommand({ ...facts, family: inventory.get(member.mac)?.family ?? family.family }));
  }

  #streamTerms(member: Member, task: Task): OrderFacts["stream"] {
    const chunks = chunksOf(this.#parts, member.family);
    if (chunks === undefined || !this.#parts.inventory.get(member.mac)?.session?.streams) return null;
    const spare = task.role === "subordinate" ? new Tree(this.#parts, member.family).spareFor(member, task.server) : null;
    return { ...chunks, spare };
  }

  // ---- reports -------------------------------------------------------------------------------------------------------

  /**
   * Takes a report's figures over, whatever they lead to.
   * @returns whether it got further since its last report: bytes, a try or another state
   */
  note(now: Instant, member: Member, report: ApReport): boolean {
    const { state, path, bytesDone, nextRetryMs, wanBytes, lanBytes, tries, reason } = report;
    const { heard } = member;
    const isWaiting = state === "waiting";
    const gotFurther =
      state !== heard.state ||
      tries !== member.tries ||
      bytesDone > heard.bytesDone ||
      wanBytes > heard.wanBytes ||
      lanBytes > member.lanBytes;
    if (lanBytes > member.lanBytes || (path === "lan" && bytesDone > member.heard.bytesDone)) member.lanMovedAt = now;
    member.heard = {
      at: now,
      state,
      path,
      bytesDone,
      wanBytes,
      nextRetryAt: isWaiting && nextRetryMs > 0 ? now + nextRetryMs : null,
      waitsBecause: (isWaiting || state === "fetching") && reason !== "none" ? reason : null,
    };
    if (reason === "primary-unreachable") this.#reportCutOff(member, report.detail);
    if (state === "fetching") member.rate.note(now, bytesDone);
    member.tries = tries;
    noteCounts(member, report);
    return gotFurther;
  }

  /** Once: its tries may last for hours, and the operator can mend a subnet or a filter meanwhile. */
  #reportCutOff(member: Member, detail: string): void {
    const { mac, run, state } = member;
    if (member.isCutOffReported || !("task" in state) || state.task.role !== "subordinate") return;
    member.isCutOffReported = true;
    this.#parts.outbox.event({ type: "primary-unreachable", runId: run.id, mac, primary: state.task.server, detail });
  }

  /**
   * An AP without an order may still report what it was ordered earlier, such as a primary that died and came back; its turn comes.
   * @param gotFurther reports alone do not keep an order alive
   */
  progressed(now: Instant, member: Member, { path, nextRetryMs }: ApReport, gotFurther: boolean): void {
    if (!isWorking(member.state)) return;
    if (path !== "none") member.source = path;
    if (gotFurther) this.transition(now, member, { type: "progressed" }, Math.min(nextRetryMs, busyMsMax));
    this.#announceProgress(member);
  }

  /** A plain RFC 5415 peer reports nothing; the controller sees its own side of the transfer. */
  plainProgressed(now: Instant, member: Member, bytesDone: number): void {
    member.heard = { ...heardNothing, at: now, state: "fetching", path: "wan", bytesDone };
    member.rate.note(now, bytesDone);
    member.source = "wan";
    if (!isWorking(member.state)) return;
    this.transition(now, member, { type: "progressed" });
    this.#announceProgress(member);
  }

  /** Bytes move, though the AP has not reported: it is waited for longer. */
  moved(now: Instant, member: Member): void {
    if (isWorking(member.state) && member.state.contact === "here") this.#timers.set(member, now + this.#parts.timings.silenceMs);
  }

  #announceProgress(member: Member): void {
    const { mac, run, family, tries } = member;
    const { path, bytesDone, nextRetryAt } = member.heard;
    const bytesTotal = family.image?.sizeBytes ?? 0;
    const bytes = bytesOf(member);
    this.#parts.outbox.event({ type: "ap-progress", runId: run.id, mac, path, bytesDone, bytesTotal, tries, nextRetryAt, ...bytes });
  }

  /** A report that changes nothing but the account: of an AP whose part is over. @param isCredible whether a claim to hold the image is believed */
  noteLate(now: Instant, member: Member, report: ApReport, isCredible: boolean): void {
    const { wanBytes, lanBytes, tries, source, state } = member;
    noteCounts(member, report);
    if (report.state === "complete" && isCredible) {
      if (report.path !== "none") member.source = report.path;
      if (state.phase !== "complete") this.transition(now, member, { type: "ended", end: "complete", fault: noFault });
    }
    const isNew = member.wanBytes !== wanBytes || member.lanBytes !== lanBytes || member.tries !== tries || member.source !== source;
    if (isNew) this.#parts.runs.saveMember(member);
  }

  // ---- ends ----------------------------------------------------------------------------------------------------------

  complete(now: Instant, member: Member, path: "wan" | "lan" | null): void {
    member.source = path ?? member.source;
    member.startedAt ??= now;
    if (path === "wan") noteWhole(member);
    this.end(now, member, "complete");
  }

  end(now: Instant, member: Member, end: MemberEnd, fault: Fault = noFault): void {
    member.heldBack = null;
    member.heard = { ...member.heard, nextRetryAt: null };
    this.transition(now, member, { type: "ended", end, fault });
  }

  /** Stops what the AP does for the run, if anything. */
  abort(now: Instant, member: Member): void {
    const { mac, family, run, state } = member;
    if (isWorking(state) || primaryOf(family) === mac) this.#parts.outbox.tell(mac, { type: "abort", runId: run.id });
    if (isTakingPart(member)) this.end(now, member, "aborted", { reason: "aborted", detail: "" });
  }
}

const isAway = (state: MemberState): boolean => "contact" in state && state.contact === "away";

/** Contact is not stored: no AP has any when a controller starts. */
function isStoredChange(before: MemberState, after: MemberState): boolean {
  if (after.phase !== before.phase) return true;
  if (hasEnded(after)) return after !== before;
  return "task" in after && "task" in before && after.task !== before.task;
}

/** A kill takes of the controller's counts; every byte of an image that did not come over the LAN was carried. */
function noteWhole(member: Member): void {
  const missing = (member.family.image?.sizeBytes ?? 0) - member.wanSentBytes - member.lanBytes;
  if (missing <= 0 || member.wanSentBytes === 0) return;
  member.wanSentBytes += missing;
  member.wanWireBytes += missing;
}

function noteServer(member: Member, server: Endpoint): void {
  if (member.orderedFrom !== null && !sameEndpoint(member.orderedFrom, server)) member.triesElsewhere = member.tries;
  member.orderedFrom = server;
}

/** The AP counts over the whole run; an older report must not take anything back. */
function noteCounts(member: Member, { wanBytes, lanBytes, tries }: ApReport): void {
  member.tries = Math.max(member.tries, tries);
  member.wanBytes = Math.max(member.wanBytes, Math.min(wanBytes, member.wanSentBytes));
  member.lanBytes = Math.max(member.lanBytes, lanBytes);
}
