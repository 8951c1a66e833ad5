/**
 * A transfer over the LAN in chunks, one after the other, each read back and compared before it counts. What is verified survives
 * a change of the server, of the path and of the process.
 */
import { type Endpoint, sameEndpoint } from "../../../base/endpoint.js";
import { invariant } from "../../../base/invariant.js";
import type { Instant } from "../../../base/time.js";
import type { FailureReason } from "../../../wire/capwap/vendor.js";
import { drawBackoffMs } from "../../upgrade/backoff.js";
import { chunkRange, type ImageChunks, wholeChunks } from "../../upgrade/image-chunks.js";
import { type AnswerOf, begin, discard, type EventOf, type FetchContext, stopSource } from "./context.js";
import { lanFailureReasons, lanSilenceMsMax } from "./over-lan.js";
import type { Stage, StageOf } from "./stage.js";

type Receiving = StageOf<"stream-receiving">;

/** Chunks that may wait to be read back while the next one is fetched. */
const uncheckedMax = 2;
/** A server may hold a request until it has the chunk. One that answers "not yet" at once is asked no more often than this. */
const askAgainMs = 250;

export function checkChunk({ assignment, out }: FetchContext, chunks: ImageChunks, downloadId: number, chunk: number): void {
  const { offset, sizeBytes } = chunkRange(chunks, assignment.order.sizeBytes, chunk);
  out.push({ type: "check-chunk", downloadId, chunk, offset, sizeBytes, sha256: chunks.sha256s[chunk] as string });
}

export function streamOpened(
  context: FetchContext,
  { downloadId }: StageOf<"lan-opening">,
  { resumeOffset }: EventOf<"download-opened">,
): Stage {
  const chunks = context.assignment.order.stream;
  invariant(chunks !== undefined, "only an order in chunks is fetched in chunks");
  const kept = wholeChunks(chunks, context.assignment.order.sizeBytes, resumeOffset);
  const stage: Receiving = {
    name: "stream-receiving",
    downloadId,
    chunks,
    verified: 0,
    received: kept,
    kept,
    sources: new Map(),
    fetch: null,
    usesSpare: false,
    askAt: undefined,
    lastByteAt: context.now,
    reason: "none",
    detail: "",
  };
  for (let chunk = 0; chunk < kept; chunk++) checkChunk(context, chunks, downloadId, chunk);
  return proceed(context, stage);
}

/** Fetches the next chunk where one may be fetched. */
function proceed(context: FetchContext, stage: Receiving): Stage {
  const { assignment, flash, now, out } = context;
  const { chunks } = stage;
  const { sizeBytes: imageBytes, server, stream } = assignment.order;
  if (stage.verified === chunks.sha256s.length) return { name: "lan-verifying", downloadId: stage.downloadId };
  if (stage.fetch !== null || (stage.askAt !== undefined && now < stage.askAt)) return stage;
  stage.askAt = undefined;
  if (stage.received === chunks.sha256s.length || stage.received - stage.verified >= uncheckedMax) return stage;
  invariant(server !== null, "a subordinate knows its server");
  const from = (stage.usesSpare ? stream?.spare : undefined) ?? server;
  const { offset, sizeBytes } = chunkRange(chunks, imageBytes, stage.received);
  const fetchId = ++flash.lastDownloadId;
  stage.fetch = { fetchId, server: from, bytes: 0 };
  stage.lastByteAt = now;
  const fileName = chunks.sha256s[stage.received] as string;
  out.push({ type: "fetch", fetchId, server: from, fileName, sizeBytes, downloadId: stage.downloadId, offset });
  return stage;
}

export function chunkProgressed(context: FetchContext, stage: Receiving, { bytesDone }: EventOf<"fetch-progress">): Stage {
  count(context, stage, bytesDone);
  context.out.push({ type: "run-changed", what: "bytes" });
  return stage;
}

export function chunkEnded(context: FetchContext, stage: Receiving, event: EventOf<"fetch-ended">): Stage {
  const { outcome, bytesDone, detail } = event;
  const { fetch } = stage;
  invariant(fetch !== null, "the event names the fetch in hand");
  count(context, stage, bytesDone);
  // The flash says why: its `storage-failed` is on the way.
  if (outcome === "storage") return stage;
  stage.fetch = null;
  if (outcome === "complete") {
    const chunk = stage.received++;
    stage.sources.set(chunk, fetch.server);
    checkChunk(context, stage.chunks, stage.downloadId, chunk);
    context.out.push({ type: "run-changed", what: "bytes" });
    return proceed(context, stage);
  }
  if (outcome === "not-yet") {
    stage.askAt = Math.max(context.now, stage.lastByteAt + askAgainMs);
    stage.usesSpare = false;
    return proceed(context, stage);
  }
  return serverFailed(context, stage, fetch.server, outcome, lanFailureReasons[outcome], detail);
}

