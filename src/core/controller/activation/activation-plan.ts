/**
 * Which APs an activation boots into what, in which batches, and whom it skips and why. The activation carries a plan out and the
 * preview shows one, so that they cannot differ.
 */
import type { Failure } from "../../../base/failure.js";
import type { MacAddress } from "../../../base/mac-address.js";
import type { Prng } from "../../../base/prng.js";
import type { Instant } from "../../../base/time.js";
import { compareVersions } from "../../upgrade/version-order.js";
import { holdsImage, type Inventory, type KnownAp } from "../inventory.js";
import { refuse } from "../operator/refusals.js";
import type { GroupRecord } from "../records.js";
import { primaryOf } from "../run/run.js";
import type { RunTable } from "../run/run-table.js";
import type { ActivationBatch, ActivationOptions, BatchRule, BootedImage } from "./activation.js";

export interface ActivationPlanState {
  readonly inventory: Inventory;
  readonly runs: RunTable;
  /** It takes part in an upgrade run, or others fetch from it. */
  readonly isInRun: (ap: KnownAp) => boolean;
}

export interface PlannedAp {
  readonly mac: MacAddress;
  readonly name: string;
  readonly model: string;
  /** The version that it runs now. */
  readonly from: string;
  readonly image: BootedImage;
  readonly primary: boolean;
}

export interface SkippedAp {
  readonly mac: MacAddress;
  /** Null for an AP that never joined. */
  readonly name: string | null;
  readonly reason: string;
}

export interface ActivationPlan {
  readonly refusal: Failure | null;
  readonly aps: readonly PlannedAp[];
  readonly batches: readonly ActivationBatch[];
  readonly skipped: readonly SkippedAp[];
}

export type ApVerdict = { readonly activate: PlannedAp } | { readonly skip: SkippedAp };

/** Whether an AP can boot the image of its last run now. */
export function judgeAp({ inventory, runs, isInRun }: ActivationPlanState, group: GroupRecord, mac: MacAddress, force: boolean): ApVerdict {
  const ap = inventory.get(mac);
  const name = ap?.record.name ?? null;
  const skip = (reason: string): ApVerdict => ({ skip: { mac, name, reason } });
  if (!group.aps.includes(mac)) return skip("no longer in the group");
  if (!ap) return skip("has never joined this controller");
  if (!ap.session) return skip("not joined to this controller");
  const { slots, runningVersion, model } = ap.record;
  if (slots === null || !ap.session.capable) return skip("does not speak the upgrade protocol");
  const member = runs.latestOfAp(mac);
  const image = member?.family.image;
  if (!member || !image) return skip("no upgrade has brought it an image");
  if (isInRun(ap)) return skip("takes part in an upgrade run");
  if (slots[slots.running].sha256 === image.sha256) return skip(`runs ${image.version} already`);
  if (!holdsImage(ap, image.sha256)) return skip(`does not hold ${image.version}, the image of its last upgrade`);
  if (!force && compareVersions(image.version, runningVersion) < 0)
    return skip(`would go back from ${runningVersion} to ${image.version}; activate with "force" to do it`);
  const { version, sha256 } = image;
  const primary = primaryOf(member.family) === mac;
  return { activate: { mac, name: ap.record.name, model, from: runningVersion, image: { version, sha256 }, primary } };
}

/** @param draw for the random order; the same generator gives the same plan */
export function planActivation(state: ActivationPlanState, group: GroupRecord, options: ActivationOptions, draw: Prng): ActivationPlan {
  const verdicts = group.aps.map((mac) => judgeAp(state, group, mac, options.force));
  const able = verdicts.flatMap((verdict) => ("activate" in verdict ? [verdict.activate] : []));
  const aps = sequenced(able, options, draw);
  const skipped = verdicts.flatMap((verdict) => ("skip" in verdict ? [verdict.skip] : []));
  const plan = { aps, batches: batchesOf(aps, options), skipped };
  const absent = options.canary.find((mac) => !aps.some((ap) => ap.mac === mac));
  const why = skipped.find(({ mac }) => mac === absent);
  const refused =
    (state.runs.runningOfGroup(group.name) && refuse.groupBusy(group.name)) ||
    (aps.length === 0 && refuse.nothingToActivate(group.name, skipped[0]?.reason ?? "it has no APs")) ||
    (absent !== undefined && refuse.canaryNotReady(why?.name ?? absent, why?.reason ?? "not in the group"));
  return { ...plan, refusal: refused ? refused.failure : null };
}

