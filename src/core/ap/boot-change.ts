import { invariant } from "../../base/invariant.js";
import { resultCodes } from "../../wire/capwap/result-code.js";
import { type BootRefusal, type BootWish, decideBoot } from "./boot-choice.js";
import type { BootRecord, StorageRefusal } from "./contract.js";
import type { ImageSlots } from "./image-slots.js";

export type BootChangeOutput =
  /** Answers `boot-record-saved` or `boot-record-unsaved`. */
  | { readonly type: "save-boot-record"; readonly record: BootRecord }
  /** The change is lasting. `record` undefined: nothing had to change. */
  | { readonly type: "wish-granted"; readonly wish: BootWish; readonly record: BootRecord | undefined }
  | { readonly type: "wish-refused"; readonly wish: BootWish; readonly refusal: BootRefusal };

/** A controller has one request under way, so a longer queue is not its doing. */
const queuedMax = 4;

/**
 * Changes of the boot record, one after the other: each is saved before it counts, and none while storage commits an image,
 * which saves a record of its own.
 */
export class BootChange {
  readonly #slots: ImageSlots;
  readonly #isCommitting: () => boolean;
  readonly #queued: BootWish[] = [];
  #saving: { readonly wish: BootWish; readonly record: BootRecord } | undefined;

  constructor(slots: ImageSlots, isCommitting: () => boolean) {
    this.#slots = slots;
    this.#isCommitting = isCommitting;
  }

  /** No commit may begin meanwhile. */
  get isSaving(): boolean {
    return this.#saving !== undefined;
  }

  ask(wish: BootWish, out: BootChangeOutput[]): void {
    if (this.#queued.length < queuedMax) {
      this.#queued.push(wish);
      this.proceed(out);
    } else refuse(wish, { reason: "busy", detail: "the boot record is being changed, try again" }, out);
  }

  /** Takes up the next wish. Call when a commit has ended. */
  proceed(out: BootChangeOutput[]): void {
    while (this.#saving === undefined && !this.#isCommitting()) {
      const wish = this.#queued.shift();
      if (wish === undefined) return;
      const decision = decideBoot(this.#slots, wish);
      if (!decision.ok) out.push({ type: "wish-refused", wish, refusal: decision.refusal });
      else if (decision.record === undefined) out.push({ type: "wish-granted", wish, record: undefined });
      else {
        this.#saving = { wish, record: decision.record };
        out.push({ type: "save-boot-record", record: decision.record });
      }
    }
  }

  saved(out: BootChangeOutput[]): void {
    const { wish, record } = this.#takeSaving();
    this.#slots.replace(record);
    out.push({ type: "wish-granted", wish, record });
    this.proceed(out);
  }

  unsaved(failure: StorageRefusal, out: BootChangeOutput[]): void {
    refuse(this.#takeSaving().wish, failure, out);
    this.proceed(out);
  }

  #takeSaving() {
    const saving = this.#saving;
    invariant(saving !== undefined, "a record is saved when it was asked for");
    this.#saving = undefined;
    return saving;
  }
}

function refuse(wish: BootWish, failure: Pick<BootRefusal, "reason" | "detail">, out: BootChangeOutput[]): void {
  const { configurationNotAppliedServiceAnyhow, resetFirmwareWriteError } = resultCodes;
  const resultCode = wish.type === "swap" ? configurationNotAppliedServiceAnyhow : resetFirmwareWriteError;
  out.push({ type: "wish-refused", wish, refusal: { resultCode, ...failure } });
}
