/** FlexConnect groups: what the operator set. Nothing here knows a run. */
import { type Result, success } from "../../base/failure.js";
import { compareMac, type MacAddress, parseMac } from "../../base/mac-address.js";
import { limits, type PlatformName, platforms } from "../upgrade/limits.js";
import { type GroupConfig, groupDifferences } from "./operator/group-config.js";
import { changedSettings, type GroupSettingsChange, initialSettings } from "./operator/group-settings.js";
import { refuse } from "./operator/refusals.js";
import { Outbox } from "./outbox.js";
import type { GroupRecord } from "./records.js";

export interface GroupLimits {
  readonly platform: PlatformName;
  readonly lab: boolean;
}

export const newGroup = (name: string): GroupRecord => ({
  name,
  ...initialSettings(),
  aps: [],
  manualPrimaries: [],
  forcedSubordinates: [],
});

/** `before` null: a new group. `after` null: it is deleted. */
export type GroupListener = (before: GroupRecord | null, after: GroupRecord | null) => void;

const nameShape = /^[!-,.0-~](?:[ -.0-~]{0,30}[!-.0-~])?$/;
const done = success(null);
const without = (macs: readonly MacAddress[], mac: MacAddress): MacAddress[] => macs.filter((other) => other !== mac);

export class Groups {
  readonly #groups = new Map<string, GroupRecord>();
  readonly #groupOf = new Map<MacAddress, string>();
  readonly #limits: GroupLimits;
  readonly #outbox: Outbox;
  readonly #onChange: GroupListener;

  constructor(records: readonly GroupRecord[], groupLimits: GroupLimits, outbox: Outbox, onChange: GroupListener = () => {}) {
    this.#limits = groupLimits;
    this.#outbox = outbox;
    this.#onChange = onChange;
    for (const record of records) {
      this.#groups.set(record.name, record);
      if (!groupLimits.lab) this.#endLab(record);
      for (const mac of record.aps) this.#groupOf.set(mac, record.name);
    }
  }

  /** By name. */
  all(): GroupRecord[] {
    return [...this.#groups.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  find(name: string): Result<GroupRecord> {
    const group = this.#groups.get(name);
    return group ? success(group) : refuse.unknownGroup(name);
  }

  of(mac: MacAddress): GroupRecord | undefined {
    const name = this.#groupOf.get(mac);
    return name === undefined ? undefined : this.#groups.get(name);
  }

  add(name: string): Result<null> {
    if (!nameShape.test(name)) return refuse.badGroupName(name.slice(0, 64));
    if (this.#groups.has(name)) return refuse.groupExists(name);
    this.#store(newGroup(name));
    return done;
  }

  delete(group: GroupRecord): void {
    const { name, aps } = group;
    for (const mac of aps) this.#groupOf.delete(mac);
    this.#groups.delete(name);
    this.#onChange(group, null);
    this.#outbox.remove("group", name);
  }

  addAp(group: GroupRecord, text: string): Result<MacAddress> {
    const mac = parseMac(text);
    if (mac === undefined) return refuse.badMac(text.slice(0, 64));
    const present = this.#groupOf.get(mac);
    if (present !== undefined) return refuse.apInGroup(mac, present);
    const { apsPerGroup } = platforms[this.#limits.platform];
    if (group.aps.length >= apsPerGroup) return refuse.groupFull(group.name, this.#limits.platform, apsPerGroup);
    this.#groupOf.set(mac, group.name);
    this.#store({ ...group, aps: [...group.aps, mac].sort(compareMac) });
    return success(mac);
  }

  deleteAp(group: GroupRecord, text: string): Result<MacAddress> {
    const mac = parseMac(text);
    if (mac === undefined) return refuse.badMac(text.slice(0, 64));
    if (this.#groupOf.get(mac) !== group.name) return refuse.apNotInGroup(mac, group.name);
    this.#groupOf.delete(mac);
    this.#store({
      ...group,
      aps: without(group.aps, mac),
      manualPrimaries: without(group.manualPrimaries, mac),
      forcedSubordinates: without(group.forcedSubordinates, mac),
    });
    return success(mac);
  }

  set(group: GroupRecord, change: GroupSettingsChange): Result<null> {
    const settings = changedSettings(group, change, this.#limits);
    if (!settings.ok) return settings;
    this.#store({ ...group, ...settings.value });
    return done;
  }

  /** @param sameFamily the other members that share the AP's image family: it replaces their manual primary */
  addPrimary(group: GroupRecord, mac: MacAddress, sameFamily: ReadonlySet<MacAddress>): Result<null> {
    this.#store({
      ...group,
      manualPrimaries: [...group.manualPrimaries.filter((other) => other !== mac && !sameFamily.has(other)), mac],
      forcedSubordinates: without(group.forcedSubordinates, mac),
    });
    return done;
  }

  removePrimary(group: GroupRecord, mac: MacAddress): Result<null> {
    if (!group.manualPrimaries.includes(mac)) return refuse.notPrimary(mac, group.name);
    this.#store({ ...group, manualPrimaries: without(group.manualPrimaries, mac) });
    return done;
  }

  /** A forced subordinate stops being manual primary. */
  addSubordinate(group: GroupRecord, mac: MacAddress): Result<null> {
    this.#store({
      ...group,
      manualPrimaries: without(group.manualPrimaries, mac),
      forcedSubordinates: [...without(group.forcedSubordinates, mac), mac],
    });
    return done;
  }

