/**
 * The primary of each image family in a run: elected, missed when it leaves, followed by another when it stays away, and the
 * subordinates released to it. A successor that has the image comes first, since it saves a WAN copy.
 */
import type { Endpoint } from "../../../base/endpoint.js";
import type { IpAddress } from "../../../base/ip-address.js";
import type { MacAddress } from "../../../base/mac-address.js";
import type { Instant } from "../../../base/time.js";
import { TimerTable } from "../../../base/timer-table.js";
import { keptSlotsOctetsMax } from "../../../wire/capwap/vendor-distribution.js";
import type { ApReport, ApServing } from "../ap-port.js";
import { holdsImage, type KnownAp } from "../inventory.js";
import { fallbackFor } from "./fallback.js";
import { freeSlots, isAtServer } from "./free-slots.js";
import { hasEnded, isWorking, roleOf } from "./member-state.js";
import type { Members } from "./members.js";
import { choosePrimary, isSteady, nobody, type PrimaryChoice } from "./primary-choice.js";
import { type Family, hasMoved, isTakingPart, type Member, primaryOf } from "./run.js";
import { policyOf, type RunParts } from "./run-parts.js";
import { complaintOf, isDiscredited, newTestimony, type Testimony } from "./testimony.js";
import { tftpClientAddress, tftpServerFor } from "./tftp-address.js";
import { chunksOf, Tree } from "./tree.js";

/** How many APs a reason names. */
const namedMax = 3;

export class Primaries {
  /** How long a missed primary is waited for, or a first candidate. */
  readonly #timers = new TimerTable<Family>();
  readonly #parts: RunParts;
  readonly #members: Members;

  constructor(parts: RunParts, members: Members) {
    this.#parts = parts;
    this.#members = members;
  }

  nextWakeAt(): Instant | undefined {
    return this.#timers.nextAt();
  }

  /** The next family that waited for a primary in vain. */
  takeGraceOver(now: Instant): Family | undefined {
    return this.#timers.takeDue(now);
  }

  /** Gives the family a primary while an AP needs one, and releases the APs that wait for it. */
  advance(now: Instant, family: Family): void {
    if (family.run.group === null || !family.image) return;
    if (!needsPrimary(family)) {
      this.#timers.clear(family);
      return;
    }
    this.#provide(now, family);
    this.#keepSlots(family);
    this.#release(now, family);
  }

  stopWaiting(family: Family): void {
    this.#timers.clear(family);
  }

  // ---- the primary's doings ------------------------------------------------------------------------------------------

  /** It has the image and starts to offer it; it answers "image already present". */
  orderToServe(now: Instant, member: Member): void {
    const { family, state } = member;
    turn(family, { phase: "appointed", awaits: "offer" });
    if (hasEnded(state)) this.#members.tell(member, { role: "primary", refetch: false });
    else this.#members.order(now, member, { role: "primary", refetch: false });
  }

  /** The AP has the image: if it is the primary, it offers it. */
  completed(now: Instant, { mac, family }: Member): void {
    if (primaryOf(family) !== mac || family.state.phase === "serving") return;
    turn(family, { phase: "serving", testimony: newTestimony(now), keepsSlotsFor: new Set() });
  }

  /** A subordinate of the primary has the whole image from it. */
  hasServed({ mac, family: { state: family }, state }: Member): void {
    if (family.phase !== "serving" || !isWorking(state) || state.task.role !== "subordinate" || state.task.server !== family.primary)
      return;
    family.testimony.complaints.delete(mac);
    family.testimony.served.add(mac);
  }

