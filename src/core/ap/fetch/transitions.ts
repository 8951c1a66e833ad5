/** Stage × event → the next stage. A pair that is not listed changes nothing. */
import { drawBackoffMs } from "../../upgrade/backoff.js";
import { isLan } from "./assignment.js";
import { begin, beginOrComplete, type EventOf, type FetchContext, isHeld, letGo, type StageEvent } from "./context.js";
import { committed, flashFree, storageFailed, verifiedFromLan, verifiedFromWan } from "./into-slot.js";
import * as lan from "./over-lan.js";
import * as stream from "./over-stream.js";
import * as wan from "./over-wan.js";
import type { Stage, StageName, StageOf } from "./stage.js";

export type Transition<Name extends StageName = never, Type extends StageEvent["type"] = never> = (
  context: FetchContext,
  stage: StageOf<Name>,
  event: EventOf<Type>,
) => Stage;
type Transitions = { readonly [Name in StageName]: { readonly [Type in StageEvent["type"]]?: Transition<Name, Type> } };

function abort(context: FetchContext, stage: Stage): Stage {
  letGo(context, stage, false);
  return { name: "aborted" };
}

function complete(context: FetchContext, stage: Stage): Stage {
  letGo(context, stage, false);
  return { name: "complete" };
}

/** Verified chunks stay, whichever way the rest comes. */
function startOver(context: FetchContext, stage: Stage): Stage {
  letGo(context, stage, context.assignment.order.stream !== undefined);
  return begin(context);
}

/** Ordered again after it had come to rest: over the LAN with all its tries. */
function beginAgain(context: FetchContext): Stage {
  if (isLan(context.assignment.order)) context.assignment.tries = 0;
  return begin(context);
}

/** The controller repeats an order of which it has no report. */
function report({ out }: FetchContext, stage: Stage): Stage {
  out.push({ type: "run-changed", what: "state" });
  return stage;
}

/** A fetch from a primary continues without a new order; one over the WAN is the controller's to start. */
const restarted = (context: FetchContext): Stage =>
  isLan(context.assignment.order) || isHeld(context.slots, context.assignment.order) ? beginOrComplete(context) : { name: "held" };

/** An assignment is complete only while a slot holds its image. */
function stillComplete({ slots, assignment }: FetchContext, stage: Stage): Stage {
  const { sha256 } = assignment.order;
  if (sha256 === null || slots.holding(sha256) !== undefined) return stage;
  assignment.bytesDone = 0;
  return { name: "failed", reason: "checksum-mismatch", detail: "the stored image was found damaged at boot" };
}

const retry = (context: FetchContext, stage: StageOf<"backed-off">): Stage => (context.now < stage.retryAt ? stage : begin(context));

/** The repeated order may allow fewer tries or shorter back-offs. */
function retryAsOrdered(context: FetchContext, stage: StageOf<"backed-off">): Stage {
  const { assignment, now, prng } = context;
  const { retryCountMax, backoffMsMin, backoffMsMax } = assignment.order;
  const { reason, detail } = stage;
  if (assignment.tries >= retryCountMax) return { name: "needs-wan", reason, detail };
  if (stage.retryAt <= now + backoffMsMax) return report(context, stage);
  return { ...stage, retryAt: now + drawBackoffMs(prng, backoffMsMin, backoffMsMax) };
}

const lanOpened = (context: FetchContext, stage: StageOf<"lan-opening">, event: EventOf<"download-opened">): Stage =>
  context.assignment.order.stream === undefined ? lan.lanOpened(context, stage) : stream.streamOpened(context, stage, event);

const atRest = {
  abort,
  "already-held": (): Stage => ({ name: "complete" }),
  "order-repeated": beginAgain,
  "order-moved": beginAgain,
  "order-rerouted": startOver,
} as const;

const atWork = {
  abort,
  "already-held": complete,
  "order-repeated": report,
  "order-moved": startOver,
  "order-rerouted": startOver,
} as const;

export const transitions: Transitions = {
  held: { ...atWork, "order-repeated": begin, restarted },
  "flash-busy": { ...atWork, "flash-free": flashFree },
  "wan-opening": { ...atWork, "download-opened": wan.wanOpened, "image-failed": wan.imageFailed, "storage-failed": storageFailed },
  "wan-checking": { ...atWork, "chunk-checked": wan.partChecked, "image-failed": wan.imageFailed, "storage-failed": storageFailed },
  "wan-asking": { ...atWork, "image-offered": wan.offered, "image-failed": wan.imageFailed, "storage-failed": storageFailed },
  "wan-receiving": {
    ...atWork,
    "image-block": wan.block,
    "chunk-written": wan.written,
    "chunk-checked": wan.chunkChecked,
    "image-failed": wan.imageFailed,
    "storage-failed": storageFailed,
  },
  "wan-verifying": { ...atWork, "chunk-checked": wan.chunkChecked, "download-verified": verifiedFromWan, "storage-failed": storageFailed },
  "wan-committing": { ...atWork, "slot-committed": committed, "storage-failed": storageFailed },
  "lan-opening": { ...atWork, "download-opened": lanOpened, "storage-failed": storageFailed },
  "lan-receiving": {
    ...atWork,
    "fetch-progress": lan.progressed,
    "fetch-ended": lan.ended,
    wake: lan.silent,
    "storage-failed": storageFailed,
  },
  "stream-receiving": {
    ...atWork,
    "order-moved": stream.serverMoved,
    "fetch-progress": stream.chunkProgressed,
    "fetch-ended": stream.chunkEnded,
    "chunk-checked": stream.streamChecked,
    wake: stream.streamWoken,
    "storage-failed": storageFailed,
  },
  "stream-backed-off": { ...atWork, "order-moved": stream.serverMoved, wake: stream.retryServer },
  "lan-verifying": { ...atWork, "download-verified": verifiedFromLan, "storage-failed": storageFailed },
  "lan-committing": { ...atWork, "slot-committed": committed, "storage-failed": storageFailed },
  "backed-off": { ...atWork, "order-repeated": retryAsOrdered, wake: retry },
  "needs-wan": atRest,
  complete: { ...atRest, restarted: stillComplete },
  failed: atRest,
  aborted: { ...atRest, abort: (_context, stage) => stage },
};
