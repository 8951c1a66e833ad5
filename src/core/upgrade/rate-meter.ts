import type { Instant } from "../../base/time.js";

/** Over how long a rate is averaged; older samples no longer tell what comes. */
const windowMs = 10_000;
/** Counts that come faster replace one another, so that a meter stays small. */
const spacingMs = 500;

interface Sample {
  readonly at: Instant;
  readonly bytes: number;
}

/** The rate and the time left of a transfer, from its byte count as it is heard of. */
export class RateMeter {
  #samples: Sample[] = [];

  /** @param bytes done so far; fewer than before is another transfer */
  note(at: Instant, bytes: number): void {
    const last = this.#samples.at(-1);
    if (last && bytes < last.bytes) this.#samples = [];
    const beforeLast = this.#samples.at(-2);
    if (last && beforeLast && last.at - beforeLast.at < spacingMs) this.#samples.pop();
    this.#samples.push({ at, bytes });
    while ((this.#samples[1]?.at ?? at) < at - windowMs) this.#samples.shift();
  }

  reset(): void {
    this.#samples = [];
  }

  /** Null until two counts are known. */
  bytesPerSecond(now: Instant): number | null {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (!first || !last || last.at === first.at) return null;
    // Silence counts against the rate only when it is longer than the pace of reports.
    const until = now - last.at > windowMs ? now : last.at;
    return ((last.bytes - first.bytes) * 1000) / (until - first.at);
  }

  /** Whole seconds until `bytesTotal` are done; null while nobody can tell. */
  secondsLeft(now: Instant, bytesTotal: number): number | null {
    const rate = this.bytesPerSecond(now);
    const last = this.#samples.at(-1);
    if (!rate || !last) return null;
    return Math.max(0, Math.ceil((bytesTotal - last.bytes) / rate - (now - last.at) / 1000));
  }
}
