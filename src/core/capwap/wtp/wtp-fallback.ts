import type { Endpoint } from "../../../base/endpoint.js";
import type { Instant } from "../../../base/time.js";
import type { SendDatagram, Sink } from "../contract.js";
import type { ControllerCandidate } from "./controller-choice.js";
import type { ControllerSearch } from "./controller-search.js";
import type { WtpConfiguration } from "./wtp-configuration.js";

/**
 * WTP Fallback (RFC 5415 §4.6.42): in Run, asks the ACs that it prefers to its own each Echo interval whether they are back
 * (Primary Discovery, §5.3).
 */
export class WtpFallback {
  readonly #search: ControllerSearch;
  readonly #configuration: WtpConfiguration;
  #rank = 0;
  #askAt: Instant | undefined;

  constructor(search: ControllerSearch, configuration: WtpConfiguration) {
    this.#search = search;
    this.#configuration = configuration;
  }

  nextWakeAt(): Instant | undefined {
    return this.#askAt;
  }

  /** The session is in Run. @param rank place of its AC in the list, 0 the primary */
  watch(now: Instant, rank: number): void {
    this.#rank = rank;
    this.#askAt = rank > 0 ? now + this.#configuration.timers.echoIntervalMs : undefined;
  }

  end(): void {
    this.#askAt = undefined;
  }

  wake(now: Instant, out: Sink<SendDatagram>): void {
    if (this.#askAt === undefined || now < this.#askAt) return;
    this.watch(now, this.#rank);
    if (!this.#configuration.fallbackEnabled) return;
    const preferred = this.#search.choice.preferredTo(now, this.#rank);
    if (preferred.length > 0) this.#search.ask("primaryDiscoveryRequest", preferred, out);
  }

  /** A Primary Discovery Response. @returns where to go, or undefined where it came from no preferred AC */
  answered(from: Endpoint, acName: string): ControllerCandidate | undefined {
    const rank = this.#search.choice.rankOf(from, acName);
    if (this.#askAt === undefined || !this.#configuration.fallbackEnabled || rank === undefined || rank >= this.#rank) return undefined;
    return { endpoint: from, acName, rank };
  }
}
