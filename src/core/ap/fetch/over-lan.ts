/** A transfer from the primary by TFTP. */
import type { Instant } from "../../../base/time.js";
import type { FailureReason } from "../../../wire/capwap/vendor.js";
import type { FetchOutcome } from "../../tftp/client/contract.js";
import { type EventOf, type FetchContext, stopSource, tryFailed } from "./context.js";
import type { Stage, StageOf } from "./stage.js";

/** A fetch without a byte for so long has lost its own clock: the TFTP client gives up after a third of this. */
export const lanSilenceMsMax = 90_000;

export const silenceEndsAt = ({ lastByteAt }: StageOf<"lan-receiving">): Instant => lastByteAt + lanSilenceMsMax;

export const lanOpened = ({ now }: FetchContext, { downloadId }: StageOf<"lan-opening">): Stage => ({
  name: "lan-receiving",
  downloadId,
  lastByteAt: now,
});

export function progressed(context: FetchContext, stage: StageOf<"lan-receiving">, { bytesDone }: EventOf<"fetch-progress">): Stage {
  if (bytesDone > context.assignment.bytesDone) stage.lastByteAt = context.now;
  count(context, bytesDone);
  context.out.push({ type: "run-changed", what: "bytes" });
  return stage;
}

/** A fetch that was cancelled by anything but an abort of the run failed like any other. */
export const lanFailureReasons: Readonly<Record<Exclude<FetchOutcome, "complete" | "storage">, FailureReason>> = {
  busy: "primary-busy",
  "not-yet": "primary-busy",
  timeout: "primary-unreachable",
  refused: "image-unknown",
  error: "transfer-error",
  aborted: "transfer-error",
};

export function ended(context: FetchContext, stage: StageOf<"lan-receiving">, event: EventOf<"fetch-ended">): Stage {
  const { outcome, bytesDone, detail } = event;
  count(context, bytesDone);
  if (outcome === "complete") {
    // The slot at the primary is free, however long the flash takes from here.
    context.out.push({ type: "run-changed", what: "bytes" });
    return { name: "lan-verifying", downloadId: stage.downloadId };
  }
  // The flash says why: its `storage-failed` is on the way.
  if (outcome === "storage") return stage;
  return tryFailed(context, stage, outcome, lanFailureReasons[outcome], detail);
}

export function silent(context: FetchContext, stage: StageOf<"lan-receiving">): Stage {
  if (context.now < silenceEndsAt(stage)) return stage;
  stopSource(context, stage);
  return tryFailed(context, stage, "timeout", lanFailureReasons.timeout, `no byte for ${lanSilenceMsMax / 1000} s`);
}

function count({ assignment }: FetchContext, bytesDone: number): void {
  assignment.lanBytes += bytesDone - assignment.bytesDone;
  assignment.bytesDone = bytesDone;
}
