import type { CapwapTimers } from "../../../wire/capwap/defaults.js";
import type { ElementValue } from "../../../wire/capwap/elements.js";

interface ConfigurationElements {
  readonly capwapTimers?: ElementValue<"capwapTimers"> | undefined;
  readonly wtpFallback?: ElementValue<"wtpFallback"> | undefined;
}

/** What an AC configures of a WTP's CAPWAP side (RFC 5415 §8.3, §8.4). Each session configures it again. */
export class WtpConfiguration {
  readonly #initialTimers: CapwapTimers;
  timers: CapwapTimers;
  /** WTP Fallback (§4.6.42). */
  fallbackEnabled = true;

  constructor(timers: CapwapTimers) {
    this.#initialTimers = timers;
    this.timers = timers;
  }

  resetTimers(): void {
    this.timers = this.#initialTimers;
  }

  /** An interval of zero seconds cannot be kept and changes nothing. */
  apply({ capwapTimers, wtpFallback }: ConfigurationElements): void {
    if (capwapTimers !== undefined) {
      const { discoverySeconds, echoSeconds } = capwapTimers;
      this.timers = {
        ...this.timers,
        ...(echoSeconds > 0 && { echoIntervalMs: echoSeconds * 1000 }),
        ...(discoverySeconds > 0 && { maxDiscoveryIntervalMs: discoverySeconds * 1000 }),
      };
    }
    if (wtpFallback !== undefined) this.fallbackEnabled = wtpFallback === "enabled";
  }
}
