/** What is shown of activations: before they start, while they are in progress, and afterwards. */
import { limits } from "../../upgrade/limits.js";
import type { ActivationApPhase, ActivationOptions, ActivationRecord } from "../activation/activation.js";
import { type ActivationPlan, judgeAp } from "../activation/activation-plan.js";
import { stateWords } from "../activation/activation-state.js";
import type { ActivatedAp, Activation } from "../activation/activation-table.js";
import type { GroupRecord } from "../records.js";
import type { NamedSettings } from "./differences.js";
import type { ViewParts } from "./view-parts.js";
import type { ActivationCounts, ActivationPreview, ActivationReport, ActivationView } from "./views.js";

const countOf: Readonly<Record<ActivationApPhase, keyof ActivationCounts>> = {
  waiting: "waiting",
  swapping: "underWay",
  resetting: "underWay",
  booting: "underWay",
  settling: "underWay",
  active: "active",
  failed: "failed",
  skipped: "skipped",
};

function countsOf(aps: readonly ActivatedAp[]): ActivationCounts {
  const counts = { waiting: 0, underWay: 0, active: 0, failed: 0, skipped: 0 };
  for (const { record } of aps) counts[countOf[record.state.phase]]++;
  return counts;
}

export function activationView({ record, aps }: Activation): ActivationView {
  const { batches, ...rest } = record;
  const inBatch = batches.map((): ActivatedAp[] => []);
  for (const ap of aps.values()) if (ap.record.batch !== null) inBatch[ap.record.batch]?.push(ap);
  return {
    ...rest,
    counts: countsOf([...aps.values()]),
    batches: batches.map(({ canary, failuresMax }, index) => ({ canary, failuresMax, counts: countsOf(inBatch[index] ?? []) })),
  };
}

export function activationReport({ inventory }: Pick<ViewParts, "inventory">, activation: Activation): ActivationReport {
  const rows = [...activation.aps.values()].map(({ record: { mac, batch, image, state } }) => ({
    mac,
    name: inventory.get(mac)?.record.name ?? null,
    batch,
    version: image?.version ?? null,
    phase: state.phase,
    reason: "reason" in state ? state.reason : null,
  }));
  const order = ({ batch }: (typeof rows)[number]): number => batch ?? Number.POSITIVE_INFINITY;
  return { ...activationView(activation), aps: rows.sort((a, b) => order(a) - order(b) || (a.mac < b.mac ? -1 : 1)) };
}

export function activationPreview(
  group: string,
  { pauseSeconds }: ActivationOptions,
  { refusal, aps, batches, skipped }: ActivationPlan,
  steadySeconds: number,
): ActivationPreview {
  const { assumedRebootSeconds } = limits.activation;
  const batchSeconds = assumedRebootSeconds + steadySeconds;
  const byMac = new Map(aps.map(({ image, ...ap }) => [ap.mac, { ...ap, version: image.version }]));
  return {
    group,
    objection: refusal,
    batches: batches.map(({ canary, failuresMax, aps: macs }, index) => ({
      canary,
      failuresMax,
      startsAfterSeconds: index * (batchSeconds + pauseSeconds),
      aps: macs.flatMap((mac) => byMac.get(mac) ?? []),
    })),
    skipped,
    expectedSeconds: batches.length === 0 ? null : batches.length * batchSeconds + (batches.length - 1) * pauseSeconds,
    assumedRebootSeconds,
  };
}

/** APs of the group that an activation would boot into the image of their last run. */
export function readyToActivate({ inventory, runs, activationTable, activations }: ViewParts, group: GroupRecord): number {
  if (runs.runningOfGroup(group.name) || activationTable.unfinishedOf(group.name)) return 0;
  return group.aps.filter((mac) => "activate" in judgeAp({ inventory, runs, isInRun: activations.isInRun }, group, mac, false)).length;
}

/** In the lines of `differenceLines`. */
export const namedActivation = ({ group, options, state }: ActivationRecord): NamedSettings => ({
  name: group,
  settings: { ...options, state: stateWords(state) },
});
