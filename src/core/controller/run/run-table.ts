/**
 * The runs: what is stored of them, and beside it what only matters while the process lives. Every change of
 * stored state goes through `save…`, so that the rows are in the outbox before any command is.
 */
import type { MacAddress } from "../../../base/mac-address.js";
import type { Instant } from "../../../base/time.js";
import type { FailureReason } from "../../../wire/capwap/vendor.js";
import { limits, type ReleaseName } from "../../upgrade/limits.js";
import { RateMeter } from "../../upgrade/rate-meter.js";
import type { ApReport, ApServing } from "../ap-port.js";
import type { Outbox } from "../outbox.js";
import { runRecord } from "../records.js";
import { type FamilyRun, hasEnded, isRunning, type Member, type Run, type RunImage } from "./run.js";

export interface LiveMember {
  readonly kind: "member";
  readonly run: Run;
  readonly family: LiveFamily;
  readonly stored: Member;
  /** The AP's last report in this session, null before the first. */
  state: ApReport["state"] | null;
  path: ApReport["path"];
  bytesDone: number;
  nextRetryAt: Instant | null;
  /** Why its last try at the primary failed, while it waits for the next. */
  waitsBecause: FailureReason | null;
  /** It was told once in this life that it cannot reach its primary. */
  isCutOffTold: boolean;
  readonly rate: RateMeter;
  /** When bytes were last seen to grow. */
  movedAt: Instant | null;
  /** What its timer is about: `resync` is the AP's own word after a rejoin. */
  waitsFor: "report" | "rejoin" | "resync" | null;
  /** The order was repeated once because of silence. */
  reminded: boolean;
}

export interface LiveFamily {
  readonly kind: "family";
  readonly run: Run;
  readonly stored: FamilyRun;
  readonly members: Map<MacAddress, LiveMember>;
  /** Does the primary offer the image? `told`: it has the image and was ordered to serve it. */
  serving: "no" | "told" | "yes";
  /** When the primary's session was found lost. */
  primaryLostAt: Instant | null;
  served: ApServing | null;
}

export class RunTable {
  /** Oldest first. */
  readonly #runs = new Map<number, Run>();
  readonly #families = new Map<FamilyRun, LiveFamily>();
  /** The latest run that each AP took part in. */
  readonly #latest = new Map<MacAddress, LiveMember>();
  /** By group; null for runs without LAN sharing, of which there may be many. */
  readonly #latestOfGroup = new Map<string, Run>();
  readonly #outbox: Outbox;
  readonly #hasGroup: (name: string) => boolean;
  #lastId = 0;

  /** @param hasGroup whether there is a group of that name now */
  constructor(runs: readonly Run[], outbox: Outbox, hasGroup: (name: string) => boolean) {
    this.#outbox = outbox;
    this.#hasGroup = hasGroup;
    for (const run of runs) {
      this.#index(run);
      for (const family of run.families.values()) this.#liveFamily(run, family);
      for (const member of run.members.values()) this.#liveMember(run, member);
    }
  }

  /** Newest first. */
  all(): Run[] {
    return [...this.#runs.values()].reverse();
  }

  running(): Run[] {
    return [...this.#runs.values()].filter(isRunning);
  }

  get(id: number): Run | undefined {
    return this.#runs.get(id);
  }

  /** Whether this controller ever began a run of that number, be it forgotten by now. */
  hasBegun(id: number): boolean {
    return id >= 1 && id <= this.#lastId;
  }

  latestOfGroup(group: string): Run | undefined {
    return this.#latestOfGroup.get(group);
  }

  runningOfGroup(group: string): Run | undefined {
    const run = this.#latestOfGroup.get(group);
    return run && isRunning(run) ? run : undefined;
  }

  latestOfAp(mac: MacAddress): LiveMember | undefined {
    return this.#latest.get(mac);
  }

  /** The AP's part in a run that is going on. An AP is in one such run at most. */
  runningOfAp(mac: MacAddress): LiveMember | undefined {
    const live = this.#latest.get(mac);
    return live && isRunning(live.run) ? live : undefined;
  }

  liveFamily(family: FamilyRun): LiveFamily {
    return this.#families.get(family) as LiveFamily;
  }

  create(now: Instant, group: string | null, release: ReleaseName, open: boolean): Run {
    const run: Run = {
      id: this.#lastId + 1,
      group,
      release,
      startedAt: now,
      open,
      state: "running",
      finishedAt: null,
      families: new Map(),
      members: new Map(),
    };
    this.#index(run);
    this.saveRun(run);
    this.#forgetOldest();
    return run;
  }

  addFamily(run: Run, family: string, image: RunImage | null): LiveFamily {
    const stored: FamilyRun = {
      family,
      image,
      primary: null,
      manual: false,
      warning: null,
      steppedDown: new Set(),
      sessionsPeak: 0,
    };
    run.families.set(family, stored);
    this.saveRun(run);
    return this.#liveFamily(run, stored);
  }

  addMember(run: Run, member: Member): LiveMember {
    run.members.set(member.mac, member);
    const live = this.#liveMember(run, member);
    this.saveMember(live);
    return live;
  }

  // An AP may have more to say of a run that is forgotten, its latest: that is shown and no longer stored.

  saveRun(run: Run): void {
    if (this.#runs.has(run.id)) this.#outbox.put("run", run.id, runRecord(run));
  }

  saveMember({ run, stored }: Pick<LiveMember, "run" | "stored">): void {
    if (this.#runs.has(run.id)) this.#outbox.put("member", { runId: run.id, mac: stored.mac }, stored);
  }

  #index(run: Run): void {
    this.#runs.set(run.id, run);
    this.#lastId = Math.max(this.#lastId, run.id);
    if (run.group !== null) this.#latestOfGroup.set(run.group, run);
  }

  #liveFamily(run: Run, stored: FamilyRun): LiveFamily {
    const live: LiveFamily = { kind: "family", run, stored, members: new Map(), serving: "no", primaryLostAt: null, served: null };
    this.#families.set(stored, live);
    return live;
  }

  #liveMember(run: Run, stored: Member): LiveMember {
    const family = this.liveFamily(run.families.get(stored.family) as FamilyRun);
    const live: LiveMember = {
      kind: "member",
      run,
      family,
      stored,
      state: null,
      path: "none",
      bytesDone: 0,
      nextRetryAt: null,
      waitsBecause: null,
      isCutOffTold: false,
      rate: new RateMeter(),
      movedAt: null,
      waitsFor: null,
      reminded: false,
    };
    family.members.set(stored.mac, live);
    const former = this.#latest.get(stored.mac);
    if (!former || hasEnded(former.stored) || !isRunning(former.run)) this.#latest.set(stored.mac, live);
    return live;
  }

  /** Keeps the store from growing without end: the oldest finished runs go. */
  #forgetOldest(): void {
    for (const run of this.#runs.values()) {
      if (this.#runs.size <= limits.runsKept) return;
      if (isRunning(run) || this.#isLatestSomewhere(run)) continue;
      this.#runs.delete(run.id);
      for (const family of run.families.values()) this.#families.delete(family);
      this.#outbox.remove("run", run.id);
      for (const mac of run.members.keys()) this.#outbox.remove("member", { runId: run.id, mac });
    }
  }

  #isLatestSomewhere(run: Run): boolean {
    return run.group !== null && this.#hasGroup(run.group) && this.#latestOfGroup.get(run.group) === run;
  }
}
