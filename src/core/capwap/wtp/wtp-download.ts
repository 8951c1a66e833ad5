/**
 * A WTP's download of one image at a time (RFC 5415 §9.1): block by block as the RFC says, or by the fast transfer where the AC took our
 * offer (docs/decisions/070-fast-image-transfer.md).
 */
import { relay } from "../../../base/relay.js";
import { earliest, type Instant } from "../../../base/time.js";
import type { ImageIdentifier } from "../../../wire/capwap/elements.js";
import type { FragmentFault } from "../../../wire/capwap/fast-segment.js";
import type { ElementsOf } from "../../../wire/capwap/messages.js";
import { isSuccess, resultCodes, resultCodeText } from "../../../wire/capwap/result-code.js";
import type { FastOffer } from "../../../wire/capwap/vendor-transfer.js";
import type { SendDatagram, Sink } from "../contract.js";
import { planOf } from "../image/fast-image-offer.js";
import { FastImageReceiver, type FastReceiverOutput } from "../image/fast-image-receiver.js";
import { type BlockOutcome, ImageDataReceiver } from "../image/image-data-receiver.js";
import type { ImageFailure, WtpEvent } from "./wtp-contract.js";
import type { WtpLink } from "./wtp-link.js";

/** How a call ended the download. */
export type DownloadEnd =
  /** The response to the last block has been pushed. */
  | { readonly type: "complete"; readonly image: ImageDataReceiver }
  /** There will be no image. */
  | { readonly type: "failed"; readonly detail: string; readonly resultCode: number | undefined };

type Output = Sink<SendDatagram | Extract<WtpEvent<never>, { readonly type: "image-offered" | "image-block" | "image-failed" }>>;

export class WtpDownload<Tag> {
  readonly #startMsMax: number;
  #link: WtpLink<Tag> | undefined;
  #image: ImageDataReceiver | undefined;
  /** Takes the blocks of `#image` if the AC accepted our offer. Kept after the end, to answer a sender that missed it. */
  #fast: FastImageReceiver | undefined;
  /** The last download was cancelled here: its blocks get 16 rather than 18, so that the AC knows why. */
  #givenUp = false;
  /** Deadline for data from the AC. */
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

