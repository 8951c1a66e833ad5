/**
 * The runs by number, group and AP. Every change of what is stored goes through `save…`, so that the rows are in the outbox before any
 * command is.
 */
import type { MacAddress } from "../../../base/mac-address.js";
import type { Instant } from "../../../base/time.js";
import { limits, type ReleaseName } from "../../upgrade/limits.js";
import type { Outbox } from "../outbox.js";
import { type Family, isRunning, isTakingPart, type Member, newFamily, newMember, type Run, type RunImage } from "./run.js";
import type { RunId } from "./run-numbers.js";
import { memberRecord, runRecord } from "./run-rows.js";

export class RunTable {
  /** Oldest first. */
  readonly #runs = new Map<RunId, Run>();
  /** The latest part that each AP took in a run. */
  readonly #latest = new Map<MacAddress, Member>();
  /** By group; runs without LAN sharing, of which there may be many, are not here. */
  readonly #latestOfGroup = new Map<string, Run>();
  readonly #outbox: Outbox;
  readonly #hasGroup: (name: string) => boolean;
  #lastId = 0;

  /** @param hasGroup whether there is a group of that name now */
  constructor(runs: readonly Run[], outbox: Outbox, hasGroup: (name: string) => boolean) {
    this.#outbox = outbox;
    this.#hasGroup = hasGroup;
    for (const run of runs) {
      this.#indexRun(run);
      for (const member of run.members.values()) this.#indexMember(member);
    }
  }

  /** Newest first. */
  all(): Run[] {
    return [...this.#runs.values()].reverse();
  }

  running(): Run[] {
    return [...this.#runs.values()].filter(isRunning);
  }

  get(id: RunId): Run | undefined {
    return this.#runs.get(id);
  }

  /** Whether this controller ever began a run of that number, though it may be forgotten by now. */
  hasBegun(id: RunId): boolean {
    return id >= 1 && id <= this.#lastId;
  }

  latestOfGroup(group: string): Run | undefined {
    return this.#latestOfGroup.get(group);
  }

  runningOfGroup(group: string): Run | undefined {
    const run = this.#latestOfGroup.get(group);
    return run && isRunning(run) ? run : undefined;
  }

  latestOfAp(mac: MacAddress): Member | undefined {
    return this.#latest.get(mac);
  }

  /** The AP's part in a run that has not ended. An AP is in one such run at most. */
  runningOfAp(mac: MacAddress): Member | undefined {
    const member = this.#latest.get(mac);
    return member && isRunning(member.run) ? member : undefined;
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
    this.#indexRun(run);
    this.saveRun(run);
    this.#forgetOldest();
    return run;
  }

  addFamily(run: Run, name: string, image: RunImage | null): Family {
    const family = newFamily(run, name, image);
    run.families.set(name, family);
    this.saveRun(run);
    return family;
  }

  addMember(now: Instant, mac: MacAddress, family: Family): Member {
    const member = newMember(now, mac, family);
    family.run.members.set(mac, member);
    this.#indexMember(member);
    this.saveMember(member);
    return member;
  }

  // An AP may report more of a run that is forgotten, its latest: that is shown and no longer stored.

  saveRun(run: Run): void {
    if (this.#runs.has(run.id)) this.#outbox.put("run", run.id, runRecord(run));
  }

  saveMember(member: Member): void {
    const { run, mac } = member;
    if (this.#runs.has(run.id)) this.#outbox.put("member", { runId: run.id, mac }, memberRecord(member));
  }

  #indexRun(run: Run): void {
    this.#runs.set(run.id, run);
    this.#lastId = Math.max(this.#lastId, run.id);
    if (run.group !== null) this.#latestOfGroup.set(run.group, run);
  }

  #indexMember(member: Member): void {
    member.family.members.set(member.mac, member);
    const former = this.#latest.get(member.mac);
    if (!former || !isTakingPart(former) || !isRunning(former.run)) this.#latest.set(member.mac, member);
  }

  /** Keeps the store from growing without end: the oldest finished runs go. */
  #forgetOldest(): void {
    for (const run of this.#runs.values()) {
      if (this.#runs.size <= limits.runsKept) return;
      if (isRunning(run) || this.#isLatestSomewhere(run)) continue;
      this.#runs.delete(run.id);
      this.#outbox.remove("run", run.id);
      for (const mac of run.members.keys()) this.#outbox.remove("member", { runId: run.id, mac });
    }
  }

  #isLatestSomewhere(run: Run): boolean {
    return run.group !== null && this.#hasGroup(run.group) && this.#latestOfGroup.get(run.group) === run;
  }
}
