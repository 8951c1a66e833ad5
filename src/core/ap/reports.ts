/**
 * What this AP reports to its controller in WTP Event Requests (RFC 5415 §9.4). Nothing is queued: each kind of report is read
 * when a request can go, so a slow controller gets the latest and memory stays flat. The end of a run is owed until it is
 * acknowledged.
 */
import { oneLine } from "../../base/one-line.js";
import type { Instant } from "../../base/time.js";
import type { ApInventory, HoldingProof, ServingReport, UpgradeReport } from "../../wire/capwap/vendor.js";
import type { ChunkFault } from "../../wire/capwap/vendor-distribution.js";
import type { FinalReport } from "./contract.js";

/** Octets of a line of text in our vendor elements. */
export const detailOctetsMax = 200;

/** Progress is reported at most this often. */
const paceMs = 1000;

type Kind = "run" | "serving" | "inventory" | "proof";
const kinds: readonly Kind[] = ["run", "serving", "inventory", "proof"];

/** The elements of one WTP Event Request. */
export interface EventElements {
  readonly upgradeReport?: UpgradeReport;
  /** Beside the report of the run in hand. */
  readonly chunkFault?: ChunkFault;
  readonly servingReport?: ServingReport;
  readonly apInventory?: ApInventory;
  readonly holdingProof?: HoldingProof;
}

/** Read when a request goes out. */
export interface ReportSources {
  run(): FinalReport | undefined;
  chunkFault(): Omit<ChunkFault, "runId"> | undefined;
  nextRetryMs(now: Instant): number;
  owed(): readonly FinalReport[];
  serving(): ServingReport | undefined;
  inventory(): ApInventory;
  proof(): HoldingProof | undefined;
}

interface InFlight {
  readonly kinds: readonly Kind[];
  readonly report: FinalReport | undefined;
}

export class Reports {
  readonly #sources: ReportSources;
  /** When each kind may go; absent where nothing has changed. */
  readonly #due = new Map<Kind, Instant>();
  /** When each kind last went. */
  readonly #sentAt = new Map<Kind, Instant>();
  #inFlight: InFlight | undefined;
  #connected = false;

  constructor(sources: ReportSources) {
    this.#sources = sources;
  }

  /** In Run with a controller that may know nothing of this AP. The inventory went with the Join Request. */
  connected(now: Instant): void {
    this.#connected = true;
    this.#inFlight = undefined;
    this.#due.set("run", now);
    this.#due.set("serving", now);
  }

  disconnected(): void {
    this.#connected = false;
    this.#inFlight = undefined;
  }

  /** A change that is worth a request of its own. */
  due(now: Instant, kind: Kind): void {
    this.#due.set(kind, now);
  }

  /** Progress. */
  dueSoon(now: Instant, kind: Kind): void {
    if (!this.#due.has(kind)) this.#due.set(kind, Math.max(now, (this.#sentAt.get(kind) ?? 0) + paceMs));
  }

  /** What is owed needs no wake: it goes with the step that makes room for it. */
  nextWakeAt(): Instant | undefined {
    if (!this.#connected || this.#inFlight !== undefined) return undefined;
    return this.#due.size === 0 ? undefined : Math.min(...this.#due.values());
  }

  /** The next request's elements, or undefined when nothing is due or a request is under way. */
  next(now: Instant): EventElements | undefined {
    if (!this.#connected || this.#inFlight !== undefined) return undefined;
    const due = kinds.filter((kind) => (this.#due.get(kind) ?? Number.POSITIVE_INFINITY) <= now);
    const owed = due.includes("run") ? undefined : this.#sources.owed()[0];
    if (due.length === 0 && owed === undefined) return undefined;
    for (const kind of due) {
      this.#due.delete(kind);
      this.#sentAt.set(kind, now);
    }
    const report = due.includes("run") ? this.#sources.run() : owed;
    const serving = due.includes("serving") ? this.#sources.serving() : undefined;
    const proof = due.includes("proof") ? this.#sources.proof() : undefined;
    const fault = due.includes("run") ? this.#sources.chunkFault() : undefined;
    const elements = {
      ...(report && {
        upgradeReport: {
          ...report,
          detail: oneLine(report.detail, detailOctetsMax),
          nextRetryMs: report === owed ? 0 : this.#sources.nextRetryMs(now),
        },
      }),
      ...(fault && report && { chunkFault: { ...fault, runId: report.runId } }),
      ...(serving && { servingReport: serving }),
      ...(due.includes("inventory") && { apInventory: this.#sources.inventory() }),
      ...(proof && { holdingProof: proof }),
    };
    if (Object.keys(elements).length === 0) return this.next(now);
    this.#inFlight = { kinds: due, report };
    return elements;
  }

  /** @returns the report that the controller has taken */
  acknowledged(): FinalReport | undefined {
    const report = this.#inFlight?.report;
    this.#inFlight = undefined;
    return report;
  }

  /** No answer came: the same kinds are due again. */
  lost(now: Instant): void {
    for (const kind of this.#inFlight?.kinds ?? []) this.#due.set(kind, now);
    this.#inFlight = undefined;
  }
}