/** Whether the options make sense, whatever the group holds. */
export function optionsRefusal(now: Instant, { at, batch }: ActivationOptions): Failure | undefined {
  if (at !== null && at <= now) return refuse.timePast().failure;
  if (batch.kind !== "phases") return undefined;
  const rises = batch.phases.every(({ percent }, index) => percent > (batch.phases[index - 1]?.percent ?? 0));
  return rises && batch.phases.at(-1)?.percent === 100 ? undefined : refuse.badPhases().failure;
}

/** The canary first, primaries last. */
function sequenced(aps: readonly PlannedAp[], { order, canary }: ActivationOptions, draw: Prng): PlannedAp[] {
  const byName = [...aps].sort((a, b) => (a.name === b.name ? (a.mac < b.mac ? -1 : 1) : a.name < b.name ? -1 : 1));
  const list = order === "random" ? shuffled(byName, draw) : byName;
  const rank = ({ mac, primary }: PlannedAp): number => (canary.includes(mac) ? 0 : primary ? 2 : 1);
  return list.sort((a, b) => rank(a) - rank(b));
}

function shuffled<Item>(items: readonly Item[], draw: Prng): Item[] {
  const list = [...items];
  for (let at = list.length - 1; at > 0; at--) {
    const other = draw.below(at + 1);
    [list[at], list[other]] = [list[other] as Item, list[at] as Item];
  }
  return list;
}

/** Primaries have batches of their own: an AP that has to fetch the image again finds one up until all others are done. */
function batchesOf(aps: readonly PlannedAp[], { batch: rule, canary }: ActivationOptions): ActivationBatch[] {
  const first = aps.filter(({ mac }) => canary.includes(mac));
  const rest = aps.filter(({ mac }) => !canary.includes(mac));
  const primariesFrom = rest.findIndex(({ primary }) => primary);
  const batches: { key: string; canary: false; aps: MacAddress[]; failuresMax: number | null }[] = [];
  for (const [index, { mac, primary }] of rest.entries()) {
    const { part, failuresMax } = partOf(rule, index, primary ? index - primariesFrom : index, rest.length);
    const key = `${part} ${primary}`;
    const open = batches.at(-1);
    if (open?.key === key) open.aps.push(mac);
    else batches.push({ key, canary: false, aps: [mac], failuresMax });
  }
  const canaries: ActivationBatch[] = first.length === 0 ? [] : [{ canary: true, aps: first.map(({ mac }) => mac), failuresMax: 0 }];
  return [...canaries, ...batches.map(({ key: _, ...batch }) => batch)];
}

/** @param index among all APs @param place among the primaries, or among the others */
function partOf(rule: BatchRule, index: number, place: number, total: number): { part: number; failuresMax: number | null } {
  switch (rule.kind) {
    case "count":
      return { part: Math.floor(place / rule.aps), failuresMax: null };
    case "percent":
      return { part: Math.floor(place / shareOf(rule.percent, total)), failuresMax: null };
    case "phases": {
      const part = rule.phases.findIndex(({ percent }) => index < shareOf(percent, total));
      return { part, failuresMax: rule.phases[part]?.failuresMax ?? 0 };
    }
  }
}

/** At least one AP. */
const shareOf = (percent: number, total: number): number => Math.max(1, Math.ceil((total * percent) / 100));
