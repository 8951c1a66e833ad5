/**
 * What this AP tells its controller by WTP Event Requests (RFC 5415 §9.4). Nothing is queued: there is one place for each
 * kind of news and it is filled when a request can go, so that a controller that answers slowly gets the latest and memory
 * stays flat. An end of a run is news until it is acknowledged.
 */
import { oneLine } from "../../base/one-line.js";
import type { Instant } from "../../base/time.js";
import type { ApInventory, ServingReport, UpgradeReport } from "../../wire/capwap/vendor.js";
import type { FinalReport } from "./contract.js";

/** Octets of a line of text in our vendor elements. */
export const detailOctetsMax = 200;

/** News of bytes comes at most this often. */
const paceMs = 1000;

type Kind = "run" | "serving" | "inventory";
const kinds: readonly Kind[] = ["run", "serving", "inventory"];

/** The elements of one WTP Event Request. */
export interface EventElements {
  readonly upgradeReport?: UpgradeReport;
  readonly servingReport?: ServingReport;
  readonly apInventory?: ApInventory;
}

/** Where the news is read when a request goes out. */
export interface ReportSources {
  run(): FinalReport | undefined;
  nextRetryMs(now: Instant): number;
  owed(): readonly FinalReport[];
  serving(): ServingReport | undefined;
  inventory(): ApInventory;
}

interface InFlight {
  readonly kinds: readonly Kind[];
  readonly report: FinalReport | undefined;
}

export class Reports {
  readonly #sources: ReportSources;
  /** When each kind of news may go; absent where there is none. */
  readonly #due = new Map<Kind, Instant>();
  /** When each kind last went. */
  readonly #sentAt = new Map<Kind, Instant>();
  #owes: boolean;
  #inFlight: InFlight | undefined;
  #connected = false;

  constructor(sources: ReportSources) {
    this.#sources = sources;
    this.#owes = sources.owed().length > 0;
  }

  /** In Run with a controller, which may know nothing of this AP. The inventory went with the Join Request. */
  connected(now: Instant): void {
    this.#connected = true;
    this.#inFlight = undefined;
    this.#due.set("run", now);
    this.#due.set("serving", now);
    this.#owes = true;
  }

  disconnected(): void {
    this.#connected = false;
    this.#inFlight = undefined;
  }

  /** Something changed that is worth a request of its own. */
  tell(now: Instant, kind: Kind): void {
    this.#due.set(kind, now);
  }

  /** Something moved. */
  tellInAWhile(now: Instant, kind: Kind): void {
    if (!this.#due.has(kind)) this.#due.set(kind, Math.max(now, (this.#sentAt.get(kind) ?? 0) + paceMs));
  }

  nextWakeAt(): Instant | undefined {
    if (!this.#connected || this.#inFlight !== undefined) return undefined;
    if (this.#owes) return 0;
    return this.#due.size === 0 ? undefined : Math.min(...this.#due.values());
  }

  /** The next request's elements, or undefined when there is nothing to say or one is under way. */
  next(now: Instant): EventElements | undefined {
    if (!this.#connected || this.#inFlight !== undefined) return undefined;
    const due = kinds.filter((kind) => (this.#due.get(kind) ?? Number.POSITIVE_INFINITY) <= now);
    const owed = due.includes("run") ? undefined : this.#sources.owed()[0];
    if (due.length === 0 && owed === undefined) {
      this.#owes = false;
      return undefined;
    }
    for (const kind of due) {
      this.#due.delete(kind);
      this.#sentAt.set(kind, now);
    }
    const report = due.includes("run") ? this.#sources.run() : owed;
    const serving = due.includes("serving") ? this.#sources.serving() : undefined;
    const elements = {
      ...(report && {
        upgradeReport: {
          ...report,
          detail: oneLine(report.detail, detailOctetsMax),
          nextRetryMs: report === owed ? 0 : this.#sources.nextRetryMs(now),
        },
      }),
      ...(serving && { servingReport: serving }),
      ...(due.includes("inventory") && { apInventory: this.#sources.inventory() }),
    };
    if (Object.keys(elements).length === 0) return this.next(now);
    this.#inFlight = { kinds: due, report };
    return elements;
  }

  /** @returns the report that the controller has now */
  acknowledged(): FinalReport | undefined {
    const report = this.#inFlight?.report;
    this.#inFlight = undefined;
    return report;
  }

  /** No answer came: what was said is news again, with what it says by then. */
  lost(now: Instant): void {
    for (const kind of this.#inFlight?.kinds ?? []) this.#due.set(kind, now);
    this.#inFlight = undefined;
  }
}
