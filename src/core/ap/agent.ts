import { invariant } from "../../base/invariant.js";
import type { Machine } from "../../base/machine.js";
import type { Prng } from "../../base/prng.js";
import type { Instant } from "../../base/time.js";
import type { WtpSelf, WtpSessionPort } from "../capwap/wtp/wtp-contract.js";
import { modelFacts } from "../upgrade/models.js";
import { BootChange } from "./boot-change.js";
import { BootTrial } from "./boot-trial.js";
import { BootedAgent, type RequestTag } from "./booted-agent.js";
import { ChunkServe } from "./chunk-serve.js";
import type { ApEffect, ApInput, BootState } from "./contract.js";
import { ImageFetch } from "./fetch/image-fetch.js";
import { ImageServe } from "./image-serve.js";
import { ImageSlots } from "./image-slots.js";
import { ReleaseCheck } from "./release-check.js";
import { Reports } from "./reports.js";
import { type AgentFacts, inventoryOf, isSignedOnly, selfOf } from "./self.js";
import { SlotProof } from "./slot-proof.js";

export interface AgentOptions {
  readonly facts: AgentFacts;
  readonly prng: Prng;
  /** A slot that boots for the first time must join a controller within this; else the AP goes back. */
  readonly confirmMs: number;
  /** The CAPWAP side; it reads the description of this AP at each Discovery and Join. */
  readonly session: (self: () => WtpSelf) => WtpSessionPort<RequestTag>;
}

/** The AP as one machine, from its boot to its restart or the end of the process. */
export class Agent implements Machine<ApInput, ApEffect> {
  readonly #options: AgentOptions;
  #booted: BootedAgent | undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
  }

  step(now: Instant, input: ApInput, out: ApEffect[]): void {
    if (input.type === "boot") {
      invariant(this.#booted === undefined, "a machine boots once");
      this.#booted = this.#boot(input.state);
      this.#booted.start(now, input.state, out);
    } else {
      invariant(this.#booted !== undefined, "boot comes first");
      this.#booted.step(now, input, out);
    }
  }

  nextWakeAt(): Instant | undefined {
    return this.#booted?.nextWakeAt();
  }

  #boot({ record, journal, freeBytes }: BootState): BootedAgent {
    const { facts, prng, session, confirmMs } = this.#options;
    const slots = new ImageSlots(record);
    const fetch = new ImageFetch(slots, prng.split("back-off"), freeBytes, journal);
    const serve = new ImageServe(slots);
    const chunks = new ChunkServe(slots);
    const proof = new SlotProof(slots, facts.mac);
    const reports = new Reports({
      run: () => fetch.report(),
      chunkFault: () => fetch.chunkFault,
      nextRetryMs: (now) => fetch.nextRetryMs(now),
      owed: () => fetch.owed,
      serving: () => serve.report(),
      proof: () => proof.latest,
      inventory: () => inventoryOf(facts, slots, fetch.freeBytes),
    });
    return new BootedAgent({
      family: modelFacts(facts.model).family,
      releaseCheck: isSignedOnly(facts) ? new ReleaseCheck() : undefined,
      slots,
      bootChange: new BootChange(slots, () => fetch.isCommitting),
      trial: new BootTrial(slots, confirmMs),
      fetch,
      serve,
      chunks,
      proof,
      reports,
      session: session(() => selfOf(facts, slots, fetch.freeBytes)),
    });
  }
}
