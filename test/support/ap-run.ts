/** An AP's run without an agent around it: orders, answers of storage and TFTP, and what comes out. */
import { Prng } from "../../src/base/prng.js";
import type { BootRecord, RunJournal, RunOrder, SlotImage } from "../../src/core/ap/contract.js";
import type { FetchEvent, FetchOutput, OrderAnswer } from "../../src/core/ap/fetch/contract.js";
import { ImageFetch } from "../../src/core/ap/fetch/image-fetch.js";
import { emptyBootRecord, ImageSlots } from "../../src/core/ap/image-slots.js";

export const sha = (digit: string): string => digit.repeat(64);
export const md5 = (digit: string): string => digit.repeat(32);

export const oldImage: SlotImage = { version: "8.5", sizeBytes: 1000, sha256: sha("0"), md5: md5("0"), runId: 0 };
export const factoryRecord: BootRecord = { ...emptyBootRecord, slots: { a: oldImage, b: null } };
export const newImage = { sizeBytes: 3000, sha256: sha("1"), md5: md5("1") };

export const wanOrder: RunOrder = {
  runId: 7,
  role: "primary",
  version: "8.6",
  vendor: 32473,
  fileName: "ap3g3-8.6",
  sizeBytes: newImage.sizeBytes,
  sha256: newImage.sha256,
  server: null,
  retryCountMax: 3,
  backoffMsMin: 100_000,
  backoffMsMax: 300_000,
  sessionsMax: 3,
  refetch: false,
};
export const lanOrder: RunOrder = { ...wanOrder, role: "subordinate", server: { address: "10.0.0.1", port: 69 } };
export const emptyJournal: RunJournal = { run: null, owed: [] };

export class ApRun {
  now = 1_000_000;
  readonly #freeBytes: number;
  readonly slots: ImageSlots;
  readonly fetch: ImageFetch;
  /** What came out of the last call. */
  out: FetchOutput[] = [];

  constructor(
    options: { readonly record?: BootRecord; readonly freeBytes?: number; readonly journal?: RunJournal; readonly seed?: number } = {},
  ) {
    this.#freeBytes = options.freeBytes ?? 1_000_000;
    this.slots = new ImageSlots(options.record ?? factoryRecord);
    this.fetch = new ImageFetch(this.slots, new Prng(options.seed ?? 1), this.#freeBytes, options.journal ?? emptyJournal);
  }

  get state(): string {
    return this.fetch.report()?.state ?? "none";
  }

  /** Types of what came out, without reports and log lines. */
  get did(): string[] {
    return this.out.map(({ type }) => type).filter((type) => type !== "event" && type !== "run-changed");
  }

  last<Type extends FetchOutput["type"]>(type: Type): Extract<FetchOutput, { readonly type: Type }> {
    const found = this.out.findLast((output) => output.type === type);
    if (found === undefined) throw new Error(`no ${type} among ${this.out.map(({ type }) => type).join(", ")}`);
    return found as Extract<FetchOutput, { readonly type: Type }>;
  }

  do(call: (fetch: ImageFetch, now: number, out: FetchOutput[]) => void): this {
    this.out = [];
    call(this.fetch, this.now, this.out);
    return this;
  }

  event(event: FetchEvent): this {
    return this.do((fetch, now, out) => fetch.step(now, event, out));
  }

  abort(runId = 7): this {
    return this.event({ type: "abort", runId });
  }

  imageFailed(reason: "session-ended" | "refused" | "aborted" | "timeout", detail = reason as string): this {
    return this.event({ type: "image-failed", reason, detail });
  }

  order(order: RunOrder): OrderAnswer {
    let answer: OrderAnswer | undefined;
    this.do((fetch, now, out) => {
      answer = fetch.take(now, order, out);
    });
    return answer as OrderAnswer;
  }

  /** The download that storage works on: the last one that was opened. */
  downloadId = 0;
  /** What was stored of it; the controller continues there. */
  #resumeOffset = 0;

  noteDownload(): this {
    this.downloadId = this.last("open-download").downloadId;
    return this;
  }

  opened(resumeOffset = 0): this {
    this.#resumeOffset = resumeOffset;
    return this.event({ type: "download-opened", downloadId: this.downloadId, resumeOffset, freeBytes: this.#freeBytes });
  }

  offered(sizeBytes = newImage.sizeBytes): this {
    return this.event({ type: "image-offered", sizeBytes, md5: newImage.md5, startOffset: this.#resumeOffset });
  }

  block(offset: number, length: number, last: boolean): this {
    return this.event({ type: "image-block", offset, bytes: new Uint8Array(length), last });
  }

  written(offset: number, length: number): this {
    return this.event({ type: "chunk-written", downloadId: this.downloadId, offset, length });
  }

  fetchEnded(outcome: "complete" | "busy" | "timeout" | "refused" | "storage" | "aborted" | "error", bytesDone = 0): this {
    return this.event({ type: "fetch-ended", fetchId: this.downloadId, outcome, bytesDone, detail: outcome });
  }

  verified(found: { readonly sizeBytes: number; readonly sha256: string; readonly md5: string } = newImage): this {
    return this.event({ type: "download-verified", downloadId: this.downloadId, ...found });
  }

  committed(): this {
    return this.event({ type: "slot-committed", downloadId: this.downloadId, freeBytes: 900_000 });
  }

  storageFailed(): this {
    return this.event({ type: "storage-failed", downloadId: this.downloadId, reason: "not-enough-flash", detail: "full" });
  }
}

const wan = (): ApRun => {
  const run = new ApRun();
  run.order(wanOrder);
  return run.noteDownload();
};
const lan = (): ApRun => {
  const run = new ApRun();
  run.order(lanOrder);
  return run.noteDownload();
};
const lanCommitting = (): ApRun => lan().opened().fetchEnded("complete", 3000).verified();
const wanVerifying = (): ApRun => wan().opened().offered().block(0, 3000, true).written(0, 3000);

/** A run in each situation that it can be in. */
export const situations = {
  "no run": () => new ApRun(),
  "wan opening": wan,
  "wan asking": () => wan().opened(),
  "wan receiving": () => wan().opened().offered().block(0, 1000, false).written(0, 1000),
  "wan verifying": wanVerifying,
  "wan committing": () => wanVerifying().verified(),
  "wan session lost": () => wan().opened().offered().imageFailed("session-ended"),
  "lan opening": lan,
  "lan receiving": () => lan().opened(),
  "lan verifying": () => lan().opened().fetchEnded("complete", 3000),
  "lan committing": lanCommitting,
  waiting: () => lan().opened().fetchEnded("busy"),
  "needs-wan": () => {
    const run = lan().opened().fetchEnded("busy");
    for (let tries = 1; tries < lanOrder.retryCountMax; tries++) {
      run.now += 300_000;
      run.event({ type: "wake" }).noteDownload().opened().fetchEnded("busy");
    }
    return run;
  },
  complete: () => wanVerifying().verified().committed(),
  failed: () => wan().storageFailed(),
  aborted: () => wan().abort(),
  "other run behind a commit": () => {
    const run = lanCommitting();
    run.order({ ...lanOrder, runId: 8, sha256: sha("2") });
    return run;
  },
  "aborted while committing": () => lanCommitting().abort(),
} satisfies Record<string, () => ApRun>;
export type Situation = keyof typeof situations;