  removeSubordinate(group: GroupRecord, mac: MacAddress): Result<null> {
    if (!group.forcedSubordinates.includes(mac)) return refuse.notSubordinate(mac, group.name);
    this.#store({ ...group, forcedSubordinates: without(group.forcedSubordinates, mac) });
    return done;
  }

  /**
   * Puts `wanted` in the place of all groups, or refuses and changes nothing. A group of `busy` must stay as it is.
   * @returns the differences, one line each
   */
  replaceAll(
    wanted: readonly GroupConfig[],
    busy: (name: string) => boolean,
    check: boolean,
  ): Result<{ readonly changes: readonly string[] }> {
    const trial = this.#tryOut(wanted);
    if (!trial.ok) return trial;
    const after = trial.value;
    const isSame = (group: GroupRecord): boolean =>
      groupDifferences(
        [group],
        after.filter(({ name }) => name === group.name),
      ).length === 0;
    const disturbed = this.all().find((group) => busy(group.name) && !isSame(group));
    if (disturbed !== undefined) return refuse.groupBusy(disturbed.name);
    const changes = groupDifferences(this.all(), after);
    if (check) return success({ changes });
    for (const group of this.all()) if (!isSame(group)) this.delete(group);
    for (const group of after) {
      for (const mac of group.aps) this.#groupOf.set(mac, group.name);
      if (JSON.stringify(this.#groups.get(group.name)) !== JSON.stringify(group)) this.#store(group);
    }
    return success({ changes });
  }

  /** Builds groups by the rules that hold for single acts, in a place of its own. */
  #tryOut(wanted: readonly GroupConfig[]): Result<readonly GroupRecord[]> {
    const trial = new Groups([], this.#limits, new Outbox());
    for (const group of wanted) {
      const now = (): GroupRecord => trial.#groups.get(group.name) as GroupRecord;
      const steps: readonly (() => Result<unknown>)[] = [
        () => trial.add(group.name),
        ...group.aps.map((mac) => () => trial.addAp(now(), mac)),
        () => trial.set(now(), group),
        ...group.manualPrimaries.map((text) => () => withMember(now(), text, (mac) => trial.addPrimary(now(), mac, new Set()))),
        ...group.forcedSubordinates.map((text) => () => withMember(now(), text, (mac) => trial.addSubordinate(now(), mac))),
      ];
      for (const step of steps) {
        const result = step();
        if (!result.ok) return result;
      }
    }
    return success(trial.all());
  }

  /** "The random back-off value is more than 100 seconds": what a controller with `--lab` stored holds with `--lab` alone. */
  #endLab(group: GroupRecord): void {
    const { floor, defaultMin, defaultMax } = limits.backoffSeconds;
    if (group.backoffSecondsMin >= floor) return;
    const backoffSecondsMax = group.backoffSecondsMax > defaultMin ? group.backoffSecondsMax : defaultMax;
    this.#store({ ...group, backoffSecondsMin: defaultMin, backoffSecondsMax });
  }

  #store(group: GroupRecord): void {
    const former = this.#groups.get(group.name) ?? null;
    this.#groups.set(group.name, group);
    this.#onChange(former, group);
    this.#outbox.put("group", group.name, group);
  }
}

function withMember(group: GroupRecord, text: string, then: (mac: MacAddress) => Result<null>): Result<null> {
  const mac = parseMac(text);
  if (mac === undefined) return refuse.badMac(text.slice(0, 64));
  return group.aps.includes(mac) ? then(mac) : refuse.apNotInGroup(mac, group.name);
}
