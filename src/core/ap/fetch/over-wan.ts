/** A transfer over the WAN inside CAPWAP: the controller sends blocks, the flash stores them, each is answered when it is stored. */
import { resultCodes } from "../../../wire/capwap/result-code.js";
import type { FailureReason } from "../../../wire/capwap/vendor.js";
import type { ImageFailure } from "../../capwap/wtp/wtp-contract.js";
import { wholeChunks } from "../../upgrade/image-chunks.js";
import { discard, type EventOf, type FetchContext, failed } from "./context.js";
import { checkChunk } from "./over-stream.js";
import type { Stage, StageOf } from "./stage.js";

export function wanOpened(context: FetchContext, { downloadId }: StageOf<"wan-opening">, event: EventOf<"download-opened">): Stage {
  const { assignment } = context;
  const { sizeBytes, stream } = assignment.order;
  const { resumeOffset } = event;
  assignment.bytesDone = resumeOffset;
  if (stream !== undefined && resumeOffset > 0) {
    const kept = wholeChunks(stream, sizeBytes, resumeOffset);
    assignment.bytesDone = 0;
    for (let chunk = 0; chunk < kept; chunk++) checkChunk(context, stream, downloadId, chunk);
    return kept === 0 ? { name: "wan-asking", downloadId } : { name: "wan-checking", downloadId, kept, verified: 0 };
  }
  return afterPart(context, downloadId);
}

/** The stored part is good as far as `bytesDone`: the rest is asked for. */
function afterPart({ assignment }: FetchContext, downloadId: number): Stage {
  const { sizeBytes } = assignment.order;
  return assignment.bytesDone === sizeBytes && sizeBytes > 0
    ? { name: "wan-verifying", downloadId, sizeBytes, md5: undefined, lastBlockUnanswered: false }
    : { name: "wan-asking", downloadId };
}

/** A chunk of the stored part was read back; the first that is not sound ends the part. */
export function partChecked(context: FetchContext, stage: StageOf<"wan-checking">, { chunk, isSound }: EventOf<"chunk-checked">): Stage {
  const { assignment, out } = context;
  const { downloadId, kept } = stage;
  if (isSound) {
    stage.verified = chunk + 1;
    out.push({ type: "chunk-verified", chunk });
    const { sizeBytes, stream } = assignment.order;
    assignment.bytesDone = Math.min(sizeBytes, stage.verified * (stream?.chunkBytes ?? 0));
  }
  return isSound && stage.verified < kept ? stage : afterPart(context, downloadId);
}

/** A chunk that came over the WAN was read back. */
export function chunkChecked(
  context: FetchContext,
  stage: StageOf<"wan-receiving" | "wan-verifying">,
  { chunk, isSound }: EventOf<"chunk-checked">,
): Stage {
  if (isSound) {
    context.out.push({ type: "chunk-verified", chunk });
    return stage;
  }
  context.out.push({ type: "cancel-image" });
  return failed(context, stage, "checksum-mismatch", `chunk ${chunk} has another digest`);
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
  return {
    name: "wan-receiving",
    downloadId: stage.downloadId,
    sizeBytes,
    md5,
    blocksBeingWritten: 0,
    chunksChecked: chunksIn(context),
    isLastBlockIn: false,
  };
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
  const { stream } = assignment.order;
  for (const whole = chunksIn(context); stream !== undefined && stage.chunksChecked < whole; stage.chunksChecked++)
    checkChunk(context, stream, stage.downloadId, stage.chunksChecked);
  if (stage.isLastBlockIn && stage.blocksBeingWritten === 0) return verifying(stage);
  out.push({ type: "block-stored", resultCode: resultCodes.success });
  return stage;
}

/** Whole chunks of what is written so far. */
function chunksIn({ assignment }: FetchContext): number {
  const { stream, sizeBytes } = assignment.order;
  return stream === undefined ? 0 : wholeChunks(stream, sizeBytes, assignment.bytesDone);
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
  stage: StageOf<"wan-opening" | "wan-checking" | "wan-asking" | "wan-receiving">,
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
