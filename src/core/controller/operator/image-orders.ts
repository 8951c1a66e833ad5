/** Orders about the two releases, and the whole configuration at once. */
import { type Result, success } from "../../../base/failure.js";
import type { Desk, Handlers } from "./desk.js";
import type { NewImage } from "./new-image.js";
import { refuse } from "./refusals.js";
import { releaseDifferences } from "./release-config.js";

export const imageOrders: Handlers<"image-add" | "image-remove" | "config-replace"> = {
  "image-add": (desk, { image }, now) => {
    const families = familiesFor(desk, image);
    if (families.ok) return success(desk.catalogue.add(now, image, families.value));
    desk.catalogue.dropFile(image.sha256);
    return families;
  },
  "image-remove": (desk, { imageId }) => {
    const image = desk.catalogue.get(imageId);
    if (!image) return refuse.unknownImage(imageId.slice(0, 64));
    const user = userOf(desk, image.sha256);
    if (user !== undefined) return refuse.imageInUse(imageId, user);
    desk.catalogue.remove(image);
    return success(image);
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

function familiesFor(desk: Desk, image: NewImage): Result<readonly string[]> {
  const families = desk.catalogue.check(image);
  if (!families.ok) return families;
  for (const { id, sha256 } of desk.catalogue.replacedBy(image, families.value)) {
    const user = sha256 === image.sha256 ? undefined : userOf(desk, sha256);
    if (user !== undefined) return refuse.imageInUse(id, user);
  }
  return families;
}

/** Who needs this image now. */
function userOf({ runs }: Desk, sha256: string): string | undefined {
  for (const { families, group } of runs.running()) {
    for (const { image } of families.values()) {
      if (image?.sha256 === sha256) return group === null ? "APs over the WAN" : `group "${group}"`;
    }
  }
  return undefined;
}
