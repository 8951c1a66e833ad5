/** What starting an upgrade would do, forecast from its plan. */
import type { Failure } from "../../../base/failure.js";
import {
  forecastLanPhase,
  forecastSlots,
  forecastTree,
  forecastWanPhase,
  type LanForecast,
  type LanPhase,
  servedByRetries,
} from "../../upgrade/forecast.js";
import { chunkBytesFor } from "../../upgrade/image-chunks.js";
import { type Distribution, distributions, type GroupSettings } from "../operator/group-settings.js";
import type { LinkRates } from "../operator/orders.js";
import type { DistributionForecast, GroupPreview, ModelPreview } from "../operator/views.js";
import type { FirstStep } from "./first-step.js";
import { notTakingPart, type PlannedFamily, type RunPlan } from "./plan.js";

/** A 20 Mb/s branch link and what plain TFTP moves at 1 ms round trip with 1,428-byte blocks: used until the operator gives better. */
export const assumedLink: LinkRates = { wanBytesPerSecond: 2_500_000, lanBytesPerSecond: 1_400_000 };

export interface PreviewInput {
  readonly plan: RunPlan;
  readonly group: GroupSettings & { readonly name: string };
  readonly sessionsMax: number;
  /** The controller's own limits. */
  readonly wan: { readonly transfersMax: number; readonly bytesPerSecondMax: number | null };
  readonly link?: LinkRates | undefined;
  /** What `force` would override. */
  readonly objection?: Failure | undefined;
}

export function previewRun(input: PreviewInput): GroupPreview {
  const { plan, group } = input;
  const link = input.link ?? assumedLink;
  const wanRate = wanRateOf(input, link);
  const drafts = draftModels(plan, group);
  const ends = wanEnds(drafts, wanRate.bytesPerSecond, Math.min(group.wan.transfersMax, input.wan.transfersMax));
  const isNoneFetching = sum(drafts, (draft) => draft.overWan + draft.subordinates) === 0;
  const forecastOf = (distribution: Distribution): ModelForecast[] =>
    drafts.map((draft, index) => forecastModel(draft, input, distribution, ends[index] as WanEnds, wanRate.bytesPerSecond, link));
  const own = forecastOf(group.distribution);
  const total = (distribution: Distribution, forecasts: readonly ModelForecast[]): DistributionForecast => {
    const slowest = forecasts.reduce<ModelForecast | undefined>((a, b) => (a && a.expectedSeconds >= b.expectedSeconds ? a : b), undefined);
    return {
      distribution,
      expectedSeconds: isNoneFetching ? null : (slowest?.expectedSeconds ?? null),
      wanBytes: sum(forecasts, ({ wanBytes }) => wanBytes),
      expectedFallbacks: sum(forecasts, ({ expectedFallbacks }) => expectedFallbacks),
      limitedBy: isNoneFetching ? null : (slowest?.limitedBy ?? null),
    };
  };
  const { wanBytes, expectedSeconds } = total(group.distribution, own);
  return {
    group: group.name,
    release: plan.release,
    objection: input.objection ?? plan.refusal,
    models: drafts.map((draft, index) => finishModel(draft, own[index] as ModelForecast)),
    wanBytes,
    wanBytesWithoutFeature: sum(drafts, (draft) => (draft.overWan + draft.subordinates) * (draft.image?.sizeBytes ?? 0)),
    expectedSeconds,
    distributions: distributions.map((distribution) =>
      total(distribution, distribution === group.distribution ? own : forecastOf(distribution)),
    ),
    link,
    wanRate,
    firstSteps: plan.members.map(({ mac, name, step }) => ({ mac, name, step })),
    skipped: notTakingPart(plan),
  };
}

/** The lowest of all limits. */
function wanRateOf({ group, wan }: PreviewInput, { wanBytesPerSecond }: LinkRates): GroupPreview["wanRate"] {
  const limits = [
    { bytesPerSecond: wanBytesPerSecond, boundBy: "link" },
    { bytesPerSecond: group.wan.bytesPerSecondMax ?? Number.POSITIVE_INFINITY, boundBy: "group" },
    { bytesPerSecond: wan.bytesPerSecondMax ?? Number.POSITIVE_INFINITY, boundBy: "controller" },
  ] as const;
  return limits.reduce((lowest, limit) => (limit.bytesPerSecond < lowest.bytesPerSecond ? limit : lowest));
}

type ModelDraft = Omit<ModelPreview, "expectedFallbacks" | "expectedSeconds"> & {
  /** The primary fetches. */
  readonly hasWanPrimary: boolean;
  /** APs that fetch over the WAN from the start, the primary included. */
  readonly overWan: number;
};

const draftModels = (plan: RunPlan, group: GroupSettings): ModelDraft[] =>
  plan.families.map((family) => draftModel(family, plan, group)).sort((a, b) => (a.family < b.family ? -1 : 1));

function draftModel({ family, image, choice, warnings }: PlannedFamily, plan: RunPlan, group: GroupSettings): ModelDraft {
  const members = plan.members.filter((member) => member.family === family);
  const count = (...steps: FirstStep[]): number => members.filter(({ step }) => steps.includes(step)).length;
  const primary = members.find(({ mac }) => mac === choice.mac);
  const sizeBytes = image?.sizeBytes ?? 0;
  const overWan = count("fetch-wan", "plain-wan") + Math.min(count("no-primary"), fallbacksAllowed(group, sizeBytes));
  return {
    family,
    models: [...new Set(members.map(({ model }) => model))].sort(),
    primary: primary ? { mac: primary.mac, name: primary.name, model: primary.model } : null,
    manual: choice.manual,
    warning: choice.warning,
    warnings,
    image: image && { version: image.version, sizeBytes },
    subordinates: count("fetch-lan"),
    alreadyHolding: count("serve", "holds") + (choice.refetch ? 1 : 0),
    wanBytes: overWan * sizeBytes,
    hasWanPrimary: primary?.step === "fetch-wan",
    overWan,
  };
}

