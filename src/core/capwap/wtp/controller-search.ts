/**
 * How a WTP finds its AC: Discovery with its random delays, the pause of Sulking (RFC 5415 §2.3.1, §5.1), and in Run the question to the
 * ACs that it prefers whether they are back (Primary Discovery, §5.3).
 */
import type { Endpoint } from "../../../base/endpoint.js";
import type { Prng } from "../../../base/prng.js";
import type { Instant } from "../../../base/time.js";
import { TimerTable } from "../../../base/timer-table.js";
import type { CapwapTimers } from "../../../wire/capwap/defaults.js";
import type { SendDatagram, Sink } from "../contract.js";
import { DatagramMaker } from "../link/datagram-maker.js";
import { type ControllerCandidate, ControllerChoice } from "./controller-choice.js";
import type { KnownController, WtpSelf, WtpSettings } from "./wtp-contract.js";
import { discoveryRequestElements } from "./wtp-messages.js";

/** Our choice: a controller that refused or went silent stays behind the others for so many Echo intervals. */
const holdDownEchoes = 10;

export type SearchOutcome =
  | { readonly type: "found"; readonly controller: ControllerCandidate }
  /** Nobody answered. The search resumes after SilentInterval. */
  | { readonly type: "sulking" }
  | { readonly type: "resumed" };

type Deadline = "discover" | "choose" | "silent";

export class ControllerSearch {
  readonly choice: ControllerChoice;
  readonly #timers: CapwapTimers;
  readonly #self: () => WtpSelf;
  readonly #prng: Prng;
  readonly #deadlines = new TimerTable<Deadline>();
  #asked = 0;
  /** Sequence number of Discovery Requests, which go through no channel. */
  #nextSequence = 0;

  constructor({ controllers, timers }: WtpSettings, self: () => WtpSelf, prng: Prng) {
    this.choice = new ControllerChoice(controllers, holdDownEchoes * timers.echoIntervalMs);
    this.#timers = timers;
    this.#self = self;
    this.#prng = prng;
  }

  nextWakeAt(): Instant | undefined {
    return this.#deadlines.nextAt();
  }

  /** Forgets who answered and asks all. */
  begin(now: Instant): void {
    this.end();
    this.#asked = 0;
    this.choice.forgetAnswers();
    this.#delay(now);
  }

  end(): void {
    this.#deadlines.clearAll();
  }

  wake(now: Instant, out: Sink<SendDatagram>): SearchOutcome | undefined {
    switch (this.#deadlines.takeDue(now)) {
      case "discover":
        return this.#askAll(now, out);
      case "choose":
        return this.#choose(now);
      case "silent":
        this.begin(now);
        return { type: "resumed" };
    }
    return undefined;
  }

  /** A Discovery Response. @returns its outcome, or why it was ignored */
  answered(now: Instant, from: Endpoint, sequence: number, acName: string): SearchOutcome | "stale" | "unknown" | undefined {
    const age = (this.#nextSequence - 1 - sequence) & 0xff;
    if (age >= this.#asked) return "stale";
    if (!this.choice.answered(from, acName)) return "unknown";
    this.#deadlines.clear("discover");
    if (this.choice.allAnswered) return this.#choose(now);
    if (!this.#deadlines.has("choose")) this.#deadlines.set("choose", now + this.#timers.discoveryIntervalMs);
    return undefined;
  }

  /** One request to each, outside any session. */
  ask(type: "discoveryRequest" | "primaryDiscoveryRequest", controllers: readonly KnownController[], out: Sink<SendDatagram>): void {
    const self = this.#self();
    const sequence = this.#nextSequence;
    this.#nextSequence = (sequence + 1) & 0xff;
    for (const { endpoint, foundBy } of controllers) {
      const elements = discoveryRequestElements(self, foundBy);
      for (const datagram of new DatagramMaker(endpoint, "clear").message({ type, sequence, elements })) out.push(datagram);
    }
  }

  #askAll(now: Instant, out: Sink<SendDatagram>): SearchOutcome | undefined {
    if (this.#asked >= this.#timers.maxDiscoveries) {
      this.#deadlines.set("silent", now + this.#timers.silentIntervalMs);
      return { type: "sulking" };
    }
    this.#asked++;
    this.ask("discoveryRequest", this.choice.list, out);
    this.#delay(now);
    return undefined;
  }

  #choose(now: Instant): SearchOutcome | undefined {
    const controller = this.choice.choose(now);
    if (controller !== undefined) return { type: "found", controller };
    this.#delay(now);
    return undefined;
  }

  /** §4.7.2, §5.1: a random delay before each request keeps a thousand WTPs from asking at once after a power cut. */
  #delay(now: Instant): void {
    this.#deadlines.set("discover", now + this.#prng.fraction() * this.#timers.maxDiscoveryIntervalMs);
  }
}
