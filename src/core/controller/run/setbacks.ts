/** What becomes of an AP whose order leads nowhere: reminded, given another order, sent to the WAN, or failed with the reason. */
import type { Instant } from "../../../base/time.js";
import type { FailureReason } from "../../../wire/capwap/vendor.js";
import { limits } from "../../upgrade/limits.js";
import type { ApReport } from "../ap-port.js";
import { type Fallback, fallbackFor } from "./fallback.js";
import { type Fault, hasEnded, isWorking, roleOf } from "./member-state.js";
import type { Members } from "./members.js";
import type { Primaries } from "./primaries.js";
import { type Family, hasMoved, isRunning, isTakingPart, type Member, primaryOf } from "./run.js";
import { policyOf, type RunParts } from "./run-parts.js";
import { tftpServerFor } from "./tftp-address.js";
import { chunksOf } from "./tree.js";

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

/** Failures that leave the AP with a good part of the image: another AP would have to start from nothing. */
const resumable: ReadonlySet<FailureReason> = new Set(["transfer-timeout", "controller-lost"]);

const isMismatch = ({ reason }: Fault): boolean => reason === "checksum-mismatch" || reason === "size-mismatch";

export class Setbacks {
  readonly #parts: RunParts;
  readonly #members: Members;
  readonly #primaries: Primaries;

  constructor(parts: RunParts, members: Members, primaries: Primaries) {
    this.#parts = parts;
    this.#members = members;
    this.#primaries = primaries;
  }

  /** What was expected of a member did not come in time. */
  silent(now: Instant, member: Member): void {
    const { mac, run, state } = member;
    if (hasEnded(state)) return;
    if (state.contact === "away") this.#lost(now, member, "left and did not come back in time");
    else if (state.contact === "rejoined" || state.contact === "stopped") this.requeue(now, member);
    else if (!isWorking(state)) return;
    else if (state.reminded) {
      this.#parts.outbox.tell(mac, { type: "abort", runId: run.id });
      const { silenceMs } = this.#parts.timings;
      if ((member.heard.at ?? 0) > now - silenceMs) this.#stalled(now, member);
      else this.#lost(now, member, "is joined but sends no report");
    } else if (state.task.role === "subordinate" && !this.#parts.inventory.isJoined(state.task.server)) {
      this.requeue(now, member);
    } else {
      this.#members.transition(now, member, { type: "reminded" });
      this.#members.tell(member, state.task);
    }
  }

