import type { IpAddress } from "../../base/ip-address.js";
import type { Sha256Hex } from "../../base/sha256.js";
import type { ServingReport, WireRunId } from "../../wire/capwap/vendor.js";
import type { ApEffect, ApInput, RunOrder, ServedPeer } from "./contract.js";
import type { ImageSlots } from "./image-slots.js";

type Counts = Extract<ApInput, { readonly type: "serving" }>;

interface Offer {
  readonly runId: WireRunId;
  readonly fileName: string;
  readonly sha256: Sha256Hex;
  readonly sessionsMax: number;
  /** The TFTP server's counts when the offer was made; it counts from its start. */
  readonly bytesServedBefore: number;
  readonly refusalsBefore: number;
  sessionsPeak: number;
}

/** What a primary offers by TFTP: one verified image, under the name of its run's order, from the order's completion on. */
export class ImageServe {
  readonly #slots: ImageSlots;
  #offer: Offer | undefined;
  #keepsSlots = false;
  #sessions: readonly ServedPeer[] = [];
  #bytesServed = 0;
  #refusals = 0;
  #bytesPerSecondMax: number | null = null;

  constructor(slots: ImageSlots) {
    this.#slots = slots;
  }

  /** Offers the order's image, which a slot holds. The same offer again changes nothing. */
  offer(order: RunOrder, out: ApEffect[]): void {
    const { runId, fileName, sha256, sessionsMax } = order;
    const slot = sha256 === null ? undefined : this.#slots.holding(sha256);
    const image = slot === undefined ? null : this.#slots.image(slot);
    if (slot === undefined || image === null) return;
    const before = this.#offer;
    if (before?.runId === runId && before.fileName === fileName && before.sha256 === image.sha256 && before.sessionsMax === sessionsMax)
      return;
    this.withdraw(out);
    this.#offer = {
      runId,
      fileName,
      sha256: image.sha256,
      sessionsMax,
      bytesServedBefore: this.#bytesServed,
      refusalsBefore: this.#refusals,
      sessionsPeak: 0,
    };
    out.push({ type: "offer", fileName, slot, sizeBytes: image.sizeBytes, sha256: image.sha256, sessionsMax });
  }

  /** @param bytesPerSecondMax over all sessions; null for no limit */
  limit(bytesPerSecondMax: number | null, out: ApEffect[]): void {
    if (bytesPerSecondMax === this.#bytesPerSecondMax) return;
    this.#bytesPerSecondMax = bytesPerSecondMax;
    out.push({ type: "limit-serving", bytesPerSecondMax });
  }

  /** The controller's list of the APs that this one serves. Without an offer there is nothing to keep. */
  keepSlots(addresses: readonly IpAddress[], out: ApEffect[]): void {
    if (this.#offer === undefined) return;
    this.#keepsSlots = addresses.length > 0;
    out.push({ type: "keep-slots", addresses });
  }

  withdraw(out: ApEffect[]): void {
    if (this.#offer === undefined) return;
    const { fileName } = this.#offer;
    this.#offer = undefined;
    this.#sessions = [];
    if (this.#keepsSlots) out.push({ type: "keep-slots", addresses: [] });
    this.#keepsSlots = false;
    out.push({ type: "withdraw", fileName });
    out.push({ type: "event", event: { name: "withdrawn", fileName } });
  }

  counts({ sessions, bytesServed, refusals }: Counts): void {
    this.#sessions = sessions;
    this.#bytesServed = bytesServed;
    this.#refusals = refusals;
    if (this.#offer !== undefined) this.#offer.sessionsPeak = Math.max(this.#offer.sessionsPeak, sessions.length);
  }

  /** Undefined while nothing is offered. */
  report(): ServingReport | undefined {
    if (this.#offer === undefined) return undefined;
    const { runId, sessionsMax, sessionsPeak, bytesServedBefore, refusalsBefore } = this.#offer;
    return {
      runId,
      sessionsMax,
      sessionsPeak,
      bytesServed: this.#bytesServed - bytesServedBefore,
      refusals: this.#refusals - refusalsBefore,
      sessions: this.#sessions.map(({ peer, bytesDone }) => ({ peer, bytesDone })),
    };
  }
}