  wake(now: Instant, out: Output): DownloadEnd | undefined {
    const fast = this.#fast;
    let isSilent = this.#silentAt !== undefined && this.#silentAt <= now;
    if (fast !== undefined) {
      const wakeFast = (receiver: FastImageReceiver, outputs: FastReceiverOutput[]): void => {
        if (receiver.wake(now, outputs)) isSilent = true;
      };
      relay(fast, wakeFast, (output) => this.#onFast(fast, output, out));
    }
    return isSilent ? this.#fail(now, "timeout", "no image data in time", undefined, out) : undefined;
  }

  /** Starts the deadline for the next data. */
  expectData(now: Instant): void {
    this.#silentAt = now + this.#startMsMax;
  }

  /** Queues the request for an image. A download that ran ends. */
  start(link: WtpLink<Tag>, identifier: ImageIdentifier, offer: FastOffer | undefined, out: Output): void {
    this.#drop("rejected", "another download began", undefined, out);
    link.unqueueImage();
    this.#link = link;
    this.#image = new ImageDataReceiver(identifier, offer);
    this.#fast = undefined;
    this.#givenUp = false;
    link.enqueue({ type: "image", image: this.#image });
  }

  /** The AC's answer to the request for `image`. */
  answered(
    now: Instant,
    image: ImageDataReceiver,
    resultCode: number,
    { imageInformation, fastAccept }: Partial<ElementsOf<"imageDataResponse">>,
    out: Output,
  ): DownloadEnd | undefined {
    if (image !== this.#image) return undefined;
    if (!isSuccess(resultCode) || imageInformation === undefined) {
      const detail = isSuccess(resultCode) ? "no Image Information" : resultCodeText(resultCode);
      return this.#fail(now, "refused", detail, resultCode, out);
    }
    image.offered(imageInformation);
    if (fastAccept === undefined || image.offer === undefined) {
      this.expectData(now);
      out.push({ type: "image-offered", ...imageInformation, startOffset: 0 });
      return undefined;
    }
    const plan = planOf(image.offer, fastAccept, imageInformation.sizeBytes);
    if (plan === undefined) {
      return this.#fail(now, "refused", "the controller accepted a fast transfer that was not offered", undefined, out);
    }
    this.#fast = new FastImageReceiver(plan, image.offer.windowBytes);
    this.#fast.start(now);
    out.push({ type: "image-offered", ...imageInformation, startOffset: plan.startOffset });
    return undefined;
  }

  /** An Image Data Request of the AC. */
  request(now: Instant, link: WtpLink<Tag>, { imageData }: ElementsOf<"imageDataRequest">, out: Output): DownloadEnd | undefined {
    this.#link = link;
    // The fast transfer's blocks come another way; through the request window the AC can only end it.
    const isDue = imageData !== undefined && (this.#fast === undefined || imageData.dataType === "abort");
    const verdict = isDue ? this.#image?.block(imageData) : undefined;
    switch (verdict?.type) {
      case "write":
        this.expectData(now);
        out.push({ type: "image-block", offset: verdict.offset, bytes: verdict.bytes, last: verdict.last });
        return undefined;
      case "aborted":
        this.#answerRequest(resultCodes.success, out);
        return this.#fail(now, "aborted", "the controller aborted the transfer", undefined, out);
      case "size-mismatch":
        this.#answerRequest(resultCodes.imageInvalidLength, out);
        return this.#fail(now, "size-mismatch", verdict.detail, resultCodes.imageInvalidLength, out);
      default: {
        // An abort that finds nothing to abort has what it wants.
        const isAbort = imageData?.dataType === "abort";
        const refusal = this.#givenUp ? resultCodes.imageOtherError : resultCodes.messageUnexpected;
        this.#answerRequest(isAbort ? resultCodes.success : refusal, out);
        return undefined;
      }
    }
  }

  /** A block of the fast transfer. @returns what was wrong with it, if anything */
  fragment(now: Instant, bytes: Uint8Array, out: Output): FragmentFault | "no-transfer" | undefined {
    const fast = this.#fast;
    if (fast === undefined) return "no-transfer";
    let fault: FragmentFault | undefined;
    const take = (receiver: FastImageReceiver, outputs: FastReceiverOutput[]): void => {
      fault = receiver.datagram(now, bytes, outputs);
    };
    relay(fast, take, (output) => this.#onFast(fast, output, out));
    return fault;
  }

  /** Result of the oldest block that is being written. */
  blockStored(now: Instant, resultCode: number, out: Output): DownloadEnd | undefined {
    const image = this.#image;
    if (image === undefined) return undefined;
    const outcome = this.#fast === undefined ? this.#plainStored(now, image, resultCode, out) : this.#fastStored(now, resultCode, out);
    if (outcome === "failed") return this.#fail(now, "rejected", resultCodeText(resultCode), resultCode, out);
    if (outcome !== "complete") return undefined;
    this.#image = undefined;
    this.#silentAt = undefined;
    return { type: "complete", image };
  }

  cancel(now: Instant, out: Output): DownloadEnd {
    return this.#fail(now, "rejected", "given up here", undefined, out);
  }

  /** The session is over; nothing is answered any more. */
  leave(detail: string, out: Output): void {
    this.#drop("session-ended", detail, undefined, out);
    this.#fast = undefined;
    this.#link = undefined;
  }

  /** The AP restarts. A fast sender that missed the end of its transfer still gets its answer. */
  reset(out: Output): void {
    this.#drop("session-ended", "reset", undefined, out);
  }

  /** Ends the download, if there is one. A block that is being written is answered with 16. */
  #drop(reason: ImageFailure, detail: string, resultCode: number | undefined, out: Output): void {
    this.#silentAt = undefined;
    if (this.#image === undefined) return;
    this.#image = undefined;
    this.#givenUp = true;
    out.push({ type: "image-failed", reason, detail, ...(resultCode !== undefined && { resultCode }) });
    this.#answerRequest(resultCodes.imageOtherError, out);
  }

  #fail(now: Instant, reason: ImageFailure, detail: string, resultCode: number | undefined, out: Output): DownloadEnd {
    const fast = this.#fast;
    if (fast !== undefined) {
      const reject = (receiver: FastImageReceiver, outputs: FastReceiverOutput[]): void =>
        receiver.reject(now, resultCode ?? resultCodes.imageOtherError, outputs);
      relay(fast, reject, (output) => this.#onFast(fast, output, out));
    }
    this.#drop(reason, detail, resultCode, out);
    this.#link?.unqueueImage();
    return { type: "failed", detail, resultCode };
  }

  #plainStored(now: Instant, image: ImageDataReceiver, resultCode: number, out: Output): BlockOutcome {
    const outcome = image.answered(resultCode);
    if (outcome !== "none") this.#answerRequest(resultCode, out);
    if (outcome === "next") this.expectData(now);
    return outcome;
  }

  #fastStored(now: Instant, resultCode: number, out: Output): BlockOutcome {
    const fast = this.#fast as FastImageReceiver;
    const answer = (receiver: FastImageReceiver, outputs: FastReceiverOutput[]): void => receiver.answer(now, resultCode, outputs);
    relay(fast, answer, (output) => this.#onFast(fast, output, out));
    const verdict = fast.resultCode;
    return verdict === undefined ? "next" : verdict === resultCodes.success ? "complete" : "failed";
  }

  #onFast({ plan }: FastImageReceiver, output: FastReceiverOutput, out: Output): void {
    if (output.type === "image-block") {
      out.push(output);
      return;
    }
    const { resultCode, ack } = output;
    const segment = Math.floor((ack.receivedOffset - plan.startOffset) / plan.segmentBytes);
    const elements = { resultCode, fastAck: ack };
    for (const datagram of this.#link?.maker.message({ type: "imageDataResponse", sequence: segment & 0xff, elements }) ?? []) {
      out.push(datagram);
    }
  }

  /** Answers the AC's Image Data Request, if one waits. */
  #answerRequest(resultCode: number, out: Output): void {
    const elements = { resultCode };
    this.#link?.reply("imageDataRequest", (sequence) => ({ type: "imageDataResponse", sequence, elements }), out);
  }
}
