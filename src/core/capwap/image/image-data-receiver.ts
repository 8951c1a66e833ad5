/**
 * The WTP's side of a stop-and-wait download (RFC 5415 §9.1): gives each block its offset and checks the sum against Image
 * Information. Blocks are unique, since the request channel keeps repeats away.
 */
import type { ElementValue, ImageIdentifier } from "../../../wire/capwap/elements.js";
import { resultCodes } from "../../../wire/capwap/result-code.js";
import type { FastOffer } from "../../../wire/capwap/vendor-transfer.js";

export type BlockVerdict =
  /** To be written; `answered` is due. */
  | { readonly type: "write"; readonly offset: number; readonly bytes: Uint8Array; readonly last: boolean }
  /** The sender gave up. */
  | { readonly type: "aborted" }
  /** The image is longer or shorter than announced: to be answered with 15. */
  | { readonly type: "size-mismatch"; readonly detail: string }
  /** No block is due now: to be answered with 18. */
  | { readonly type: "unexpected" };

export type BlockOutcome = "next" | "complete" | "failed" | "none";

export class ImageDataReceiver {
  readonly identifier: ImageIdentifier;
  readonly offer: FastOffer | undefined;
  #sizeBytes = 0;
  #bytesDone = 0;
  /** The block that is being written. */
  #writing: { readonly length: number; readonly last: boolean } | undefined;
  #phase: "requested" | "receiving" | "complete" = "requested";

  /** @param offer went with the request: the AC may send another way than this */
  constructor(identifier: ImageIdentifier, offer?: FastOffer) {
    this.identifier = identifier;
    this.offer = offer;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** The AC's Image Information is here. */
  get offeredYet(): boolean {
    return this.#phase !== "requested";
  }

  /** The AC accepted the request. */
  offered({ sizeBytes }: ElementValue<"imageInformation">): void {
    this.#sizeBytes = sizeBytes;
    this.#phase = "receiving";
  }

  block({ dataType, data }: ElementValue<"imageData">): BlockVerdict {
    if (dataType === "abort") return { type: "aborted" };
    if (this.#phase !== "receiving" || this.#writing !== undefined) return { type: "unexpected" };
    const offset = this.#bytesDone;
    const end = offset + data.length;
    const last = dataType === "last";
    if (end > this.#sizeBytes || (last && end !== this.#sizeBytes)) {
      return { type: "size-mismatch", detail: `${end} bytes of an image of ${this.#sizeBytes}${last ? " at its end" : ""}` };
    }
    this.#writing = { length: data.length, last };
    return { type: "write", offset, bytes: data, last };
  }

  /** The block that was being written is done with. `complete`: it was the last one and all is well. */
  answered(resultCode: number): BlockOutcome {
    const block = this.#writing;
    if (block === undefined) return "none";
    this.#writing = undefined;
    if (resultCode !== resultCodes.success) return "failed";
    this.#bytesDone += block.length;
    if (!block.last) return "next";
    this.#phase = "complete";
    return "complete";
  }
}