function fallbacksAllowed({ wan }: GroupSettings, sizeBytes: number): number {
  if (wan.fallback !== "fallback") return 0;
  const { fallbackApsMax, fallbackBytesMax } = wan;
  return Math.min(fallbackApsMax ?? Number.POSITIVE_INFINITY, Math.floor((fallbackBytesMax ?? Number.POSITIVE_INFINITY) / sizeBytes));
}

/** Seconds from the start. */
interface WanEnds {
  /** When the primary has its image; 0 where it need not fetch. */
  readonly primary: number;
  readonly last: number;
}

/** Primaries come first in the WAN queue. */
function wanEnds(drafts: readonly ModelDraft[], bytesPerSecond: number, transfersMax: number): WanEnds[] {
  const transfersOf = (draft: ModelDraft, index: number, arePrimaries: boolean): { index: number; sizeBytes: number }[] => {
    const primaries = draft.hasWanPrimary ? 1 : 0;
    const length = arePrimaries ? primaries : draft.overWan - primaries;
    return Array.from({ length }, () => ({ index, sizeBytes: draft.image?.sizeBytes ?? 0 }));
  };
  const queue = [true, false].flatMap((arePrimaries) => drafts.flatMap((draft, index) => transfersOf(draft, index, arePrimaries)));
  const sizesBytes = queue.map(({ sizeBytes }) => sizeBytes);
  const ends = forecastWanPhase(sizesBytes, bytesPerSecond, transfersMax);
  return drafts.map(({ hasWanPrimary }, index) => {
    const own = ends.filter((_, at) => queue[at]?.index === index);
    return { primary: hasWanPrimary ? (own[0] ?? 0) : 0, last: Math.max(0, ...own) };
  });
}

interface ModelForecast extends Pick<ModelPreview, "expectedFallbacks" | "expectedSeconds" | "wanBytes"> {
  readonly limitedBy: NonNullable<DistributionForecast["limitedBy"]>;
  readonly warnings: readonly string[];
}

function forecastModel(
  { overWan, subordinates, image, wanBytes }: ModelDraft,
  { group, sessionsMax }: PreviewInput,
  distribution: Distribution,
  ends: WanEnds,
  wanBytesPerSecond: number,
  link: LinkRates,
): ModelForecast {
  const sizeBytes = image?.sizeBytes ?? 0;
  const phase: LanPhase = {
    subordinates,
    sessionsMax,
    lanTransferSeconds: sizeBytes / lanRateOf(group, link, Math.min(subordinates, sessionsMax)),
    wanTransferSeconds: sizeBytes / wanBytesPerSecond,
    wanTransfersAtFullSpeed: 1,
    backoffSecondsMin: group.backoffSecondsMin,
    backoffSecondsMax: group.backoffSecondsMax,
    retryCountMax: group.retryCount,
  };
  const slots = forecastSlots(phase);
  const chunks = Math.ceil(sizeBytes / chunkBytesFor(sizeBytes));
  const lanForecasts: Readonly<Record<Distribution, () => LanForecast>> = {
    classic: () => forecastLanPhase(phase),
    assigned: () => slots,
    stream: () => forecastTree({ ...phase, chunks }),
  };
  const lan = lanForecasts[distribution]();
  // Chunks go out while the image still comes in: of the LAN's time, only what is longer than the WAN's counts, and a chunk's after the last.
  const lanEnd =
    distribution === "stream" ? Math.max(lan.seconds, ends.primary + lan.seconds / Math.max(1, chunks)) : ends.primary + lan.seconds;
  const expectedFallbacks = Math.round(lan.fallbacks);
  const slotSeconds = Math.min(slots.seconds, lan.seconds);
  const parts = { wan: Math.max(ends.primary, ends.last - lan.seconds), slots: slotSeconds, "back-off": lan.seconds - slotSeconds };
  const [limitedBy] = (Object.entries(parts) as [keyof typeof parts, number][]).reduce((most, part) => (part[1] > most[1] ? part : most));
  return {
    expectedFallbacks,
    wanBytes: wanBytes + expectedFallbacks * sizeBytes,
    expectedSeconds: overWan + subordinates === 0 ? 0 : Math.ceil(Math.max(ends.last, subordinates === 0 ? 0 : lanEnd)),
    limitedBy,
    warnings: expectedFallbacks === 0 ? [] : [fallbackWarning(expectedFallbacks, servedByRetries(phase), group.retryCount)],
  };
}

/** One session's share of what an AP gives its LAN. */
const lanRateOf = ({ serveBytesPerSecondMax }: GroupSettings, { lanBytesPerSecond }: LinkRates, sessions: number): number =>
  Math.min(lanBytesPerSecond, (serveBytesPerSecondMax ?? Number.POSITIVE_INFINITY) / Math.max(1, sessions));

const fallbackWarning = (fallbacks: number, served: number, retryCount: number): string =>
  `About ${fallbacks} ${fallbacks === 1 ? "AP" : "APs"} will run out of tries and take the WAN: ${retryCount} tries last for about ` +
  `${served} APs. With "predownload distribution assigned" or "stream" none does.`;

const finishModel = (
  { hasWanPrimary: _, overWan: __, ...draft }: ModelDraft,
  { limitedBy: ___, warnings, ...forecast }: ModelForecast,
): ModelPreview => ({ ...draft, ...forecast, warnings: [...draft.warnings, ...warnings] });

const sum = <Item>(items: readonly Item[], of: (item: Item) => number): number => items.reduce((total, item) => total + of(item), 0);
