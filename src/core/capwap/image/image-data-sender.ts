/**
 * Sends an image in Image Data Requests of up to 1,024 bytes, each after the response to the one before (RFC 5415 §9.1). Blocks
 * carry no offset: their order is that of the request channel.
 */

import type { Sha256Hex } from "../../../base/sha256.js";
import type { Instant } from "../../../base/time.js";
import { capwapLimits } from "../../../wire/capwap/defaults.js";
import { resultCodes } from "../../../wire/capwap/result-code.js";
import type { TransferOutcome } from "../ac/ac-contract.js";
import type { ImageBlock, ImageTransfer } from "./image-transfer.js";
import type { RateCap } from "./rate-cap.js";

/** A full block with CAPWAP, control and element headers, UDP and IP. */
const blockWireBytes = capwapLimits.imageBlockBytesMax + 8 + 8 + 5 + 28;

/** The caps have let the next block go, but the request channel was taken. */
const admitted: Instant = Number.NEGATIVE_INFINITY;

export class ImageDataSender implements ImageTransfer {
  readonly sha256: Sha256Hex;
  readonly openingElements = {};
  readonly #sizeBytes: number;
  readonly #caps: readonly RateCap[];
  /** When the caps let the next block go; undefined before they are asked. */
  #admittedAt: Instant | undefined;
  #bytesDone = 0;
  #bytesSent = 0;
  #outstanding: ImageBlock | undefined;
  #outcome: TransferOutcome | undefined;

  constructor(sha256: Sha256Hex, sizeBytes: number, caps: readonly RateCap[] = []) {
    this.sha256 = sha256;
    this.#sizeBytes = sizeBytes;
    this.#caps = caps;
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

  nextBlock(now: Instant, bytesMax: number = capwapLimits.imageBlockBytesMax): ImageBlock | undefined {
    if (this.#outcome !== undefined || this.#outstanding !== undefined) return undefined;
    this.#admittedAt ??= this.#reserve(now);
    if (now < this.#admittedAt) return undefined;
    this.#admittedAt = undefined;
    const offset = this.#bytesDone;
    const length = Math.min(bytesMax, this.#sizeBytes - offset);
    this.#outstanding = { image: { sha256: this.sha256, offset, length }, last: offset + length === this.#sizeBytes };
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

  /** It is gone already; what comes next makes up for it. */
  blockResent(now: Instant): void {
    this.#reserve(now);
    this.#bytesSent += this.#outstanding?.image.length ?? 0;
  }

  #reserve(now: Instant): Instant {
    return this.#caps.reduce((at, cap) => Math.max(at, cap.reserve(now, blockWireBytes)), now);
  }

  start(): void {}

  /** Only the caps make it wait; the rest is the request channel's. */
  nextWakeAt(): Instant | undefined {
    return this.#admittedAt === admitted ? undefined : this.#admittedAt;
  }

  wake(now: Instant): void {
    if (this.#admittedAt !== undefined && this.#admittedAt <= now) this.#admittedAt = admitted;
  }

  acknowledge(): boolean {
    return false;
  }
}
