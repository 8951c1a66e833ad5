/**
 * The primary of an image family in a run: elected, missed when it leaves, followed by another when it stays away, and the
 * subordinates released to it. A successor that has the image goes first, since it saves a WAN copy.
 */
import type { MacAddress } from "../../../base/mac-address.js";
import type { Instant } from "../../../base/time.js";
import { holdsImage, type KnownAp } from "../inventory.js";
import type { MemberSteps } from "./member-steps.js";
import { choosePrimary, isSteady, nobody, type PrimaryChoice } from "./primary-choice.js";
import { hasEnded } from "./run.js";
import type { RunParts } from "./run-parts.js";
import type { LiveFamily, LiveMember } from "./run-table.js";

/** In an open run: the source document's election. Later, and in a run for one AP, an AP that has the image goes first. */
const isFirstElection = ({ run, stored }: LiveFamily): boolean => run.open && stored.steppedDown.size === 0;

export class PrimaryDuty {
  readonly #parts: RunParts;
  readonly #steps: MemberSteps;

  constructor(parts: RunParts, steps: MemberSteps) {
    this.#parts = parts;
    this.#steps = steps;
  }

  /** Sees to it that the family has a primary while someone needs one, and that who waits for it is released. */
  advance(now: Instant, family: LiveFamily): void {
    if (family.run.group === null || !family.stored.image) return;
    if (!needsPrimary(family)) {
      this.#steps.timers.clear(family);
      return;
    }
    this.#provide(now, family);
    this.#release(now, family);
  }

  /** The primary's session ended. It may be a short outage, of the AP or of the whole branch. */
  missed(now: Instant, family: LiveFamily): void {
    family.serving = "no";
    family.served = null;
    family.primaryLostAt = now;
  }

  /** The primary has been away for the grace time, or there has been nobody to elect for as long. */
  graceOver(now: Instant, family: LiveFamily): void {
    const { stored } = family;
    if (stored.primary !== null) {
      if (!this.#lanIsAlive(now, family)) this.#replace(now, family);
      return;
    }
    for (const live of family.members.values()) {
      if (live.stored.phase === "pending" && this.#parts.inventory.isJoined(live.stored.mac)) this.#doWithout(now, live);
    }
  }

  /** The primary loses its office for this run; it waits for its successor unless its part is over. */
  stepDown(family: LiveFamily, why: string): void {
    const live = family.members.get(family.stored.primary as MacAddress) as LiveMember;
    this.vacate(family, why);
    if (hasEnded(live.stored)) return;
    // One that is away has its time to come back running.
    if (this.#parts.inventory.isJoined(live.stored.mac)) this.#steps.setAside(live);
    else this.#steps.setPhase(live, "pending");
  }

  vacate(family: LiveFamily, why: string): void {
    const mac = family.stored.primary as MacAddress;
    const live = family.members.get(mac) as LiveMember;
    live.stored.role = "subordinate";
    live.stored.refetch = false;
    family.stored.steppedDown.add(mac);
    family.stored.primary = null;
    family.serving = "no";
    family.served = null;
    this.#steps.leaveWan(mac);
    this.#steps.timers.clear(family);
    this.#parts.runs.saveMember(live);
    this.#parts.runs.saveRun(family.run);
    this.#parts.outbox.event({ type: "primary-lost", runId: family.run.id, family: family.stored.family, mac, why });
  }

  couldBeReplaced(family: LiveFamily): boolean {
    const others = candidates(family, this.#parts).filter(({ record }) => record.mac !== family.stored.primary);
    return this.#choose(family, others, false).mac !== null;
  }

  #provide(now: Instant, family: LiveFamily): void {
    const { stored } = family;
    const { timers } = this.#steps;
    if (stored.primary !== null && this.#parts.inventory.isJoined(stored.primary)) {
      family.primaryLostAt = null;
      timers.clear(family);
      return;
    }
    if (stored.primary === null) {
      this.carryOut(now, family, this.#choose(family, candidates(family, this.#parts), isFirstElection(family)));
      if (stored.primary !== null) return;
    }
    if (timers.has(family)) return;
    const { primaryGraceMs, absentMs } = this.#parts.timings;
    const waits = stored.primary === null && this.#steps.policy(family.run).wan.fallback === "wait";
    timers.set(family, now + (waits ? absentMs : primaryGraceMs));
  }

  #replace(now: Instant, family: LiveFamily): void {
    const { inventory, timings } = this.#parts;
    const lostAt = family.primaryLostAt ?? now;
    const settledBefore = now - timings.rejoinGraceMs;
    const successors = candidates(family, this.#parts).filter(
      (ap) => ap.record.mac !== family.stored.primary && isSteady(ap, inventory.heardAt(ap.record.mac), lostAt, settledBefore),
    );
    const choice = this.#choose(family, successors, false);
    if (choice.mac === null && now - lostAt < timings.absentMs) return;
    this.stepDown(family, "left and did not come back in time");
    this.carryOut(now, family, choice);
  }

  /** Subordinates get bytes from the lost primary: only its way to the controller is gone. */
  #lanIsAlive(now: Instant, family: LiveFamily): boolean {
    const since = now - 2 * this.#parts.timings.primaryGraceMs;
    for (const { stored, path, movedAt } of family.members.values()) {
      if (stored.phase === "active" && path === "lan" && movedAt !== null && movedAt >= since) return true;
    }
    return false;
  }

  #choose(family: LiveFamily, aps: readonly KnownAp[], isFirst: boolean): PrimaryChoice {
    const { family: name, image, steppedDown } = family.stored;
    if (!image) return nobody;
    return choosePrimary(aps, this.#steps.policy(family.run), this.#parts.inventory, {
      family: name,
      sizeBytes: image.sizeBytes,
      // An AP's report can be ahead of its inventory.
      holds: (ap) => family.members.get(ap.record.mac)?.stored.phase === "complete" || holdsImage(ap, image.sha256),
      steppedDown,
      isFirst,
    });
  }

