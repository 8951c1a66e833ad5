/** Chooses a controller from the AP's list: the first that answers; those that failed recently come last. */
import { type Endpoint, endpointText, sameEndpoint } from "../../../base/endpoint.js";
import type { Instant } from "../../../base/time.js";
import type { KnownController } from "./wtp-contract.js";

/** Discovery targets that any AC may answer (RFC 5415 §3.3). */
const groupAddresses: ReadonlySet<string> = new Set(["255.255.255.255", "224.0.1.140"]);
const isGroupAddress = (address: string): boolean => groupAddresses.has(address) || /^ff0[0-9a-f]::18c$/i.test(address);

/** Answers that are kept: to a broadcast anybody may answer. */
const answersMax = 64;

/** An AC that answered. */
export interface ControllerCandidate {
  readonly endpoint: Endpoint;
  readonly acName: string;
  /** Place in the list: 0 is the primary controller. */
  readonly rank: number;
}

export class ControllerChoice {
  #list: readonly KnownController[];
  readonly #holdDownMs: number;
  readonly #failedUntil = new Map<string, Instant>();
  readonly #answers = new Map<string, ControllerCandidate>();

  /** @param holdDownMs how long a controller that refused or went silent ranks behind the others and is not fallen back to */
  constructor(list: readonly KnownController[], holdDownMs: number) {
    this.#list = list;
    this.#holdDownMs = holdDownMs;
  }

  get list(): readonly KnownController[] {
    return this.#list;
  }

  set list(list: readonly KnownController[]) {
    this.#list = list;
  }

  /** Records an AC that answered. @returns false if it is not on the list, has another name than the list gives, or too many answered before */
  answered(from: Endpoint, acName: string): boolean {
    const rank = this.rankOf(from, acName);
    const key = endpointText(from);
    if (rank === undefined || (this.#answers.size >= answersMax && !this.#answers.has(key))) return false;
    this.#answers.set(key, { endpoint: from, acName, rank });
    return true;
  }

  rankOf(from: Endpoint, acName: string): number | undefined {
    const rank = this.#list.findIndex(
      ({ endpoint, name }) =>
        (sameEndpoint(endpoint, from) || (isGroupAddress(endpoint.address) && endpoint.port === from.port)) &&
        (name === undefined || name === acName),
    );
    return rank < 0 ? undefined : rank;
  }

  /** Every controller on the list has answered. */
  get allAnswered(): boolean {
    return this.#list.every(({ endpoint }) => this.#answers.has(endpointText(endpoint)));
  }

  /** The best of those that answered; forgets the answers. */
  choose(now: Instant): ControllerCandidate | undefined {
    const order = (candidate: ControllerCandidate): number =>
      candidate.rank + (this.isHeldDown(now, candidate.endpoint) ? this.#list.length : 0);
    const [best] = [...this.#answers.values()].sort((a, b) => order(a) - order(b));
    this.forgetAnswers();
    return best;
  }

  forgetAnswers(): void {
    this.#answers.clear();
  }

  failed(now: Instant, endpoint: Endpoint): void {
    for (const [key, until] of this.#failedUntil) if (until <= now) this.#failedUntil.delete(key);
    this.#failedUntil.set(endpointText(endpoint), now + this.#holdDownMs);
  }

  succeeded(endpoint: Endpoint): void {
    this.#failedUntil.delete(endpointText(endpoint));
  }

  isHeldDown(now: Instant, endpoint: Endpoint): boolean {
    return (this.#failedUntil.get(endpointText(endpoint)) ?? now) > now;
  }

  /** Controllers that stand before `rank` in the list and are worth asking. */
  preferredTo(now: Instant, rank: number): readonly KnownController[] {
    return this.#list.slice(0, rank).filter(({ endpoint }) => !this.isHeldDown(now, endpoint));
  }
}
