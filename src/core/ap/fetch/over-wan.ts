/** A transfer over the WAN inside CAPWAP: the controller sends blocks, the flash stores them, each is answered when it is stored. */
import { resultCodes } from "../../../wire/capwap/result-code.js";
import type { FailureReason } from "../../../wire/capwap/vendor.js";
import type { ImageFailure } from "../../capwap/wtp/wtp-contract.js";
import { discard, type EventOf, type FetchContext, failed } from "./context.js";
import type { Stage, StageOf } from "./stage.js";

export function wanOpened({ assignment }: FetchContext, { downloadId }: StageOf<"wan-opening">, event: EventOf<"download-opened">): Stage {
  const { sizeBytes } = assignment.order;
  assignment.bytesDone = event.resumeOffset;
  const isWhole = event.resumeOffset === sizeBytes && sizeBytes > 0;
  return isWhole
    ? { name: "wan-verifying", downloadId, sizeBytes, md5: undefined, lastBlockUnanswered: false }
    : { name: "wan-asking", downloadId };
}

export function offered(context: FetchContext, stage: StageOf<"wan-asking">, event: EventOf<"image-offered">): Stage {
  const { assignment, flash, out } = context;
  const { sizeBytes, md5, startOffset } = event;
  const due = assignment.order.sizeBytes;
  if (due !== 0 && due !== sizeBytes) {
    out.push({ type: "cancel-image" });
    return failed(context, stage, "size-mismatch", `the controller offers ${sizeBytes} bytes, the order says ${due}`);
  }
  // An order that states its size was checked when it came; one by RFC 5415 alone states none.
  if (flash.freeBytes < sizeBytes) {
    out.push({ type: "cancel-image" });
    return failed(context, stage, "not-enough-flash", `the image has ${sizeBytes} bytes, ${flash.freeBytes} are free`);
  }
  assignment.bytesDone = startOffset;
  return { name: "wan-receiving", downloadId: stage.downloadId, sizeBytes, md5, blocksBeingWritten: 0, isLastBlockIn: false };
}

export function block(context: FetchContext, stage: StageOf<"wan-receiving">, event: EventOf<"image-block">): Stage {
  const { offset, bytes, last } = event;
  stage.isLastBlockIn = last;
  if (bytes.length === 0) return last && stage.blocksBeingWritten === 0 ? verifying(stage) : stage;
  stage.blocksBeingWritten++;
  context.out.push({ type: "write-chunk", downloadId: stage.downloadId, offset, bytes });
  return stage;
}

export function written(context: FetchContext, stage: StageOf<"wan-receiving">, event: EventOf<"chunk-written">): Stage {
  const { assignment, out } = context;
  stage.blocksBeingWritten--;
  assignment.wanBytes += event.length;
  assignment.bytesDone = event.offset + event.length;
  out.push({ type: "run-changed", what: "bytes" });
  if (stage.isLastBlockIn && stage.blocksBeingWritten === 0) return verifying(stage);
  out.push({ type: "block-stored", resultCode: resultCodes.success });
  return stage;
}

const verifying = ({ downloadId, sizeBytes, md5 }: StageOf<"wan-receiving">): Stage => ({
  name: "wan-verifying",
  downloadId,
  sizeBytes,
  md5,
  lastBlockUnanswered: true,
});

const reasons: Readonly<Record<Exclude<ImageFailure, "session-ended" | "rejected" | "aborted">, FailureReason>> = {
  refused: "image-unknown",
  timeout: "transfer-timeout",
  "size-mismatch": "size-mismatch",
};

export function imageFailed(
  context: FetchContext,
  stage: StageOf<"wan-opening" | "wan-asking" | "wan-receiving">,
  { reason, detail }: EventOf<"image-failed">,
): Stage {
  switch (reason) {
    // Our own doing, dealt with where it was done.
    case "rejected":
      return stage;
    case "session-ended":
      discard(context, stage, true);
      return { name: "held" };
    // The first half of an operator's abort; the order that says so is on its way.
    case "aborted":
      discard(context, stage, false);
      return { name: "aborted" };
    default:
      return failed(context, stage, reasons[reason], detail, reason === "timeout");
  }
}
