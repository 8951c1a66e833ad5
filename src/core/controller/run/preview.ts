/** What starting an upgrade would do, forecast from its plan. */
import type { Failure } from "../../../base/failure.js";
import { forecastLanPhase } from "../../upgrade/forecast.js";
import type { GroupSettings } from "../operator/group-settings.js";
import type { LinkRates } from "../operator/orders.js";
import type { GroupPreview, ModelPreview } from "../operator/views.js";
import type { FirstStep } from "./first-step.js";
import { notTakingPart, type PlannedFamily, type RunPlan } from "./plan.js";

/** A 20 Mb/s branch link and what plain TFTP moves at 1 ms round trip with 1,428-byte blocks: used until the operator gives better. */
export const assumedLink: LinkRates = { wanBytesPerSecond: 2_500_000, lanBytesPerSecond: 1_400_000 };

export interface PreviewInput {
  readonly plan: RunPlan;
  readonly group: GroupSettings & { readonly name: string };
  readonly sessionsMax: number;
  readonly link?: LinkRates | undefined;
  /** What `force` would override. */
  readonly objection?: Failure | undefined;
}

export function previewRun(input: PreviewInput): GroupPreview {
  const { plan, group } = input;
  const link = input.link ?? assumedLink;
  const drafts = plan.families.map((family) => draftModel(family, plan, group)).sort((a, b) => (a.family < b.family ? -1 : 1));
  // All WAN transfers of the start share one link, so each has its image when the sum has crossed.
  const wanSeconds = sum(drafts, ({ wanBytes }) => wanBytes) / link.wanBytesPerSecond;
  const models = drafts.map((draft) => finishModel(draft, input, wanSeconds, link));
  const fetching = sum(drafts, (draft) => draft.fetching);
  return {
    group: group.name,
    release: plan.release,
    objection: input.objection ?? plan.refusal,
    models,
    wanBytes: sum(models, (model) => model.wanBytes),
    wanBytesWithoutFeature: sum(drafts, (draft) => draft.fetching * (draft.image?.sizeBytes ?? 0)),
    expectedSeconds: fetching === 0 ? null : Math.max(...models.map((model) => model.expectedSeconds)),
    link,
    firstSteps: plan.members.map(({ mac, name, step }) => ({ mac, name, step })),
    skipped: notTakingPart(plan),
  };
}

type ModelDraft = Omit<ModelPreview, "expectedFallbacks" | "expectedSeconds"> & {
  /** APs of the model that would fetch. */
  readonly fetching: number;
};

function draftModel({ family, image, choice }: PlannedFamily, plan: RunPlan, group: GroupSettings): ModelDraft {
  const members = plan.members.filter((member) => member.family === family);
  const count = (...steps: FirstStep[]): number => members.filter(({ step }) => steps.includes(step)).length;
  const primary = members.find(({ mac }) => mac === choice.mac);
  const withoutPrimary = group.wan.fallback === "fallback" ? count("no-primary") : 0;
  const overWan = count("fetch-wan", "plain-wan") + withoutPrimary;
  const subordinates = count("fetch-lan");
  return {
    family,
    models: [...new Set(members.map(({ model }) => model))].sort(),
    primary: primary ? { mac: primary.mac, name: primary.name, model: primary.model } : null,
    manual: choice.manual,
    warning: choice.warning,
    image: image && { version: image.version, sizeBytes: image.sizeBytes },
    subordinates,
    alreadyHolding: count("serve", "holds") + (choice.refetch ? 1 : 0),
    wanBytes: overWan * (image?.sizeBytes ?? 0),
    fetching: overWan + subordinates,
  };
}

function finishModel(
  { fetching, ...draft }: ModelDraft,
  { group, sessionsMax }: PreviewInput,
  wanSeconds: number,
  link: LinkRates,
): ModelPreview {
  const sizeBytes = draft.image?.sizeBytes ?? 0;
  const lan = forecastLanPhase({
    subordinates: draft.subordinates,
    sessionsMax,
    lanTransferSeconds: sizeBytes / link.lanBytesPerSecond,
    wanTransferSeconds: sizeBytes / link.wanBytesPerSecond,
    backoffSecondsMin: group.backoffSecondsMin,
    backoffSecondsMax: group.backoffSecondsMax,
    retryCountMax: group.retryCount,
  });
  const expectedFallbacks = Math.round(lan.fallbacks);
  return {
    ...draft,
    expectedFallbacks,
    wanBytes: draft.wanBytes + expectedFallbacks * sizeBytes,
    expectedSeconds: fetching === 0 ? 0 : Math.ceil((draft.wanBytes > 0 ? wanSeconds : 0) + lan.seconds),
  };
}

const sum = <Item>(items: readonly Item[], of: (item: Item) => number): number => items.reduce((total, item) => total + of(item), 0);
