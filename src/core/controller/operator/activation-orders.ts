/** Orders about the activation of a group's image. */
import { type Result, success } from "../../../base/failure.js";
import type { MacAddress } from "../../../base/mac-address.js";
import type { Instant } from "../../../base/time.js";
import { limits } from "../../upgrade/limits.js";
import type { ActivationOptions } from "../activation/activation.js";
import type { OperatorEvent } from "../activation/activation-state.js";
import type { Activation } from "../activation/activation-table.js";
import { activationPreview, activationReport, activationView } from "./activation-view.js";
import { type Desk, type Handlers, withGroup } from "./desk.js";
import type { ActivationRequest, OrderType } from "./orders.js";
import { refuse } from "./refusals.js";
import type { ActivationView } from "./views.js";

type ActivationOrderType = Extract<OrderType, `group-activat${string}`> | "show-activation";

const { activation } = limits;

export const activationOrders: Handlers<ActivationOrderType> = {
  "group-activate": (desk, { group: name, at, ...request }, now) =>
    withGroup(desk, name, (group) => {
      const options = optionsOf(desk, request, at ?? null);
      return options.ok ? viewOf(desk.activations.start(now, group, options.value)) : options;
    }),
  "group-activation-preview": (desk, { group: name, ...request }, now) =>
    withGroup(desk, name, (group) => {
      const options = optionsOf(desk, request, null);
      if (!options.ok) return options;
      const steadySeconds = desk.timings.activationSteadyMs / 1000;
      return success(activationPreview(group.name, options.value, desk.activations.plan(now, group, options.value), steadySeconds));
    }),
  "group-activation-pause": (desk, { group }, now) => command(desk, now, group, "pause"),
  "group-activation-resume": (desk, { group }, now) => command(desk, now, group, "resume"),
  "group-activation-abort": (desk, { group }, now) => command(desk, now, group, "abort"),
  "show-activation": (desk, { group: name }) =>
    withGroup(desk, name, () => {
      const latest = desk.activationTable.of(name);
      return latest ? success(activationReport(desk, latest)) : refuse.noActivation(name);
    }),
};

function command(desk: Desk, now: Instant, group: string, event: OperatorEvent) {
  return withGroup(desk, group, () => viewOf(desk.activations.command(now, group, event)));
}

const viewOf = (result: Result<Activation>): Result<ActivationView> => (result.ok ? success(activationView(result.value)) : result);

function optionsOf({ inventory }: Desk, request: ActivationRequest, at: Instant | null): Result<ActivationOptions> {
  const canary: MacAddress[] = [];
  for (const selector of request.canary ?? []) {
    const ap = inventory.find(selector);
    if (!ap.ok) return ap;
    canary.push(ap.value.record.mac);
  }
  return success({
    at,
    batch: request.batch ?? { kind: "percent", percent: activation.batchPercent },
    pauseSeconds: request.pauseSeconds ?? activation.pauseSeconds.default,
    failuresMax: request.failuresMax ?? activation.failures.default,
    order: request.order ?? "name",
    canary: [...new Set(canary)],
    force: request.force ?? false,
  });
}