  /**
   * Takes a failed try of a subordinate as a complaint about its primary, which steps down when there are enough and another can follow.
   * @returns the member that stepped down
   */
  complained(now: Instant, member: Member, report: ApReport): Member | undefined {
    const { family, mac, state } = member;
    if (family.state.phase !== "serving" || !isWorking(state) || state.task.role !== "subordinate") return undefined;
    const { primary, testimony } = family.state;
    const at = tftpServerFor(this.#parts, member, primary);
    if (state.task.server !== primary || !at || hasMoved(member, at)) return undefined;
    const complaint = complaintOf(member.lanMovedAt, report, testimony.since);
    if (complaint === undefined) return undefined;
    testimony.complaints.set(mac, complaint);
    if (!isDiscredited(testimony, family.steppedDown.size) || !this.couldBeReplaced(family)) return undefined;
    this.demote(now, family, this.#inWords(testimony));
    return family.members.get(primary);
  }

  #inWords({ complaints }: Testimony): string {
    const { inventory } = this.#parts;
    const all = Array.from(complaints, ([mac, complaint]) => `${complaint} for ${inventory.get(mac)?.record.name ?? mac}`);
    return `${all.slice(0, namedMax).join(", ")}${all.length > namedMax ? ` and ${all.length - namedMax} more` : ""}`;
  }

  /** Its copy is not what its inventory claims, so it fetches. */
  fetchesAfterAll(now: Instant, member: Member): void {
    turn(member.family, { phase: "appointed", awaits: "image" });
    this.#members.transition(now, member, { type: "ordered", task: { role: "primary", refetch: false } });
  }

  /** Its session ended. It may be a short outage, of the AP or of the whole branch. */
  missed(now: Instant, family: Family): void {
    turn(family, { phase: "missed", since: now });
    family.served = null;
  }

  served(family: Family, report: ApServing): void {
    family.served = report;
    if (report.sessionsPeak <= family.sessionsPeak) return;
    family.sessionsPeak = report.sessionsPeak;
    this.#parts.runs.saveRun(family.run);
  }

  /** The primary has been away for the grace time, or there has been no candidate for as long. */
  graceOver(now: Instant, family: Family): void {
    if (family.state.phase === "missed") {
      if (!this.#lanIsAlive(now, family)) this.#replace(now, family, family.state.since);
      return;
    }
    for (const member of family.members.values()) {
      if (member.state.phase === "pending" && member.state.contact === "here") this.#doWithout(now, member);
    }
  }

  /** Another AP shall be primary; this one stays a subordinate for the rest of the run. */
  demote(now: Instant, family: Family, why: string): void {
    const mac = primaryOf(family);
    const member = mac === null ? undefined : family.members.get(mac);
    if (mac === null || !member) return;
    const { runs, outbox } = this.#parts;
    family.steppedDown.add(mac);
    family.served = null;
    family.state = { phase: "none" };
    this.#timers.clear(family);
    // What it fetched as the primary is gone; what it gets from here on comes from its successor.
    if (isTakingPart(member)) member.source = null;
    this.#members.transition(now, member, { type: "demoted", why });
    runs.saveRun(family.run);
    outbox.event({ type: "primary-lost", runId: family.run.id, family: family.family, mac, why });
  }

  /** It sent wrong chunks to several APs: it serves no others for the rest of the run. */
  distrust(now: Instant, { mac, family }: Member): void {
    const why = "sent wrong chunks to several APs";
    if (primaryOf(family) === mac) this.demote(now, family, why);
    else {
      family.steppedDown.add(mac);
      this.#parts.runs.saveRun(family.run);
    }
    this.#parts.outbox.event({ type: "ap-distrusted", runId: family.run.id, mac, why });
  }

  couldBeReplaced(family: Family): boolean {
    const others = candidates(family, this.#parts).filter(({ record }) => record.mac !== primaryOf(family));
    return this.#choose(family, others, false).mac !== null;
  }

  /** Appoints the elected primary and gives it its first order; where none was elected, notes why. */
  appoint(now: Instant, family: Family, choice: PrimaryChoice): void {
    const { runs, outbox } = this.#parts;
    const { mac, manual, because, holds, refetch, warning } = choice;
    if (mac === null) {
      if (family.warning === warning) return;
      family.warning = warning;
      runs.saveRun(family.run);
      return;
    }
    const member = family.members.get(mac) as Member;
    const isOver = hasEnded(member.state);
    family.state = { phase: "appointed", awaits: "image", primary: mac, manual };
    family.warning = warning;
    family.served = null;
    this.#timers.clear(family);
    runs.saveRun(family.run);
    outbox.event({ type: "primary-elected", runId: family.run.id, family: family.family, mac, manual, because, warning });
    if (isOver) this.#members.transition(now, member, { type: "promoted" });
    if (isOver || (holds && !refetch)) this.orderToServe(now, member);
    else this.#members.queue(now, member, { role: "primary", refetch });
  }

  // ---- decisions -----------------------------------------------------------------------------------------------------

  #provide(now: Instant, family: Family): void {
    const { state } = family;
    if (state.phase !== "none" && this.#parts.inventory.isJoined(state.primary)) {
      if (state.phase === "missed") turn(family, { phase: "appointed", awaits: "image" });
      this.#timers.clear(family);
      return;
    }
    if (state.phase === "none") {
      this.appoint(now, family, this.#choose(family, candidates(family, this.#parts), isFirstElection(family)));
      if (family.state.phase !== "none") return;
    }
    if (this.#timers.has(family)) return;
    const { primaryGraceMs, absentMs } = this.#parts.timings;
    const waits = state.phase === "none" && policyOf(this.#parts, family.run.group).wan.fallback === "wait";
    this.#timers.set(family, now + (waits ? absentMs : primaryGraceMs));
  }

  #replace(now: Instant, family: Family, lostAt: Instant): void {
    const { inventory, timings } = this.#parts;
    const settledBefore = now - timings.rejoinGraceMs;
    const successors = candidates(family, this.#parts).filter(
      (ap) => ap.record.mac !== primaryOf(family) && isSteady(ap, inventory.heardAt(ap.record.mac), lostAt, settledBefore),
    );
    const choice = this.#choose(family, successors, false);
    if (choice.mac === null && now - lostAt < timings.absentMs) return;
    this.demote(now, family, "left and did not come back in time");
    if (choice.mac !== null) this.appoint(now, family, choice);
  }

  /** Subordinates get bytes from the missed primary: only its way to the controller is gone. */
  #lanIsAlive(now: Instant, family: Family): boolean {
    const since = now - 2 * this.#parts.timings.primaryGraceMs;
    for (const { state, lanMovedAt } of family.members.values()) {
      if (state.phase !== "active" || state.task.role !== "subordinate" || state.task.server !== primaryOf(family)) continue;
      if (lanMovedAt !== null && lanMovedAt >= since) return true;
    }
    return false;
  }

  #choose(family: Family, aps: readonly KnownAp[], isFirst: boolean): PrimaryChoice {
    const { image, steppedDown, members, run } = family;
    if (!image) return nobody;
    const { catalogue } = this.#parts;
    const eligible = !isFirst && chunksOf(this.#parts, family) ? furthest(family, aps) : aps;
    return choosePrimary(eligible, policyOf(this.#parts, run.group), this.#parts.inventory, {
      isInFamily: ({ record: { mac, model } }) => members.has(mac) || catalogue.imageForModel(run.release, model)?.sha256 === image.sha256,
      sizeBytes: image.sizeBytes,
      // An AP's report can be ahead of its inventory.
      holds: (ap) => members.get(ap.record.mac)?.state.phase === "complete" || holdsImage(ap, image.sha256),
      steppedDown,
      isFirst,
    });
  }

  /** Tells the primary which addresses its slots are for. Not again for one that needs none any more. */
  #keepSlots({ state, members }: Family): void {
    if (state.phase !== "serving") return;
    const server = this.#parts.inventory.get(state.primary)?.session;
    if (!server) return;
    const addresses = new Set<IpAddress>();
    for (const { mac, state: member } of members.values()) {
      const session = this.#parts.inventory.get(mac)?.session;
      if (session && mac !== state.primary && !hasEnded(member) && roleOf(member) === "subordinate")
        addresses.add(tftpClientAddress(session, server));
    }
    const kept = fittingOne([...addresses]);
    if (kept.every((address) => state.keepsSlotsFor.has(address))) return;
    state.keepsSlotsFor.clear();
    for (const address of kept) state.keepsSlotsFor.add(address);
    this.#parts.outbox.tell(state.primary, { type: "keep-slots", addresses: kept });
  }

  /** Orders those that wait for the primary, still try at a former one, or know this one by an address that it no longer has. */
  #release(now: Instant, family: Family): void {
    const { state, members, run } = family;
    const { inventory, sessionsMax } = this.#parts;
    const isStreaming = chunksOf(this.#parts, family) !== undefined;
    if (isStreaming) this.#growTree(now, family);
    if (state.phase !== "serving") return;
    const { primary: server } = state;
    const isAssigned = policyOf(this.#parts, run.group).distribution !== "classic";
    let free = isAssigned ? freeSlots(family, server, inventory, sessionsMax) : Number.POSITIVE_INFINITY;
    for (const member of members.values()) {
      const session = inventory.get(member.mac)?.session;
      const at = tftpServerFor(this.#parts, member, server);
      if (!at || !session || (isStreaming && session.streams) || !isReleasable(member, server, at)) continue;
      const takesSlot = !isAtServer(member, server);
      if (takesSlot && free <= 0) continue;
      if (takesSlot) free--;
      this.#members.order(now, member, { role: "subordinate", server });
    }
  }

  /** Gives a parent to each AP that has none, or one that will not do any more. */
  #growTree(now: Instant, family: Family): void {
    if (family.state.phase === "none") return;
    const tree = new Tree(this.#parts, family);
    for (const member of family.members.values()) {
      const { mac } = member;
      if (mac === primaryOf(family) || !this.#parts.inventory.get(mac)?.session?.streams || !tree.needsParent(member)) continue;
      const server = tree.adopt(member);
      if (server !== undefined) this.#members.order(now, member, { role: "subordinate", server });
    }
  }

  /** No AP is eligible as primary: the group's fallback policy applies. */
  #doWithout(now: Instant, member: Member): void {
    const fallback = fallbackFor(member, policyOf(this.#parts, member.run.group));
    if (fallback.type === "wan") {
      this.#members.fallBack(now, member);
      return;
    }
    const because = fallback.type === "wait" ? fallback.because : null;
    const detail = `no AP of its model can be primary${because === null ? "" : `, and the fallback budget is used up: ${because}`}`;
    this.#members.end(now, member, "failed", { reason: "primary-unreachable", detail });
  }
}

/** The first addresses that fit one element; each has its length before it. */
function fittingOne(addresses: readonly IpAddress[]): IpAddress[] {
  let octets = 0;
  return addresses.filter((address) => {
    octets += address.length + 1;
    return octets <= keptSlotsOctetsMax;
  });
}

type Turn =
  | { readonly phase: "appointed"; readonly awaits: "image" | "offer" }
  | { readonly phase: "serving"; readonly testimony: Testimony; readonly keepsSlotsFor: Set<IpAddress> }
  | { readonly phase: "missed"; readonly since: Instant };

/** The primary stays the same AP; a family without one stays as it is. */
function turn(family: Family, to: Turn): void {
  if (family.state.phase === "none") return;
  const { primary, manual } = family.state;
  family.state = { ...to, primary, manual };
}

/** In an open run: the source document's election. Later, and in a run for one AP, an AP that has the image comes first. */
const isFirstElection = ({ run, steppedDown }: Family): boolean => run.open && steppedDown.size === 0;

function isReleasable(member: Member, primary: MacAddress, at: Endpoint): boolean {
  const { state, heard } = member;
  if (state.phase === "pending") return state.contact === "here";
  if (!isWorking(state) || state.task.role !== "subordinate" || state.contact === "rejoined") return false;
  // A fetch from a former primary may still succeed; one from an address that was given up cannot.
  return state.task.server === primary ? hasMoved(member, at) : heard.state !== "fetching";
}

/** Of APs that have chunks, those that have the most: what they have need not cross the WAN again. */
function furthest({ members }: Family, aps: readonly KnownAp[]): readonly KnownAp[] {
  const bytesOf = ({ record }: KnownAp): number => {
    const member = members.get(record.mac);
    return member?.state.phase === "complete" ? Number.POSITIVE_INFINITY : (member?.heard.bytesDone ?? 0);
  };
  const most = Math.max(0, ...aps.map(bytesOf));
  return aps.filter((ap) => bytesOf(ap) === most);
}

function needsPrimary({ members }: Family): boolean {
  for (const { state } of members.values()) if (!hasEnded(state) && roleOf(state) !== "fallback") return true;
  return false;
}

/** Members that could be primary: not those whose part is over without an image, nor those that use the WAN. */
function candidates({ members }: Family, { inventory }: RunParts): KnownAp[] {
  return [...members.values()].flatMap((member) => {
    const stands = member.state.phase === "complete" || (isTakingPart(member) && roleOf(member.state) !== "fallback");
    return stands ? (inventory.get(member.mac) ?? []) : [];
  });
}
