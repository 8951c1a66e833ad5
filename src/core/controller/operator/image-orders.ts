/** Orders about the two releases, and the whole configuration at once. */
import { success } from "../../../base/failure.js";
import type { ImageRecord } from "../records.js";
import type { Desk, Handlers } from "./desk.js";
import type { NewImage } from "./new-image.js";
import { refuse } from "./refusals.js";
import { releaseDifferences } from "./release-config.js";
import type { ImageAdded, ImageView } from "./views.js";

export const imageOrders: Handlers<"image-add" | "image-remove" | "config-replace"> = {
  "image-add": (desk, { image, bundle }, now) => {
    const refused = objectionTo(desk, image);
    if (refused) {
      desk.catalogue.dropFile(image.sha256);
      return refused;
    }
    const replaced = desk.catalogue.replacedBy(image);
    const added = desk.catalogue.add(now, image, bundle);
    return success({
      ...imageView(desk, added),
      replaced: replaced.map(({ image: { id, version }, models }) => ({
        id,
        version,
        models,
        removed: desk.catalogue.get(id) === undefined,
      })),
      suggested: suggestedFor(desk, added),
    });
  },
  "image-remove": (desk, { imageId }) => {
    const image = desk.catalogue.get(imageId);
    if (!image) return refuse.unknownImage(imageId.slice(0, 64));
    const user = userOf(desk, image.sha256);
    if (user !== undefined) return refuse.imageInUse(imageId, user);
    const removed = imageView(desk, image);
    desk.catalogue.remove(image);
    return success(removed);
  },
  /** All that can refuse comes before the first change. */
  "config-replace": (desk, { groups, releases, check }, now) => {
    const held = desk.catalogue.all();
    const plan = releases ? desk.catalogue.plan(now, releases) : success({ images: held, changes: [] });
    if (!plan.ok) return plan;
    for (const image of held) {
      const user = userOf(desk, image.sha256);
      const kept = plan.value.images.filter(({ id }) => id === image.id);
      if (user !== undefined && releaseDifferences([image], kept).length > 0) return refuse.imageInUse(image.id, user);
    }
    const replaced = desk.groups.replaceAll(groups, (name) => desk.runs.runningOfGroup(name) !== undefined, check);
    if (!replaced.ok) return replaced;
    if (!check) desk.catalogue.carryOut(plan.value);
    return success({ changes: [...plan.value.changes, ...replaced.value.changes] });
  },
};

export function imageView({ catalogue }: Pick<Desk, "catalogue">, image: ImageRecord): ImageView {
  const bundle = catalogue.bundleOf(image.sha256);
  return { ...image, signature: bundle ? { securityVersion: bundle.securityVersion, signedAt: bundle.signedAt } : null };
}

function objectionTo(desk: Desk, image: NewImage) {
  const checked = desk.catalogue.check(image);
  if (!checked.ok) return checked;
  for (const { image: other } of desk.catalogue.replacedBy(image)) {
    const user = userOf(desk, other.sha256);
    if (user !== undefined) return refuse.imageInUse(other.id, user);
  }
  return undefined;
}

function suggestedFor({ inventory, catalogue }: Desk, { release, families }: ImageRecord): ImageAdded["suggested"] {
  const counts = new Map<string, number>();
  for (const { record, family } of inventory.all()) {
    if (!families.includes(family) || catalogue.imageForModel(release, record.model)) continue;
    counts.set(record.model, (counts.get(record.model) ?? 0) + 1);
  }
  return [...counts].map(([model, apCount]) => ({ model, apCount }));
}

/** Who needs this image now. */
function userOf({ runs, downloadsAtJoin }: Desk, sha256: string): string | undefined {
  for (const { families, group } of runs.running()) {
    for (const { image } of families.values()) {
      if (image?.sha256 === sha256) return group === null ? "APs over the WAN" : `group "${group}"`;
    }
  }
  return [...downloadsAtJoin.values()].some((one) => one === sha256) ? "APs that fetch it before they serve" : undefined;
}
