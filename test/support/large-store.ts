/** The data folder of a controller that has done its work for a long time: a thousand APs in ten groups, with the reports of their runs. */
import type { MacAddress } from "../../src/base/mac-address.js";
import { newGroup } from "../../src/core/controller/groups.js";
import type { ApRecord, StoredRecord } from "../../src/core/controller/records.js";
import { storedRow } from "../../src/core/controller/row-table.js";
import { type MemberState, noFault } from "../../src/core/controller/run/member-state.js";
import { type FamilyState, newFamily, newMember, type Run, runImage } from "../../src/core/controller/run/run.js";
import { memberRecord, runRecord } from "../../src/core/controller/run/run-rows.js";
import { newTestimony } from "../../src/core/controller/run/testimony.js";
import { modelFacts } from "../../src/core/upgrade/models.js";
import { openStore } from "../../src/runtime/controller/store/open-store.js";
import type { CrowdAp } from "./crowd.js";

export const largeModels = ["AIR-AP2802I", "AIR-AP1832I", "AIR-AP1815I"] as const;
export const version = { old: "8.5.161.0", new: "8.10.183.0" } as const;
const imageBytes = 48 * 2 ** 20;
const runMs = 20 * 60_000;

export interface LargeOptions {
  readonly groups: number;
  readonly apsPerGroup: number;
  /** Finished runs of each group. */
  readonly runsPerGroup: number;
  /** Second octet of the APs' loopback addresses. */
  readonly net: number;
}

export const groupName = (index: number): string => `Branch ${index + 1}`;

/** The APs of the store, group after group. */
export function largeFleet({ groups, apsPerGroup, net }: LargeOptions): (CrowdAp & { readonly group: string; readonly mac: MacAddress })[] {
  return Array.from({ length: groups * apsPerGroup }, (_, number) => {
    const [high, low] = [number >> 8, number & 255];
    const group = Math.floor(number / apsPerGroup);
    return {
      group: groupName(group),
      name: `branch-${group + 1}-ap${String((number % apsPerGroup) + 1).padStart(3, "0")}`,
      mac: `00:0a:b8:00:${hex(high)}:${hex(low)}` as MacAddress,
      model: largeModels[number % largeModels.length] as string,
      version: version.old,
      bind: `127.${net}.${high}.${low}`,
    };
  });
}

const hex = (octet: number): string => octet.toString(16).padStart(2, "0");

/** Writes it by the controller's own store. @returns the APs */
export function writeLargeStore(folder: string, options: LargeOptions): ReturnType<typeof largeFleet> {
  const fleet = largeFleet(options);
  const records: StoredRecord[] = [];
  const now = Date.now();
  for (const { mac, name, model } of fleet) {
    const slots = {
      primary: { version: version.old, sha256: "a".repeat(64) },
      backup: { version: "", sha256: "" },
      running: "primary",
    } as const;
    const ap: ApRecord = {
      mac,
      name,
      model,
      serial: mac.replaceAll(":", ""),
      runningVersion: version.old,
      joinedAt: now - 3_600_000,
      slots,
    };
    records.push(storedRow("ap", mac, ap));
  }
  for (let index = 0; index < options.groups; index++) {
    const name = groupName(index);
    const aps = fleet.filter(({ group }) => group === name);
    const group = { ...newGroup(name), predownload: true, backoffSecondsMin: 1, backoffSecondsMax: 3, aps: aps.map(({ mac }) => mac) };
    records.push(storedRow("group", name, group));
    for (let turn = 0; turn < options.runsPerGroup; turn++) {
      const id = 1 + index + turn * options.groups;
      const run = finishedRun(id, name, aps, now - (options.runsPerGroup - turn) * 86_400_000);
      records.push(storedRow("run", id, runRecord(run)));
      for (const member of run.members.values()) records.push(storedRow("member", { runId: id, mac: member.mac }, memberRecord(member)));
    }
  }
  const store = openStore(folder);
  if (!store.ok) throw new Error(store.failure.message);
  store.value.apply(records);
  store.value.close();
  return fleet;
}

function finishedRun(id: number, group: string, aps: readonly { mac: MacAddress; model: string }[], startedAt: number): Run {
  const finishedAt = startedAt + runMs;
  const run: Run = {
    id,
    group,
    release: "primary",
    startedAt,
    open: true,
    state: "complete",
    finishedAt,
    families: new Map(),
    members: new Map(),
  };
  for (const { mac, model } of aps) {
    const { family: name } = modelFacts(model);
    const image = runImage(name, { version: version.old, fileName: `${name}.img`, sizeBytes: imageBytes, sha256: "a".repeat(64) });
    const known = run.families.get(name);
    const role = known === undefined ? "primary" : "subordinate";
    const serving: FamilyState = { phase: "serving", testimony: newTestimony(0), keepsSlotsFor: new Set(), primary: mac, manual: false };
    const family = known ?? { ...newFamily(run, name, image), state: serving, sessionsPeak: 3 };
    run.families.set(name, family);
    const bytes =
      role === "primary" ? ({ source: "wan", wanBytes: imageBytes } as const) : ({ source: "lan", lanBytes: imageBytes } as const);
    const state: MemberState = { phase: "complete", role, at: finishedAt, ...noFault };
    run.members.set(mac, { ...newMember(startedAt, mac, family), ...bytes, startedAt: startedAt + 1000, state });
  }
  return run;
}
