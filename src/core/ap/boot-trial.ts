/**
 * A slot that boots for the first time boots on trial: unless the AP joins a controller in time, it goes back to the slot that it ran
 * before. Until then no image is committed, so that slot keeps what it holds.
 */
import type { Instant } from "../../base/time.js";
import type { BootWish } from "./boot-choice.js";
import type { ImageSlots } from "./image-slots.js";

/** Boots on trial; the next one goes back at once, since the image does not even run for the confirm time. */
const bootsMax = 3;
const retryMs = 10_000;

export class BootTrial {
  readonly #slots: ImageSlots;
  readonly #confirmMs: number;
  /** When it goes back, while no controller is joined. */
  #deadline: Instant | undefined;
  #detail = "";

  /** @param confirmMs from the boot to the first join */
  constructor(slots: ImageSlots, confirmMs: number) {
    this.#slots = slots;
    this.#confirmMs = confirmMs;
  }

  /** No controller was joined yet. */
  get isOpen(): boolean {
    return this.#deadline !== undefined;
  }

  nextWakeAt(): Instant | undefined {
    return this.#deadline;
  }

  begin(now: Instant): BootWish | undefined {
    const { trial } = this.#slots.record;
    if (trial === undefined) return undefined;
    if (this.#slots.running !== trial.slot) return { type: "roll-back", detail: "its slot could not be booted" };
    this.#detail = `it joined no controller within ${Math.round(this.#confirmMs / 1000)} s`;
    this.#deadline = now + this.#confirmMs;
    if (trial.boots < bootsMax) return { type: "count-boot" };
    this.#detail = `it restarted ${trial.boots} times without joining a controller`;
    return this.#goBack(now);
  }

  /** A controller answered: the image can join. */
  joined(): BootWish | undefined {
    this.#deadline = undefined;
    const { trial, rolledBack } = this.#slots.record;
    return trial === undefined && rolledBack === undefined ? undefined : { type: "confirm" };
  }

  wake(now: Instant): BootWish | undefined {
    return this.#deadline !== undefined && now >= this.#deadline ? this.#goBack(now) : undefined;
  }

  /** The record may not be saved, for want of storage or of trust in the former image; so it is tried again. */
  #goBack(now: Instant): BootWish {
    this.#deadline = now + retryMs;
    return { type: "roll-back", detail: this.#detail };
  }
}
