/** From a whole download to a slot: read back, checked, committed. */
import type { Sha256Hex } from "../../../base/sha256.js";
import { type ResultCode, resultCodes } from "../../../wire/capwap/result-code.js";
import type { FailureReason } from "../../../wire/capwap/vendor.js";
import type { RunOrder, SlotImage } from "../contract.js";
import type { ImageSlots } from "../image-slots.js";
import { beginOrComplete, type EventOf, type FetchContext, failed, loseChunks, stopSource, tryFailed } from "./context.js";
import type { FetchOutput } from "./contract.js";
import type { Commit, Stage, StageOf } from "./stage.js";

interface Fault {
  readonly reason: FailureReason;
  readonly detail: string;
  /** Result of the block that ended the image. */
  readonly resultCode: ResultCode;
}

function faultOf(
  due: { readonly sizeBytes: number; readonly sha256: Sha256Hex | null; readonly md5: string | undefined },
  { sizeBytes, sha256, md5 }: EventOf<"download-verified">,
): Fault | undefined {
  if (sizeBytes !== due.sizeBytes) {
    const detail = `${sizeBytes} bytes instead of ${due.sizeBytes}`;
    return { reason: "size-mismatch", detail, resultCode: resultCodes.imageInvalidLength };
  }
  if (due.sha256 === null ? md5 === due.md5 : sha256 === due.sha256) return undefined;
  return { reason: "checksum-mismatch", detail: `SHA-256 ${sha256}`, resultCode: resultCodes.imageInvalidChecksum };
}

export function verifiedFromWan(context: FetchContext, stage: StageOf<"wan-verifying">, event: EventOf<"download-verified">): Stage {
  const { order } = context.assignment;
  const { downloadId, sizeBytes, md5, lastBlockUnanswered } = stage;
  const fault = faultOf({ sizeBytes, sha256: order.sha256, md5 }, event);
  if (fault === undefined) {
    return { name: "wan-committing", downloadId, commit: { downloadId, image: imageOf(order, event), lastBlockUnanswered } };
  }
  if (lastBlockUnanswered) context.out.push({ type: "block-stored", resultCode: fault.resultCode });
  return failed(context, stage, fault.reason, fault.detail);
}

export function verifiedFromLan(context: FetchContext, stage: StageOf<"lan-verifying">, event: EventOf<"download-verified">): Stage {
  const { order } = context.assignment;
  const { downloadId } = stage;
  const fault = faultOf({ sizeBytes: order.sizeBytes, sha256: order.sha256, md5: undefined }, event);
  return fault === undefined
    ? { name: "lan-committing", downloadId, commit: { downloadId, image: imageOf(order, event), lastBlockUnanswered: false } }
    : tryFailed(context, stage, "error", fault.reason, fault.detail);
}

const imageOf = ({ version, runId }: RunOrder, { sizeBytes, sha256, md5 }: EventOf<"download-verified">): SlotImage => ({
  version,
  sizeBytes,
  sha256,
  md5,
  runId,
});

export function committed(context: FetchContext, { commit }: StageOf<"wan-committing" | "lan-committing">): Stage {
  storeCommitted(context.slots, commit, context.out);
  context.assignment.bytesDone = commit.image.sizeBytes;
  return { name: "complete" };
}

export function storeCommitted(slots: ImageSlots, { image, lastBlockUnanswered }: Commit, out: FetchOutput[]): void {
  slots.replace(slots.recordWith(image));
  out.push({ type: "event", event: { name: "slot-written", slot: slots.target, image } });
  if (lastBlockUnanswered) out.push({ type: "block-stored", resultCode: resultCodes.success });
}

/** The flash has given the download up and removed its part. */
export function storageFailed(context: FetchContext, stage: Stage, { reason, detail }: EventOf<"storage-failed">): Stage {
  stopSource(context, stage);
  loseChunks(context);
  return { name: "failed", reason, detail };
}

export function flashFree(context: FetchContext): Stage {
  const next = beginOrComplete(context);
  if (next.name === "complete") context.assignment.bytesDone = context.assignment.order.sizeBytes;
  return next;
}
