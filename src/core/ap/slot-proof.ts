import type { MacAddress } from "../../base/mac-address.js";
import { sha256HexOf } from "../../base/sha256.js";
import { resultCodes } from "../../wire/capwap/result-code.js";
import type { HoldingChallenge, HoldingProof } from "../../wire/capwap/vendor.js";
import type { ApEffect } from "./contract.js";
import type { OrderAnswer } from "./fetch/contract.js";
import type { ImageSlots } from "./image-slots.js";

/** Answers the controller's challenges to prove that a slot holds an image. */
export class SlotProof {
  readonly #slots: ImageSlots;
  readonly #mac: MacAddress;
  #latest: HoldingProof | undefined;

  constructor(slots: ImageSlots, mac: MacAddress) {
    this.#slots = slots;
    this.#mac = mac;
  }

  /** The last answer, to be reported. */
  get latest(): HoldingProof | undefined {
    return this.#latest;
  }

  challenged({ sha256, nonce }: HoldingChallenge, out: ApEffect[]): OrderAnswer {
    const slot = this.#slots.holding(sha256HexOf(sha256));
    if (slot === undefined) {
      return { resultCode: resultCodes.imageOtherError, reason: "image-unknown", detail: "no slot holds the image to be proven" };
    }
    out.push({ type: "prove-slot", slot, nonce, mac: this.#mac });
    return { resultCode: resultCodes.success };
  }

  answer({ nonce, proof }: HoldingProof): void {
    this.#latest = { nonce, proof };
  }
}
