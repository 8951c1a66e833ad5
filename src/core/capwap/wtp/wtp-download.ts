/**
 * A WTP's download of one image at a time (RFC 5415 §9.1): block by block as the RFC says, or by the fast transfer where the AC took our
 * offer (docs/decisions/070-fast-image-transfer.md).
 */
import { unreachable } from "../../../base/invariant.js";
import { relay } from "../../../base/relay.js";
import { earliest, type Instant } from "../../../base/time.js";
import type { ImageIdentifier } from "../../../wire/capwap/elements.js";
import type { FragmentFault } from "../../../wire/capwap/fast-segment.js";
import type { ElementsOf } from "../../../wire/capwap/messages.js";
import { isSuccess, resultCodes, resultCodeText } from "../../../wire/capwap/result-code.js";
import type { FastOffer } from "../../../wire/capwap/vendor-transfer.js";
import type { Sink } from "../contract.js";
import { planOf } from "../image/fast-image-offer.js";
import { type FastAckOutput, FastImageReceiver, type FastReceiverOutput } from "../image/fast-image-receiver.js";
import { type BlockOutcome, ImageDataReceiver } from "../image/image-data-receiver.js";
import type { ImageFailure, WtpEvent } from "./wtp-contract.js";

export type DownloadOutput =
  | Extract<WtpEvent<never>, { readonly type: "image-offered" | "image-block" | "image-failed" }>
  /** The response to the last block has been pushed. */
  | { readonly type: "complete"; readonly image: ImageDataReceiver }
  /** The AC's Image Data Request, if one waits, gets this answer. */
  | { readonly type: "answer-request"; readonly resultCode: number }
  /** An Image Data Response that answers no request. */
  | { readonly type: "acknowledge"; readonly sequence: number; readonly elements: ElementsOf<"imageDataResponse"> }
  /** There will be no image; what stands on it ends, too. */
  | { readonly type: "given-up"; readonly detail: string; readonly resultCode: number | undefined };

type Output = Sink<DownloadOutput>;

export class WtpDownload {
  readonly #startMsMax: number;
  #image: ImageDataReceiver | undefined;
  /** Takes the blocks of `#image` when the AC accepted our offer; stays after its end to tell a sender that did not hear of it. */
  #fast: FastImageReceiver | undefined;
  /** A download was given up here: its blocks get 16 rather than 18, which tells the AC why. */
  #givenUp = false;
  /** Something must have come from the AC by then. */
  #silentAt: Instant | undefined;

  /** @param startMsMax ImageDataStartTimer (§4.7.8) */
  constructor(startMsMax: number) {
    this.#startMsMax = startMsMax;
  }

  get isUnderWay(): boolean {
    return this.#image !== undefined;
  }

  /** The AC has not answered our request yet. */
  get awaitsOffer(): boolean {
    return this.#image !== undefined && !this.#image.offeredYet;
  }

