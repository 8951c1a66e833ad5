/** A transfer from the primary by TFTP. */
import type { FailureReason } from "../../../wire/capwap/vendor.js";
import type { FetchOutcome } from "../../tftp/client/contract.js";
import { type EventOf, type FetchContext, failed, tryFailed } from "./context.js";
import type { Stage, StageOf } from "./stage.js";

export const lanOpened = (_context: FetchContext, { downloadId }: StageOf<"lan-opening">): Stage => ({ name: "lan-receiving", downloadId });

export function progressed(context: FetchContext, stage: StageOf<"lan-receiving">, { bytesDone }: EventOf<"fetch-progress">): Stage {
  count(context, bytesDone);
  context.out.push({ type: "run-changed", what: "bytes" });
  return stage;
}

/** A fetch that was cancelled by anything but an abort of the run failed like any other. */
const reasons: Readonly<Record<Exclude<FetchOutcome, "complete">, FailureReason>> = {
  busy: "primary-busy",
  timeout: "primary-unreachable",
  refused: "image-unknown",
  storage: "flash-write-error",
  error: "transfer-error",
  aborted: "transfer-error",
};

export function ended(context: FetchContext, stage: StageOf<"lan-receiving">, event: EventOf<"fetch-ended">): Stage {
  const { outcome, bytesDone, detail } = event;
  count(context, bytesDone);
  if (outcome === "complete") return { name: "lan-verifying", downloadId: stage.downloadId };
  if (outcome === "storage") return failed(context, stage, reasons[outcome], detail);
  return tryFailed(context, stage, outcome, reasons[outcome], detail);
}

function count({ assignment }: FetchContext, bytesDone: number): void {
  assignment.lanBytes += bytesDone - assignment.bytesDone;
  assignment.bytesDone = bytesDone;
}