  #lost(now: Instant, member: Member, detail: string): void {
    this.#members.end(now, member, "failed", { reason: "ap-lost", detail });
    this.demoteIfPrimary(now, member, detail);
  }

  /** It reports but gets no further: its order ends, and another may succeed. */
  #stalled(now: Instant, member: Member): void {
    const { silenceMs } = this.#parts.timings;
    const fault: Fault = { reason: "transfer-timeout", detail: `reports, but got no further for ${(2 * silenceMs) / 1000} s` };
    member.failedOrders++;
    if (member.failedOrders >= limits.failedOrders) {
      this.#members.end(now, member, "failed", fault);
      this.demoteIfPrimary(now, member, fault.detail);
    } else if (primaryOf(member.family) === member.mac && this.#primaries.couldBeReplaced(member.family)) {
      this.#primaries.demote(now, member.family, fault.detail);
    } else this.#members.transition(now, member, { type: "stopped" });
  }

  /** To the end of the queue for the WAN in its role, or to wait for its primary. */
  requeue(now: Instant, member: Member): void {
    const { state } = member;
    if ("task" in state && state.task.role !== "subordinate") this.#members.queue(now, member, state.task);
    else this.#members.transition(now, member, { type: "set-aside" });
  }

  failed(now: Instant, member: Member, fault: Fault): void {
    const { state, family } = member;
    const why = `${fault.reason}: ${fault.detail}`;
    if (hasEnded(state)) {
      // A holder that would not serve keeps its image, but cannot be primary.
      this.demoteIfPrimary(now, member, why);
      return;
    }
    member.failedOrders++;
    if (isMismatch(fault) && roleOf(state) !== "subordinate" && family.image) this.#parts.outbox.checkImage(family.image.sha256);
    const isPrimary = primaryOf(family) === member.mac;
    if (!passing.has(fault.reason) || member.failedOrders >= limits.failedOrders) {
      this.#members.end(now, member, "failed", fault);
      this.demoteIfPrimary(now, member, why);
    } else if (isPrimary && !resumable.has(fault.reason) && this.#primaries.couldBeReplaced(family)) {
      this.#primaries.demote(now, family, why);
    } else this.requeue(now, member);
  }

  /** It does not hold the image that it claims: nothing that it says about it counts. */
  unproven(now: Instant, member: Member, detail: string): void {
    const { mac, run } = member;
    this.#parts.outbox.tell(mac, { type: "abort", runId: run.id });
    this.#members.end(now, member, "failed", { reason: "image-unproven", detail });
    this.demoteIfPrimary(now, member, detail);
  }

  outOfTries(now: Instant, member: Member, { reason, detail, tries }: ApReport): void {
    const { family, run, state } = member;
    const primary = primaryOf(family);
    const server = isWorking(state) && state.task.role === "subordinate" ? state.task.server : null;
    const group = policyOf(this.#parts, run.group);
    const at = primary === null ? undefined : tftpServerFor(this.#parts, member, primary);
    const { triesElsewhere } = member;
    const hasTriesLeft = triesElsewhere > 0 && tries - triesElsewhere < group.retryCount;
    // Tries were spent on a primary that is gone or elsewhere, or may be: the next order decides.
    const isStreaming = chunksOf(this.#parts, family) !== undefined;
    const hasHope = primary !== null && !isStreaming && (server !== primary || !at || hasMoved(member, at) || hasTriesLeft);
    const fallback: Fallback = hasHope ? { type: "wait", because: null } : fallbackFor(member, group);
    const code = reason === "none" ? "primary-unreachable" : reason;
    if (fallback.type === "wan") this.#members.fallBack(now, member);
    else if (fallback.type === "fail") this.#members.end(now, member, "failed", { reason: code, detail });
    else if (fallback.because === null) this.#newRound(now, member);
    else this.#holdBack(now, member, { reason: code, detail: fallback.because });
  }

  /** Out of tries with the group's WAN limit used: another round at the primary, for a limited time. */
  #holdBack(now: Instant, member: Member, fault: Fault): void {
    const since = member.heldBack?.since ?? now;
    if (now - since >= this.#parts.timings.heldBackMs) this.#members.end(now, member, "failed", fault);
    else {
      member.heldBack = { ...fault, since };
      this.#newRound(now, member);
    }
  }

  /** Its next order is for all its tries. */
  #newRound(now: Instant, member: Member): void {
    member.orderedFrom = null;
    member.triesElsewhere = 0;
    this.#members.transition(now, member, { type: "set-aside" });
  }

  demoteIfPrimary(now: Instant, { family, mac }: Member, why: string): void {
    if (primaryOf(family) === mac) this.#primaries.demote(now, family, why);
  }

  /** Nothing of a damaged file crosses the WAN: APs that need it fail. @returns whether any did */
  stopDamaged(now: Instant, { members, image, run, state }: Family): boolean {
    const damage = image && this.#parts.catalogue.faultOf(image.sha256);
    if (!damage || !isRunning(run)) return false;
    const fault: Fault = { reason: "checksum-mismatch", detail: `the controller's file images/${image.sha256} is damaged: ${damage}` };
    let anyFailed = false;
    for (const member of members.values()) {
      const isServed = state.phase === "serving" && roleOf(member.state) === "subordinate";
      if (!isTakingPart(member) || isServed) continue;
      if (isWorking(member.state)) this.#parts.outbox.tell(member.mac, { type: "abort", runId: run.id });
      this.#members.end(now, member, "failed", fault);
      this.demoteIfPrimary(now, member, fault.detail);
      anyFailed = true;
    }
    return anyFailed;
  }
}