/** A chunk was read back. One that is not what the order says is fetched again, and so is what was fetched behind it. */
export function streamChecked(context: FetchContext, stage: Receiving, { chunk, isSound }: EventOf<"chunk-checked">): Stage {
  if (chunk >= stage.received) return stage;
  const source = stage.sources.get(chunk);
  stage.sources.delete(chunk);
  if (isSound) {
    stage.verified = chunk + 1;
    stage.reason = "none";
    stage.detail = "";
    context.out.push({ type: "chunk-verified", chunk });
    return proceed(context, stage);
  }
  if (stage.fetch !== null) context.out.push({ type: "cancel-fetch", fetchId: stage.fetch.fetchId });
  stage.fetch = null;
  stage.received = chunk;
  stage.sources.clear();
  if (source === undefined) return proceed(context, stage);
  context.assignment.fault = { server: source, chunk };
  return serverFailed(context, stage, source, "error", "checksum-mismatch", `chunk ${chunk} has another digest`);
}

/** A try is spent. The spare server is asked at once; when that failed, too, after a back-off. */
function serverFailed(
  context: FetchContext,
  stage: Receiving,
  server: Endpoint,
  outcome: AnswerOf<"fetch-ended">["outcome"],
  reason: FailureReason,
  detail: string,
): Stage {
  const { assignment, now, out, prng } = context;
  const { runId, retryCountMax, backoffMsMin, backoffMsMax, server: first, stream } = assignment.order;
  assignment.tries++;
  assignment.bytesDone = bytesVerified(context, stage);
  out.push({ type: "event", event: { name: "try-failed", runId, tries: assignment.tries, outcome, detail } });
  if (assignment.tries >= retryCountMax) {
    discard(context, stage, true);
    return { name: "needs-wan", reason, detail };
  }
  const wasFirst = first !== null && sameEndpoint(server, first);
  if (wasFirst && stream?.spare && !stage.usesSpare) {
    Object.assign(stage, { usesSpare: true, askAt: undefined, reason, detail });
    out.push({ type: "run-changed", what: "state" });
    return proceed(context, stage);
  }
  const { downloadId, chunks, verified, kept } = stage;
  return {
    name: "stream-backed-off",
    downloadId,
    chunks,
    verified,
    kept,
    retryAt: now + drawBackoffMs(prng, backoffMsMin, backoffMsMax),
    reason,
    detail,
  };
}

const bytesVerified = ({ assignment }: FetchContext, { verified, chunks }: Pick<Receiving, "verified" | "chunks">): number =>
  Math.min(assignment.order.sizeBytes, verified * chunks.chunkBytes);

/** Another server, or the same one once more: what is verified stays. */
export function serverMoved(context: FetchContext, stage: Receiving | StageOf<"stream-backed-off">): Stage {
  stopSource(context, stage);
  if (context.assignment.order.stream === undefined) {
    discard(context, stage, false);
    return begin(context);
  }
  const { downloadId, chunks, verified, kept } = stage;
  const { now } = context;
  const fresh: Receiving = {
    ...{
      name: "stream-receiving",
      downloadId,
      chunks,
      verified,
      kept,
      received: verified,
      sources: new Map(),
      fetch: null,
      usesSpare: false,
    },
    ...{ askAt: undefined, lastByteAt: now, reason: "none", detail: "" },
  };
  context.assignment.bytesDone = bytesVerified(context, fresh);
  context.out.push({ type: "run-changed", what: "state" });
  return proceed(context, fresh);
}

export const retryServer = (context: FetchContext, stage: StageOf<"stream-backed-off">): Stage =>
  context.now < stage.retryAt ? stage : serverMoved(context, stage);

export function streamWoken(context: FetchContext, stage: Receiving): Stage {
  if (stage.fetch === null) return proceed(context, stage);
  if (context.now < stage.lastByteAt + lanSilenceMsMax) return stage;
  const { server } = stage.fetch;
  stopSource(context, stage);
  stage.fetch = null;
  return serverFailed(context, stage, server, "timeout", "primary-unreachable", `no byte for ${lanSilenceMsMax / 1000} s`);
}

export const streamWakeAt = ({ fetch, lastByteAt, askAt }: Receiving): Instant | undefined =>
  fetch === null ? askAt : lastByteAt + lanSilenceMsMax;

function count({ assignment, now }: FetchContext, stage: Receiving, bytesDone: number): void {
  if (stage.fetch === null || bytesDone <= stage.fetch.bytes) return;
  assignment.lanBytes += bytesDone - stage.fetch.bytes;
  stage.fetch.bytes = bytesDone;
  stage.lastByteAt = now;
  assignment.bytesDone = Math.min(assignment.order.sizeBytes, stage.received * stage.chunks.chunkBytes + bytesDone);
}
