/** Changes of the boot record that a controller, or the boot itself, can ask for. */
import { type Sha256Hex, sha256HexOf } from "../../base/sha256.js";
import { type ResultCode, resultCodes } from "../../wire/capwap/result-code.js";
import type { FailureReason, SwapOrder } from "../../wire/capwap/vendor.js";
import { emptyVersion } from "../upgrade/limits.js";
import type { BootRecord } from "./contract.js";
import { type ImageSlots, otherSlot } from "./image-slots.js";

export type BootWish =
  | { readonly type: "swap"; readonly order: SwapOrder }
  /** RFC 5415 §9.3 Reset Request. */
  | { readonly type: "reset"; readonly version: string }
  /** RFC 5415 §9.1: a Join Response names a version that a slot holds. */
  | { readonly type: "restart"; readonly version: string }
  /** An order names a stored image by another version than its slot. */
  | { readonly type: "relabel"; readonly sha256: Sha256Hex; readonly version: string }
  /** Slots were found corrupt at boot: the record lists them as empty. */
  | { readonly type: "forget-corrupt" }
  /** Of a slot on trial (`boot-trial.ts`). */
  | { readonly type: "count-boot" }
  | { readonly type: "confirm" }
  | { readonly type: "roll-back"; readonly detail: string };

export interface BootRefusal {
  readonly resultCode: ResultCode;
  readonly reason: FailureReason;
  readonly detail: string;
}

/** `record` is to be saved; undefined if nothing has to change. */
export type BootDecision =
  | { readonly ok: true; readonly record: BootRecord | undefined }
  | { readonly ok: false; readonly refusal: BootRefusal };

export function decideBoot(slots: ImageSlots, wish: BootWish): BootDecision {
  switch (wish.type) {
    case "swap":
      return decideSwap(slots, wish.order);
    case "reset":
    case "restart":
      return decideReset(slots, wish.version);
    case "relabel":
      return { ok: true, record: slots.recordRelabelled(wish.sha256, wish.version) };
    case "forget-corrupt":
      return { ok: true, record: slots.record };
    case "count-boot":
      return { ok: true, record: slots.recordBooted() };
    case "confirm":
      return { ok: true, record: slots.recordConfirmed() };
    case "roll-back":
      return { ok: true, record: slots.recordRolledBack(wish.detail) };
  }
}

/**
 * A reset boots the primary slot, which holds the version that the Reset Request names. A controller that knows no swap names
 * the version that it has sent, which is then in the backup slot: RFC 5415 §9.1 means that one to boot, so it becomes the
 * primary. A version that no slot holds is refused, and nothing changes.
 */
function decideReset(slots: ImageSlots, version: string): BootDecision {
  const slot = slots.holdingVersion(version) ?? (version === emptyVersion && isEmpty(slots) ? slots.record.bootSlot : undefined);
  return slot === undefined
    ? refuse(resultCodes.resetUnable, "image-unknown", `no slot holds version ${version}`)
    : { ok: true, record: slots.recordReset(slot) };
}

const isEmpty = (slots: ImageSlots): boolean => slots.image("a") === null && slots.image("b") === null;

/** Idempotent: a named image may boot next already, an exchange is recognised by its number. */
function decideSwap(slots: ImageSlots, { orderId, sha256 }: SwapOrder): BootDecision {
  const { bootSlot, swapOrderId } = slots.record;
  const backup = slots.image(otherSlot(bootSlot));
  const notApplied = resultCodes.configurationNotAppliedServiceAnyhow;
  const named = sha256.length === 0 ? undefined : sha256HexOf(sha256);
  const isDone = named === undefined ? swapOrderId === orderId : slots.image(bootSlot)?.sha256 === named;
  if (isDone) return { ok: true, record: undefined };
  if (named !== undefined && backup?.sha256 !== named) return refuse(notApplied, "image-unknown", "no slot holds this image");
  const record = slots.recordSwapped(orderId);
  return record === undefined ? refuse(notApplied, "backup-empty", "the backup slot holds no image") : { ok: true, record };
}

const refuse = (resultCode: ResultCode, reason: FailureReason, detail: string): BootDecision => ({
  ok: false,
  refusal: { resultCode, reason, detail },
});
