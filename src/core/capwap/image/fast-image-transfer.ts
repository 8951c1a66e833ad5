/** The fast transfer as an AC session drives it: the opening that answers an offer, and `FastImageSender` behind `ImageTransfer`. */

import type { Endpoint } from "../../../base/endpoint.js";
import { type Sha256Hex, sha256HexOf } from "../../../base/sha256.js";
import type { Instant } from "../../../base/time.js";
import { type SegmentPlan, segmentBytesDefault } from "../../../wire/capwap/fast-segment.js";
import type { ElementsOf } from "../../../wire/capwap/messages.js";
import { resultCodes } from "../../../wire/capwap/result-code.js";
import type { FastOffer } from "../../../wire/capwap/vendor-transfer.js";
import type { ImageAnswer, SendDatagram, Sink, TransferOutcome } from "../contract.js";
import { headerBytesTo, udpPayloadMax } from "../link/path-mtu.js";
import type { Carriage } from "../link/secure-link.js";
import { FastImageSender } from "./fast-image-sender.js";
import type { ImageTransfer } from "./image-transfer.js";

export interface FastImageTransferOptions {
  readonly to: Endpoint;
  readonly carriage: Carriage;
  readonly offer: FastOffer;
  readonly answer: Extract<ImageAnswer, { readonly type: "transfer" }>;
  /** With `fastFragmentIdBit`; must not be that of a transfer before it, whose fragments may still be on their way. */
  readonly firstFragmentId: number;
  /** Smallest MTU of our interfaces. */
  readonly mtuBytes: number;
}

/** Progress is told in steps of this while it runs, so that an acknowledgement costs little. */
const progressBytes = 65_536;

export class FastImageTransfer implements ImageTransfer {
  readonly sha256: Sha256Hex;
  readonly openingElements: Partial<ElementsOf<"imageDataResponse">>;
  readonly #sender: FastImageSender;

  constructor({ to, carriage, offer, answer, firstFragmentId, mtuBytes }: FastImageTransferOptions) {
    const plan: SegmentPlan = {
      transferId: offer.transferId,
      startOffset: resumeOffset(offer, answer),
      sizeBytes: answer.sizeBytes,
      segmentBytes: segmentBytesDefault,
      firstFragmentId,
    };
    this.sha256 = answer.sha256;
    const { transferId, startOffset, segmentBytes } = plan;
    this.openingElements = { fastAccept: { transferId, startOffset, segmentBytes, firstFragmentId } };
    this.#sender = new FastImageSender({
      to,
      carriage,
      sha256: answer.sha256,
      plan,
      windowBytes: offer.windowBytes,
      datagramBytesMax: Math.min(offer.datagramBytesMax, udpPayloadMax(to.address, mtuBytes, carriage)),
      headerBytes: headerBytesTo(to.address),
      caps: answer.caps ?? [],
    });
  }

  /** Segments that the transfer may use, for the Fragment IDs of the next. */
  get segmentCount(): number {
    const { startOffset, sizeBytes, segmentBytes } = this.#sender.plan;
    return Math.ceil((sizeBytes - startOffset) / segmentBytes);
  }

  get bytesDone(): number {
    const { writtenOffset, end } = this.#sender;
    return end === undefined ? writtenOffset - (writtenOffset % progressBytes) : writtenOffset;
  }

  get bytesSent(): number {
    return this.#sender.payloadBytesSent;
  }

  get outcome(): TransferOutcome | undefined {
    return this.#sender.end;
  }

  start(now: Instant, out: Sink<SendDatagram>): void {
    this.#sender.start(now, out);
  }

  acknowledged(now: Instant, elements: Partial<ElementsOf<"imageDataResponse">>, out: Sink<SendDatagram>): boolean {
    const { fastAck, resultCode = resultCodes.success } = elements;
    if (fastAck?.transferId !== this.#sender.plan.transferId) return false;
    this.#sender.acknowledge(now, resultCode, fastAck, out);
    return true;
  }

  wake(now: Instant, out: Sink<SendDatagram>): void {
    this.#sender.wake(now, out);
  }

  nextWakeAt(): Instant | undefined {
    return this.#sender.nextWakeAt();
  }

  // Nothing goes through the request channel.
  nextBlock(): undefined {}
  blockAnswered(): void {}
  blockResent(): void {}
}

/** Where to go on: nothing that is safe at the AP is sent again, if it is of this image. At least one byte is sent, so that there is an end. */
function resumeOffset(offer: FastOffer, answer: FastImageTransferOptions["answer"]): number {
  const sameImage = sha256HexOf(offer.sha256) === answer.sha256;
  return sameImage ? Math.min(offer.resumeOffset, answer.sizeBytes - 1) : 0;
}

/** Whether the fast transfer can carry it; an empty image has no segment, so it goes the RFC's way. */
export const isFast = (offer: FastOffer | undefined, answer: FastImageTransferOptions["answer"]): offer is FastOffer =>
  offer !== undefined && answer.sizeBytes > 0 && isSaneWindow(offer);

const windowBytesMin = 65_536;
const datagramBytesMin = 544;
const isSaneWindow = ({ windowBytes, datagramBytesMax }: FastOffer): boolean =>
  windowBytes >= windowBytesMin && datagramBytesMax >= datagramBytesMin;
