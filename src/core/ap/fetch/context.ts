/** What the transitions of a fetch read and write, and the steps that several of them share. */
import type { Prng } from "../../../base/prng.js";
import type { Instant } from "../../../base/time.js";
import type { FailureReason } from "../../../wire/capwap/vendor.js";
import { drawBackoffMs } from "../../upgrade/backoff.js";
import type { ApInput, RunOrder } from "../contract.js";
import type { ImageSlots } from "../image-slots.js";
import { type Assignment, isLan } from "./assignment.js";
import type { FetchEvent, FetchOutput } from "./contract.js";
import { type Commit, downloadIdOf, fetchIdOf, type Stage, type StageOf } from "./stage.js";

/** The flash outlives each assignment. */
export interface FlashUse {
  freeBytes: number;
  /** The commit of an assignment that was replaced, aborted or sent elsewhere since. */
  orphan: Commit | undefined;
  /** Names downloads and fetches. */
  lastDownloadId: number;
}

export interface FetchContext {
  readonly assignment: Assignment;
  readonly flash: FlashUse;
  readonly slots: ImageSlots;
  readonly prng: Prng;
  now: Instant;
  out: FetchOutput[];
}

/** An event as a transition sees it; `order-…` states how a new order differs from the one in hand. */
export type StageEvent =
  | FetchEvent
  /** The same order again. */
  | { readonly type: "order-repeated" }
  /** The same run from another primary. */
  | { readonly type: "order-moved" }
  /** The same run over the other path. */
  | { readonly type: "order-rerouted" }
  /** A slot holds what the order asks for. */
  | { readonly type: "already-held" }
  /** The orphan commit has ended, either way. */
  | { readonly type: "flash-free" };
export type EventOf<Type extends StageEvent["type"]> = Extract<StageEvent, { readonly type: Type }>;
export type AnswerOf<Type extends ApInput["type"]> = Extract<ApInput, { readonly type: Type }>;

/** Whether a slot holds the image, and it need not be fetched once more in this run. */
export function isHeld(slots: ImageSlots, { sha256, version, refetch, runId }: RunOrder): boolean {
  const slot = sha256 === null ? slots.holdingVersion(version) : slots.holding(sha256);
  if (slot === undefined) return false;
  return !refetch || slots.image(slot)?.runId === runId;
}

/** Starts a transfer, as soon as the flash is free: it does one thing at a time. */
export function begin(context: FetchContext): Stage {
  const { assignment, flash } = context;
  if (flash.orphan !== undefined) return { name: "flash-busy" };
  const path = isLan(assignment.order) ? "lan" : "wan";
  assignment.path = path;
  assignment.bytesDone = 0;
  return { name: `${path}-opening`, downloadId: ++flash.lastDownloadId };
}

export const beginOrComplete = (context: FetchContext): Stage =>
  isHeld(context.slots, context.assignment.order) ? { name: "complete" } : begin(context);

/** Stops what is under way. A commit continues as an orphan. @param keepPart the stored part is good as far as it goes */
export function letGo(context: FetchContext, stage: Stage, keepPart: boolean): void {
  if ("commit" in stage) context.flash.orphan = stage.commit;
  if (context.flash.orphan !== undefined) return;
  stopSource(context, stage);
  discard(context, stage, keepPart);
}

export function stopSource({ out }: FetchContext, stage: Stage): void {
  switch (stage.name) {
    case "wan-asking":
    case "wan-receiving":
    case "wan-verifying":
    case "wan-committing":
      out.push({ type: "cancel-image" });
      return;
    case "lan-receiving":
    case "stream-receiving":
      if (fetchIdOf(stage) !== 0) out.push({ type: "cancel-fetch", fetchId: fetchIdOf(stage) });
  }
}

export function discard({ out }: FetchContext, stage: Stage, keepPartial: boolean): void {
  const downloadId = downloadIdOf(stage);
  if (downloadId !== 0 || !keepPartial) out.push({ type: "discard-download", downloadId, keepPartial });
}

/** The part with the verified chunks is gone. */
export function loseChunks({ assignment, out }: FetchContext): void {
  if (assignment.order.stream !== undefined) out.push({ type: "chunks-lost" });
}

export function failed(context: FetchContext, stage: Stage, reason: FailureReason, detail: string, keepPart = false): StageOf<"failed"> {
  discard(context, stage, keepPart);
  if (!keepPart) loseChunks(context);
  return { name: "failed", reason, detail };
}

/** A try is spent: the next one comes after a back-off, or the controller must help. */
export function tryFailed(
  context: FetchContext,
  stage: Stage,
  outcome: AnswerOf<"fetch-ended">["outcome"],
  reason: FailureReason,
  detail: string,
): Stage {
  const { assignment, now, out, prng } = context;
  const { runId, retryCountMax, backoffMsMin, backoffMsMax } = assignment.order;
  discard(context, stage, false);
  loseChunks(context);
  assignment.tries++;
  assignment.bytesDone = 0;
  out.push({ type: "event", event: { name: "try-failed", runId, tries: assignment.tries, outcome, detail } });
  if (assignment.tries >= retryCountMax) return { name: "needs-wan", reason, detail };
  return { name: "backed-off", retryAt: now + drawBackoffMs(prng, backoffMsMin, backoffMsMax), reason, detail };
}
