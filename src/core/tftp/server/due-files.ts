import { type Endpoint, endpointText } from "../../../base/endpoint.js";
import type { Instant } from "../../../base/time.js";

/** A request for a file that is not there yet waits so long for it; then its peer is told to ask again. */
const HOLD_MS = 1500;
const HELD_MAX = 64;

interface Held<Request> {
  readonly fileName: string;
  readonly request: Request;
  readonly until: Instant;
}

/** Files that will be offered, and the requests for them that wait. */
export class DueFiles<Request extends { readonly from: Endpoint; readonly local: string }> {
  #names: ReadonlySet<string> = new Set();
  readonly #held = new Map<string, Held<Request>>();

  has(fileName: string): boolean {
    return this.#names.has(fileName);
  }

  /** In place of the names before. */
  expect(fileNames: readonly string[]): void {
    this.#names = new Set(fileNames);
  }

  /** A repetition of a held request waits no longer than the first. @returns false where too many wait */
  hold(now: Instant, fileName: string, request: Request): boolean {
    const key = `${endpointText(request.from)} ${request.local}`;
    const before = this.#held.get(key);
    if (before === undefined && this.#held.size >= HELD_MAX) return false;
    const until = before?.fileName === fileName ? before.until : now + HOLD_MS;
    this.#held.set(key, { fileName, request, until });
    return true;
  }

  nextAt(): Instant | undefined {
    let first: Instant | undefined;
    for (const { until } of this.#held.values()) first = Math.min(first ?? until, until);
    return first;
  }

  /** The requests for a file that is there now. */
  takeFor(fileName: string): Request[] {
    return this.#take((held) => held.fileName === fileName);
  }

  /** The requests that have waited long enough. */
  takeOverdue(now: Instant): Request[] {
    return this.#take(({ until }) => until <= now);
  }

  takeAll(): Request[] {
    return this.#take(() => true);
  }

  #take(isWanted: (held: Held<Request>) => boolean): Request[] {
    const taken: Request[] = [];
    for (const [key, held] of this.#held) {
      if (!isWanted(held)) continue;
      this.#held.delete(key);
      taken.push(held.request);
    }
    return taken;
  }
}
