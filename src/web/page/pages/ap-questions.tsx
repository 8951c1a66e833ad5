/** Confirmations before an act on one AP or all, and the messages after it. */
import type { Result } from "../../../base/failure.js";
import type { ActResult } from "../../../core/controller/operator/order-results.js";
import type { ReleaseName } from "../../../core/upgrade/limits.js";
import { order } from "../state/api.js";
import { countText } from "../state/format.js";
import type { Confirmation } from "../ui/dialog.js";
import { tell } from "../ui/toast.js";

export interface ApTarget {
  /** Name or MAC address, or `all`. */
  readonly selector: string;
  /** `AP3600` or `all 24 APs`. */
  readonly title: string;
}

/** A refusal by one AP is not a failure of the act, so the table of refusals becomes one sentence. */
function tellAct(result: Result<ActResult>, did: string): Result<ActResult> {
  if (!result.ok) return result;
  const { done, refused, pending } = result.value;
  const first = refused[0];
  if (done.length === 0 && pending.length === 0 && first !== undefined) {
    const more = refused.length > 1 ? ` (and ${refused.length - 1} more refused)` : "";
    return { ok: false, failure: { code: first.code, message: `${first.ap}: ${first.message}${more}` } };
  }
  const parts = [`${countText(done.length, "AP")} ${did}`];
  if (pending.length > 0) parts.push(`${pending.length} not answered yet`);
  if (first !== undefined) parts.push(`${refused.length} refused, first ${first.ap}: ${first.message}`);
  return tell(result, parts.join("; "));
}

export const predownloadQuestion = ({ selector, title }: ApTarget, release: ReleaseName): Confirmation => ({
  title: `Predownload the ${release} release to ${title}?`,
  action: "Start predownload",
  children: (
    <p>
      {selector === "all"
        ? "APs of groups with FlexConnect AP Upgrade share one WAN copy per model; every other AP fetches its own copy over the WAN."
        : "The AP fetches its own copy over the WAN."}{" "}
      It replaces what is in the slot that an AP does not run from. APs keep serving clients and do not restart.
    </p>
  ),
  act: async () =>
    tell(
      await order({ type: "ap-predownload", ap: selector, release }),
      ({ apCount }) => `Predownload to ${countText(apCount, "AP")} has started`,
    ),
});

export const predownloadAbortQuestion = ({ selector, title }: ApTarget): Confirmation => ({
  title: `Abort the predownload of ${title}?`,
  action: "Abort predownload",
  dangerous: true,
  children: <p>The transfer stops and its partial file is deleted. An image that is already complete stays.</p>,
  act: async () =>
    tell(
      await order({ type: "ap-predownload-abort", ap: selector }),
      ({ apCount }) => `Predownload of ${countText(apCount, "AP")} was aborted`,
    ),
});

export const swapQuestion = ({ selector, title }: ApTarget): Confirmation => ({
  title: `Swap the images of ${title}?`,
  action: "Swap images",
  children: (
    <p>
      Primary and backup image change places, so the next restart boots what is now the backup. Nothing restarts now, and a second swap
      undoes it.
    </p>
  ),
  act: async () => tellAct(await order({ type: "ap-swap", ap: selector }), "swapped their images"),
});

export const resetQuestion = ({ selector, title }: ApTarget): Confirmation => ({
  title: `Reset ${title}?`,
  action: selector === "all" ? "Reset all APs" : "Reset AP",
  dangerous: true,
  children: (
    <p>
      {selector === "all" ? "Every AP restarts at once" : "The AP restarts"} from its primary image and serves no clients until it has
      rejoined. A running transfer is lost.
    </p>
  ),
  act: async () => tellAct(await order({ type: "ap-reset", ap: selector }), "are restarting"),
});