  /** Appoints the elected primary and gives it its first order; where nobody was elected, notes why. */
  carryOut(now: Instant, family: LiveFamily, choice: PrimaryChoice): void {
    const { runs, outbox } = this.#parts;
    const { run, stored } = family;
    const { mac, manual, because, holds, refetch, warning } = choice;
    if (mac === null) {
      if (stored.warning === warning) return;
      stored.warning = warning;
      runs.saveRun(run);
      return;
    }
    Object.assign(stored, { primary: mac, manual, warning });
    Object.assign(family, { primaryLostAt: null, serving: "no", served: null });
    this.#steps.timers.clear(family);
    runs.saveRun(run);
    outbox.event({ type: "primary-elected", runId: run.id, family: stored.family, mac, manual, because, warning });
    const live = family.members.get(mac) as LiveMember;
    Object.assign(live.stored, { role: "primary", server: null, refetch });
    runs.saveMember(live);
    if (holds && !refetch) this.#steps.orderToServe(now, live);
    else this.#steps.askWan(live);
  }

  /** Orders those who wait for the primary, or still try at a former one. */
  #release(now: Instant, family: LiveFamily): void {
    const { primary } = family.stored;
    if (family.serving !== "yes" || primary === null) return;
    for (const live of family.members.values()) {
      const { stored, state, waitsFor } = live;
      if (stored.role !== "subordinate" || hasEnded(stored) || waitsFor === "resync") continue;
      const isMisled = stored.server !== primary && state !== "fetching";
      if ((stored.phase !== "pending" && !isMisled) || !this.#parts.inventory.isJoined(stored.mac)) continue;
      stored.server = primary;
      this.#steps.order(now, live);
    }
  }

  /** No eligible primary is in sight: what the group's fallback policy says. */
  #doWithout(now: Instant, live: LiveMember): void {
    const isAllowed = this.#steps.policy(live.run).wan.fallback === "fallback";
    if (isAllowed && this.#steps.budgetAllows(live)) this.#steps.askWan(live, "fallback");
    else {
      const detail = `no AP of its model can be primary${isAllowed ? ", and the fallback budget is used up" : ""}`;
      this.#steps.end(now, live, "failed", { reason: "primary-unreachable", detail });
    }
  }
}

function needsPrimary({ members }: LiveFamily): boolean {
  for (const { stored } of members.values()) if (!hasEnded(stored) && stored.role !== "fallback") return true;
  return false;
}

/** Members that could be primary: not those whose part is over without an image, nor those that use the WAN. */
function candidates({ members }: LiveFamily, { inventory }: RunParts): KnownAp[] {
  return [...members.values()].flatMap(({ stored }) => {
    const stands = stored.phase === "complete" || (!hasEnded(stored) && stored.role !== "fallback");
    return stands ? (inventory.get(stored.mac) ?? []) : [];
  });
}