  nextWakeAt(): Instant | undefined {
    return earliest(this.#silentAt, this.#fast?.nextWakeAt());
  }

  wake(now: Instant, out: Output): void {
    if (this.#silentAt !== undefined && this.#silentAt <= now) this.#fail(now, "timeout", "no image data in time", undefined, out);
    this.#fastDoes(now, out, (fast, outputs) => fast.wake(now, outputs));
  }

  /** An image is to come: it must begin in time. */
  expectData(now: Instant): void {
    this.#silentAt = now + this.#startMsMax;
  }

  /** @returns what to ask the AC for */
  start(identifier: ImageIdentifier, offer: FastOffer | undefined, out: Output): ImageDataReceiver {
    this.drop("rejected", "another download began", undefined, out);
    this.#image = new ImageDataReceiver(identifier, offer);
    this.#fast = undefined;
    this.#givenUp = false;
    return this.#image;
  }

  /** The AC's answer to the request for `image`. */
  answered(
    now: Instant,
    image: ImageDataReceiver,
    resultCode: number,
    { imageInformation, fastAccept }: Partial<ElementsOf<"imageDataResponse">>,
    out: Output,
  ): void {
    if (image !== this.#image) return;
    if (!isSuccess(resultCode) || imageInformation === undefined) {
      const detail = isSuccess(resultCode) ? "no Image Information" : resultCodeText(resultCode);
      this.#fail(now, "refused", detail, resultCode, out);
      return;
    }
    image.offered(imageInformation);
    if (fastAccept === undefined || image.offer === undefined) {
      this.expectData(now);
      out.push({ type: "image-offered", ...imageInformation, startOffset: 0 });
      return;
    }
    const plan = planOf(image.offer, fastAccept, imageInformation.sizeBytes);
    if (plan === undefined) {
      this.#fail(now, "refused", "the controller accepted a fast transfer that was not offered", undefined, out);
      return;
    }
    this.#fast = new FastImageReceiver(plan, image.offer.windowBytes);
    this.#fast.start(now);
    out.push({ type: "image-offered", ...imageInformation, startOffset: plan.startOffset });
  }

  /** An Image Data Request of the AC. */
  request(now: Instant, { imageData }: ElementsOf<"imageDataRequest">, out: Output): void {
    // The fast transfer's blocks come another way; through the request window the AC can only end it.
    const isDue = imageData !== undefined && (this.#fast === undefined || imageData.dataType === "abort");
    const verdict = isDue ? this.#image?.block(imageData) : undefined;
    switch (verdict?.type) {
      case "write":
        this.expectData(now);
        out.push({ type: "image-block", offset: verdict.offset, bytes: verdict.bytes, last: verdict.last });
        return;
      case "aborted":
        out.push({ type: "answer-request", resultCode: resultCodes.success });
        this.#fail(now, "aborted", "the controller gave the transfer up", undefined, out);
        return;
      case "size-mismatch":
        out.push({ type: "answer-request", resultCode: resultCodes.imageInvalidLength });
        this.#fail(now, "size-mismatch", verdict.detail, resultCodes.imageInvalidLength, out);
        return;
      default: {
        // Also an abort that finds nothing to abort, which is what it wants.
        const harmless = imageData?.dataType === "abort";
        const refusal = this.#givenUp ? resultCodes.imageOtherError : resultCodes.messageUnexpected;
        out.push({ type: "answer-request", resultCode: harmless ? resultCodes.success : refusal });
      }
    }
  }

  /** A block of the fast transfer. @returns what was wrong with it, if anything */
  fragment(now: Instant, bytes: Uint8Array, out: Output): FragmentFault | "no-transfer" | undefined {
    let fault: FragmentFault | "no-transfer" | undefined = "no-transfer";
    this.#fastDoes(now, out, (fast, outputs) => {
      fault = fast.datagram(now, bytes, outputs);
    });
    return fault;
  }

  /** Result of the oldest block that is being written. */
  blockStored(now: Instant, resultCode: number, out: Output): void {
    const image = this.#image;
    if (image === undefined) return;
    const outcome = this.#fast === undefined ? this.#answerPlain(now, image, resultCode, out) : this.#answerFast(now, resultCode, out);
    if (outcome === "failed") this.#fail(now, "rejected", resultCodeText(resultCode), resultCode, out);
    if (outcome !== "complete") return;
    this.#image = undefined;
    this.#silentAt = undefined;
    out.push({ type: "complete", image });
  }

  cancel(now: Instant, out: Output): void {
    this.#fail(now, "rejected", "given up here", undefined, out);
  }

  /** Gives the download up, if there is one. A block that is being written is answered with 16. */
  drop(reason: ImageFailure, detail: string, resultCode: number | undefined, out: Output): void {
    this.#silentAt = undefined;
    if (this.#image === undefined) return;
    this.#image = undefined;
    this.#givenUp = true;
    out.push({ type: "image-failed", reason, detail, ...(resultCode !== undefined && { resultCode }) });
    out.push({ type: "answer-request", resultCode: resultCodes.imageOtherError });
  }

  /** The session is over, and with it whoever might still be told. */
  leave(detail: string, out: Output): void {
    this.drop("session-ended", detail, undefined, out);
    this.#fast = undefined;
  }

  #fail(now: Instant, reason: ImageFailure, detail: string, resultCode: number | undefined, out: Output): void {
    this.#fastDoes(now, out, (fast, outputs) => fast.reject(now, resultCode ?? resultCodes.imageOtherError, outputs));
    this.drop(reason, detail, resultCode, out);
    out.push({ type: "given-up", detail, resultCode });
  }

  #answerPlain(now: Instant, image: ImageDataReceiver, resultCode: number, out: Output): BlockOutcome {
    const outcome = image.answered(resultCode);
    if (outcome !== "none") out.push({ type: "answer-request", resultCode });
    if (outcome === "next") this.expectData(now);
    return outcome;
  }

  #answerFast(now: Instant, resultCode: number, out: Output): BlockOutcome {
    this.#fastDoes(now, out, (fast, outputs) => fast.answer(now, resultCode, outputs));
    const verdict = this.#fast?.resultCode;
    return verdict === undefined ? "next" : verdict === resultCodes.success ? "complete" : "failed";
  }

  #fastDoes(now: Instant, out: Output, work: (fast: FastImageReceiver, outputs: FastReceiverOutput[]) => void): void {
    const fast = this.#fast;
    if (fast !== undefined) relay(fast, work, (output) => this.#onFast(now, fast, output, out));
  }

  #onFast(now: Instant, fast: FastImageReceiver, output: FastReceiverOutput, out: Output): void {
    switch (output.type) {
      case "image-block":
        out.push(output);
        return;
      case "fast-ack":
        out.push(acknowledgement(fast, output));
        return;
      case "fast-silence":
        this.#fail(now, "timeout", "no image data in time", undefined, out);
        return;
      default:
        unreachable(output);
    }
  }
}

function acknowledgement({ plan }: FastImageReceiver, { resultCode, ack }: FastAckOutput): DownloadOutput {
  const segment = Math.floor((ack.receivedOffset - plan.startOffset) / plan.segmentBytes);
  return { type: "acknowledge", sequence: segment & 0xff, elements: { resultCode, fastAck: ack } };
}
