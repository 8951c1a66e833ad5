/** Which image boots next, as a controller's reset or swap decides it. */
import { sha256HexOf } from "../../base/sha256.js";
import { type ResultCode, resultCodes } from "../../wire/capwap/result-code.js";
import type { FailureReason, SwapOrder } from "../../wire/capwap/vendor.js";
import { emptyVersion } from "../upgrade/limits.js";
import type { BootRecord } from "./contract.js";
import type { ImageSlots } from "./image-slots.js";

export interface ResetDecision {
  /** RFC 5415 §9.3: Reset Response; 10 where there is nothing to reset into. */
  readonly resultCode: typeof resultCodes.success | typeof resultCodes.resetUnable;
  /** What boots, to be saved before the answer; undefined with a refusal. */
  readonly record: BootRecord | undefined;
}

/**
 * A reset boots the primary slot, which holds the version that the Reset Request names. A controller that knows no swap names
 * the version that it has sent, which is then in the backup slot: RFC 5415 §9.1 means that one to boot, so it becomes the
 * primary. A version that no slot holds is refused, and nothing changes.
 */
export function decideReset(slots: ImageSlots, version: string): ResetDecision {
  const slot = slots.holdingVersion(version) ?? (version === emptyVersion && isEmpty(slots) ? slots.record.primary : undefined);
  return slot === undefined
    ? { resultCode: resultCodes.resetUnable, record: undefined }
    : { resultCode: resultCodes.success, record: slots.recordReset(slot) };
}

const isEmpty = (slots: ImageSlots): boolean => slots.image("a") === null && slots.image("b") === null;

export type SwapDecision =
  /** `record` to be saved before the answer; undefined for an order that was carried out before. */
  | { readonly type: "accepted"; readonly record: BootRecord | undefined }
  | { readonly type: "refused"; readonly resultCode: ResultCode; readonly reason: FailureReason; readonly detail: string };

/** An order that arrives again must not swap back. @param isCommitting storage writes a record of its own */
export function decideSwap(slots: ImageSlots, { orderId, sha256 }: SwapOrder, isCommitting: boolean): SwapDecision {
  const named = sha256.length === 0 ? undefined : sha256HexOf(sha256);
  const isDone = named === undefined ? slots.record.swapOrderId === orderId : slots.image(slots.record.primary)?.sha256 === named;
  if (isDone) return { type: "accepted", record: undefined };
  if (isCommitting) return refused("busy", "an image is being stored, try again");
  if (named !== undefined && slots.image(slots.backup)?.sha256 !== named) return refused("image-unknown", "no slot holds this image");
  const record = slots.recordSwapped(orderId);
  return record === undefined ? refused("backup-empty", "the backup slot holds no image") : { type: "accepted", record };
}

const refused = (reason: FailureReason, detail: string): SwapDecision => ({
  type: "refused",
  resultCode: resultCodes.configurationNotAppliedServiceAnyhow,
  reason,
  detail,
});
