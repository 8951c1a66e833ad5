/**
 * Sends an image in Image Data Requests of up to 1,024 bytes, each after the response to the one before (RFC 5415 §9.1). Blocks
 * carry no offset: their order is that of the request channel.
 */
import { limits } from "../../wire/capwap/defaults.js";
import { resultCodes } from "../../wire/capwap/result-code.js";
import type { TransferOutcome } from "./contract.js";
import type { ImageBlock, ImageTransfer } from "./image-transfer.js";

export class ImageDataSender implements ImageTransfer {
  readonly imageId: string;
  readonly openingElements = {};
  readonly #sizeBytes: number;
  #bytesDone = 0;
  #bytesSent = 0;
  #outstanding: ImageBlock | undefined;
  #outcome: TransferOutcome | undefined;

  constructor(imageId: string, sizeBytes: number) {
    this.imageId = imageId;
    this.#sizeBytes = sizeBytes;
  }

  get bytesDone(): number {
    return this.#bytesDone;
  }

  get bytesSent(): number {
    return this.#bytesSent;
  }

  get outcome(): TransferOutcome | undefined {
    return this.#outcome;
  }

  nextBlock(): ImageBlock | undefined {
    if (this.#outcome !== undefined || this.#outstanding !== undefined) return undefined;
    const offset = this.#bytesDone;
    const length = Math.min(limits.imageBlockBytesMax, this.#sizeBytes - offset);
    this.#outstanding = { image: { imageId: this.imageId, offset, length }, last: offset + length === this.#sizeBytes };
    this.#bytesSent += length;
    return this.#outstanding;
  }

  blockAnswered(resultCode: number): void {
    const block = this.#outstanding;
    if (block === undefined) return;
    this.#outstanding = undefined;
    if (resultCode !== resultCodes.success) this.#outcome = { type: "refused", resultCode };
    else {
      this.#bytesDone += block.image.length;
      if (block.last) this.#outcome = { type: "complete" };
    }
  }

  blockResent(): void {
    this.#bytesSent += this.#outstanding?.image.length ?? 0;
  }

  // All of it goes through the request channel, which has timers and acknowledgements.
  start(): void {}
  wake(): void {}
  nextWakeAt(): undefined {}
  acknowledged(): boolean {
    return false;
  }
}
