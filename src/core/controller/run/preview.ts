/** What starting an upgrade would do, worked out from what the controller shows; nothing here changes anything. */
import type { Failure } from "../../../base/failure.js";
import { forecastLanPhase } from "../../upgrade/forecast.js";
import type { ReleaseName } from "../../upgrade/limits.js";
import type { LinkRates } from "../operator/orders.js";
import type { ApImageRow, GroupPreview, GroupView, ImageView, ModelPreview, ModelView } from "../operator/views.js";

/** A 20 Mb/s branch link and what plain TFTP moves at 1 ms round trip with 1,428-byte blocks: used until the operator gives better. */
export const assumedLink: LinkRates = { wanBytesPerSecond: 2_500_000, lanBytesPerSecond: 1_400_000 };

export interface PreviewInput {
  readonly group: GroupView;
  /** At least the group's members. */
  readonly aps: readonly ApImageRow[];
  readonly images: readonly ImageView[];
  readonly release: ReleaseName;
  readonly link?: LinkRates | undefined;
  /** What `force` would override. */
  readonly objection?: Failure | undefined;
  /** Whether the primary of this family fetches an image that it holds already (the source document's Wave 2 rule). */
  readonly refetches: (family: string) => boolean;
}

export function previewRun(input: PreviewInput): GroupPreview {
  const { group, release } = input;
  const link = input.link ?? assumedLink;
  const rows = new Map(input.aps.map((row) => [row.mac, row]));
  const skipped: { mac: string; name: string | null; reason: string }[] = [];
  const membersByFamily = new Map<string, ApImageRow[]>(group.models.map((model) => [model.family, []]));
  for (const { mac, name, model, status } of group.aps) {
    const row = rows.get(mac);
    const family = group.models.find(({ models }) => model !== null && models.includes(model))?.family;
    if (status !== "Joined" || row === undefined) skipped.push({ mac, name, reason: "not joined to this controller" });
    else if (family === undefined) skipped.push({ mac, name, reason: "its model has no primary" });
    else membersByFamily.get(family)?.push(row);
  }
  const drafts = group.models.map((model) => draftModel(model, membersByFamily.get(model.family) ?? [], input));
  for (const { members, preview } of drafts)
    if (preview.image === null)
      for (const { mac, name } of members)
        skipped.push({ mac, name, reason: `the ${release} release has no image for ${preview.family}: add one with "flexup image add"` });

  // Every primary fetches at once over one link, so each has its image when the sum has crossed.
  const wanSeconds = sum(drafts, ({ preview }) => preview.wanBytes) / link.wanBytesPerSecond;
  const models = drafts.map(({ preview, fetching }) => finishModel(preview, fetching, group, wanSeconds, link));
  const fetchingAps = sum(drafts, ({ fetching }) => fetching);
  return {
    group: group.name,
    release,
    objection: input.objection ?? null,
    models,
    wanBytes: sum(models, (model) => model.wanBytes),
    wanBytesWithoutFeature: sum(drafts, ({ preview, fetching }) => fetching * (preview.image?.sizeBytes ?? 0)),
    expectedSeconds: fetchingAps === 0 ? null : Math.max(...models.map((model) => model.expectedSeconds)),
    link,
    skipped,
  };
}

interface ModelDraft {
  readonly members: readonly ApImageRow[];
  /** APs of the model that would fetch, the primary included. */
  readonly fetching: number;
  readonly preview: Omit<ModelPreview, "expectedFallbacks" | "expectedSeconds"> & { readonly sessionsMax: number };
}

function draftModel(model: ModelView, members: readonly ApImageRow[], input: PreviewInput): ModelDraft {
  const image = input.images.find(({ release, families }) => release === input.release && families.includes(model.family)) ?? null;
  const holds = (row: ApImageRow): boolean => image !== null && (row.primaryImage === image.version || row.backupImage === image.version);
  const others = members.filter(({ mac }) => mac !== model.primary?.mac);
  const lacking = image === null ? 0 : others.filter((row) => !holds(row)).length;
  const primaryRow = members.find(({ mac }) => mac === model.primary?.mac);
  const primaryFetches = image !== null && primaryRow !== undefined && (!holds(primaryRow) || input.refetches(model.family));
  return {
    members,
    fetching: lacking + (primaryFetches ? 1 : 0),
    preview: {
      family: model.family,
      models: model.models,
      primary: model.primary,
      manual: model.manual,
      warning: model.warning,
      image: image === null ? null : { version: image.version, sizeBytes: image.sizeBytes },
      subordinates: lacking,
      alreadyHolding: members.filter(holds).length,
      wanBytes: primaryFetches ? image.sizeBytes : 0,
      sessionsMax: model.sessionsMax,
    },
  };
}

function finishModel(
  { sessionsMax, ...preview }: ModelDraft["preview"],
  fetching: number,
  group: GroupView,
  wanSeconds: number,
  link: LinkRates,
): ModelPreview {
  const sizeBytes = preview.image?.sizeBytes ?? 0;
  const lan = forecastLanPhase({
    subordinates: preview.subordinates,
    sessionsMax,
    lanTransferSeconds: sizeBytes / link.lanBytesPerSecond,
    wanTransferSeconds: sizeBytes / link.wanBytesPerSecond,
    backoffSecondsMin: group.backoffSecondsMin,
    backoffSecondsMax: group.backoffSecondsMax,
    retryCountMax: group.retryCount,
  });
  const expectedFallbacks = Math.round(lan.fallbacks);
  return {
    ...preview,
    expectedFallbacks,
    wanBytes: preview.wanBytes + expectedFallbacks * sizeBytes,
    expectedSeconds: fetching === 0 ? 0 : Math.ceil((preview.wanBytes > 0 ? wanSeconds : 0) + lan.seconds),
  };
}

const sum = <Item>(items: readonly Item[], of: (item: Item) => number): number => items.reduce((total, item) => total + of(item), 0);
