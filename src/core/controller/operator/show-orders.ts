/** Orders that show something and change nothing. */
import { type Result, success } from "../../../base/failure.js";
import type { Instant } from "../../../base/time.js";
import { apImages, apSummary } from "./ap-rows.js";
import { type Desk, type Handlers, withGroup } from "./desk.js";
import { groupSummary, groupView } from "./group-view.js";
import { imageView } from "./image-orders.js";
import type { OrderType } from "./orders.js";
import { refuse } from "./refusals.js";
import { releasesOf } from "./release-config.js";
import { runReport, runReports, runSummary } from "./run-report.js";
import type { ApImageView } from "./views.js";

export const showOrders: Handlers<Exclude<Extract<OrderType, `show-${string}`>, "show-activation">> = {
  "show-ap-image": (desk, { ap }, now) => showImages(desk, ap, now),
  "show-ap-summary": (desk) => success(apSummary(desk)),
  "show-group-summary": (desk) => success(groupSummary(desk)),
  "show-group": (desk, { group: name }, now) => withGroup(desk, name, (group) => success(groupView(now, desk, group))),
  "show-config": ({ catalogue, groups }) => success({ releases: releasesOf(catalogue.all()), groups: groups.all() }),
  "show-boot": ({ catalogue }) => success({ primary: catalogue.version("primary"), backup: catalogue.version("backup") }),
  "show-images": (desk) => success(desk.catalogue.all().map((image) => imageView(desk, image))),
  "show-peer": ({ peer }) => success({ peer: peer.view() }),
  "show-system": ({ system }) => success(system.view()),
  "show-runs": (desk, order) => success(runReports(desk, order)),
  "show-run-summary": (desk) => success(runSummary(desk)),
  "show-run": (desk, { run: id }) => {
    const run = desk.runs.get(id);
    return run ? success(runReport(desk, run)) : refuse.unknownRun(String(id));
  },
};

function showImages(desk: Desk, selector: string, now: Instant): Result<ApImageView> {
  if (selector === "all") return success(apImages(now, desk, desk.inventory.all(), true));
  const aps = desk.inventory.findAll(selector);
  return aps.ok ? success(apImages(now, desk, aps.value, false)) : aps;
}
