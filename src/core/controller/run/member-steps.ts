/**
 * The steps that one AP takes in a run: waits for its primary or for the WAN, is ordered, reports, ends. Each step is stored
 * and told as an event. What step is due is decided elsewhere.
 */
import type { MacAddress } from "../../../base/mac-address.js";
import type { Instant } from "../../../base/time.js";
import { TimerTable } from "../../../base/timer-table.js";
import type { ApReport } from "../ap-port.js";
import { newGroup } from "../groups.js";
import type { GroupRecord } from "../records.js";
import { hasEnded, type Member, type MemberPhase, type Run, wanBytesOf } from "./run.js";
import { type Fault, noteCounts, type RunParts } from "./run-parts.js";
import type { LiveFamily, LiveMember } from "./run-table.js";
import { upgradeCommand } from "./upgrade-order.js";
import { WanQueue } from "./wan-queue.js";

/** Lane of the WAN queue for APs outside a group. */
const noGroupLane = "";

const noFault: Fault = { reason: "none", detail: "" };

const bytesOf = (stored: Member) => ({ wanBytes: wanBytesOf(stored), lanBytes: stored.lanBytes });

export class MemberSteps {
  /** A member waits for its AP's word or return, a family for its primary's. */
  readonly timers = new TimerTable<LiveMember | LiveFamily>();
  readonly #parts: RunParts;
  readonly #wan: WanQueue;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#wan = new WanQueue(parts.wanTransfersMax, (lane) =>
      lane === noGroupLane ? parts.wanTransfersMax : this.#policyNamed(lane).wan.transfersMax,
    );
  }

  /** What the operator set for the run's group; the defaults for a run without one. */
  policy(run: Run): GroupRecord {
    return this.#policyNamed(run.group ?? noGroupLane);
  }

  isCapable(mac: MacAddress): boolean {
    return this.#parts.inventory.get(mac)?.session?.capable ?? false;
  }

  // ---- waiting -------------------------------------------------------------------------------------------------------

  waitForReport(now: Instant, live: LiveMember, atLeastMs = 0): void {
    this.#arm(live, "report", now + this.#parts.timings.silenceMs + atLeastMs);
  }

  waitForRejoin(now: Instant, live: LiveMember): void {
    this.#arm(live, "rejoin", now + this.#parts.timings.absentMs);
  }

  waitForResync(now: Instant, live: LiveMember): void {
    this.#arm(live, "resync", now + this.#parts.timings.resyncMs);
  }

  stopWaiting(live: LiveMember): void {
    live.waitsFor = null;
    this.timers.clear(live);
  }

  #arm(live: LiveMember, what: NonNullable<LiveMember["waitsFor"]>, at: Instant): void {
    live.waitsFor = what;
    this.timers.set(live, at);
  }

  // ---- orders --------------------------------------------------------------------------------------------------------

  /** Back to waiting for a primary. */
  setAside(live: LiveMember): void {
    this.stopWaiting(live);
    this.setPhase(live, "pending");
  }

  /** To the end of the WAN queue. @param role `fallback` when the AP gives up its primary for it */
  askWan(live: LiveMember, role?: "fallback"): void {
    const { stored, run } = live;
    if (role) {
      stored.role = role;
      stored.fallbacks++;
    }
    this.stopWaiting(live);
    this.#wan.leave(stored.mac);
    if (stored.phase === "queued") this.#parts.runs.saveMember(live);
    else this.setPhase(live, "queued");
    const lane = run.group ?? this.#parts.groups.of(stored.mac)?.name ?? noGroupLane;
    this.#wan.ask(stored.mac, lane, stored.role === "primary");
  }

  /** Whether the group's budget has room for one fallback more. */
  budgetAllows({ run, family, stored }: LiveMember): boolean {
    const { fallbackApsMax, fallbackBytesMax } = this.policy(run).wan;
    if (fallbackApsMax === null && fallbackBytesMax === null) return true;
    let aps = stored.fallbacks === 0 ? 1 : 0;
    let bytes = family.stored.image?.sizeBytes ?? 0;
    for (const { fallbacks, family: name } of run.members.values()) {
      if (fallbacks > 0) aps++;
      bytes += fallbacks * (run.families.get(name)?.image?.sizeBytes ?? 0);
    }
    return aps <= (fallbackApsMax ?? aps) && bytes <= (fallbackBytesMax ?? bytes);
  }

  leaveWan(mac: MacAddress): void {
    this.#wan.leave(mac);
  }

  /** Orders those whose turn it is on the WAN. */
  grantWan(now: Instant): void {
    for (let mac = this.#wan.next(); mac; mac = this.#wan.next()) {
      const live = this.#parts.runs.runningOfAp(mac);
      if (live) this.order(now, live);
      else this.#wan.leave(mac);
    }
  }

  order(now: Instant, live: LiveMember): void {
    live.stored.startedAt ??= now;
    live.state = null;
    live.nextRetryAt = null;
    live.reminded = false;
    live.rate.reset();
    this.setPhase(live, "ordered");
    this.tell(live);
    this.waitForReport(now, live);
  }

  /** A primary that has the image starts to offer it; it answers "image already present". */
  orderToServe(now: Instant, live: LiveMember): void {
    live.family.serving = "told";
    if (hasEnded(live.stored)) this.tell(live);
    else this.order(now, live);
  }

  tell({ run, family, stored }: LiveMember): void {
    const { inventory, outbox, sessionsMax } = this.#parts;
    const { image } = family.stored;
    if (!image) return;
    const server = stored.role === "subordinate" && stored.server !== null ? inventory.get(stored.server)?.session?.tftp : undefined;
    outbox.tell(
      stored.mac,
      upgradeCommand({
        runId: run.id,
        role: stored.role,
        image,
        policy: this.policy(run),
        server: server ?? null,
        sessionsMax,
        refetch: stored.refetch && stored.phase !== "complete",
        capable: this.isCapable(stored.mac),
      }),
    );
  }

  // ---- progress and ends ---------------------------------------------------------------------------------------------

  /** Takes a report's figures over, whatever they lead to. */
  note(now: Instant, live: LiveMember, report: ApReport): void {
    const { stored } = live;
    if (report.bytesDone > live.bytesDone || report.lanBytes > stored.lanBytes || report.wanBytes > stored.wanBytes) live.movedAt = now;
    live.state = report.state;
    live.path = report.path;
    live.bytesDone = report.bytesDone;
    live.nextRetryAt = report.state === "waiting" && report.nextRetryMs > 0 ? now + report.nextRetryMs : null;
    live.waitsBecause = report.state === "waiting" && report.reason !== "none" ? report.reason : null;
    if (report.reason === "primary-unreachable" && stored.server !== null) this.#tellCutOff(live, stored.server, report.detail);
    if (report.state === "fetching") live.rate.note(now, report.bytesDone);
    stored.tries = report.tries;
    noteCounts(stored, report);
  }

  /** Once: its tries may go on for hours, and the operator can mend a subnet or a filter meanwhile. */
  #tellCutOff(live: LiveMember, primary: MacAddress, detail: string): void {
    if (live.isCutOffTold) return;
    live.isCutOffTold = true;
    this.#parts.outbox.event({ type: "primary-unreachable", runId: live.run.id, mac: live.stored.mac, primary, detail });
  }

  progress(now: Instant, live: LiveMember, report: ApReport): void {
    const { stored } = live;
    live.reminded = false;
    // It may still tell of what it was ordered earlier, such as a primary that died and came back; its turn comes.
    if (stored.phase === "queued" || stored.phase === "pending") return;
    if (report.path !== "none") stored.source = report.path;
    this.#active(now, live, report.nextRetryMs);
  }

  /** A plain RFC 5415 peer says nothing; the controller sees its own side of the transfer. */
  plainProgress(now: Instant, live: LiveMember, bytesDone: number): void {
    live.bytesDone = bytesDone;
    live.state = "fetching";
    live.path = "wan";
    live.rate.note(now, bytesDone);
    live.stored.source = "wan";
    this.#active(now, live, 0);
  }

  #active(now: Instant, live: LiveMember, nextRetryMs: number): void {
    const { run, family, stored, path, bytesDone, nextRetryAt } = live;
    if (stored.phase !== "active") this.setPhase(live, "active");
    this.waitForReport(now, live, nextRetryMs);
    this.#parts.outbox.event({
      type: "ap-progress",
      runId: run.id,
      mac: stored.mac,
      path,
      bytesDone,
      bytesTotal: family.stored.image?.sizeBytes ?? 0,
      tries: stored.tries,
      nextRetryAt,
      ...bytesOf(stored),
    });
  }

  complete(now: Instant, live: LiveMember, path: "wan" | "lan" | null): void {
    const { stored, family } = live;
    stored.source = path ?? stored.source;
    stored.startedAt ??= now;
    live.bytesDone = family.stored.image?.sizeBytes ?? 0;
    this.end(now, live, "complete");
    if (family.stored.primary === stored.mac) family.serving = "yes";
  }

  end(now: Instant, live: LiveMember, phase: "complete" | "failed" | "aborted", { reason, detail }: Fault = noFault): void {
    const { stored } = live;
    this.stopWaiting(live);
    this.#wan.leave(stored.mac);
    live.nextRetryAt = null;
    stored.endedAt = now;
    stored.reason = reason;
    stored.detail = detail;
    this.setPhase(live, phase);
  }

  /** Stops what the AP does for the run, if anything. */
  abort(now: Instant, live: LiveMember): void {
    const { stored, family, run } = live;
    const isBusy = stored.phase === "ordered" || stored.phase === "active" || family.stored.primary === stored.mac;
    if (isBusy) this.#parts.outbox.tell(stored.mac, { type: "abort", runId: run.id });
    if (!hasEnded(stored)) this.end(now, live, "aborted", { reason: "aborted", detail: "" });
  }

  /** A part that was over begins again. */
  reopen(live: LiveMember, phase: "pending" | "ordered"): void {
    Object.assign(live.stored, { endedAt: null, ...noFault });
    this.setPhase(live, phase);
  }

  setPhase(live: LiveMember, phase: MemberPhase): void {
    const { stored, run } = live;
    stored.phase = phase;
    this.#parts.runs.saveMember(live);
    const { mac, role, reason, detail } = stored;
    this.#parts.outbox.event({ type: "ap-phase", runId: run.id, mac, role, phase, reason, detail, ...bytesOf(stored) });
  }

  #policyNamed(name: string): GroupRecord {
    const group = this.#parts.groups.find(name);
    return group.ok ? group.value : newGroup(name);
  }
}
