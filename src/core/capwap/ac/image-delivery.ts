/** The image that one WTP downloads from the AC (RFC 5415 §9.1): from its request to the end of the transfer. */
import type { Instant } from "../../../base/time.js";
import type { ImageIdentifier } from "../../../wire/capwap/elements.js";
import { fastFragmentIdAfter, fastFragmentIdBit } from "../../../wire/capwap/fast-segment.js";
import type { ElementsOf } from "../../../wire/capwap/messages.js";
import { resultCodes } from "../../../wire/capwap/result-code.js";
import type { FastOffer } from "../../../wire/capwap/vendor-transfer.js";
import type { SendDatagram, Sink } from "../contract.js";
import { isFast, openFastTransfer } from "../image/fast-image-transfer.js";
import { ImageDataSender } from "../image/image-data-sender.js";
import type { ImageTransfer } from "../image/image-transfer.js";
import type { RateCaps } from "../image/rate-cap.js";
import { RateLimit } from "../link/rate-limit.js";
import type { AcEvent, AcSettings, CapwapSessionId, ImageAnswer, TransferOutcome, WtpIdentity } from "./ac-contract.js";

const ethernetMtuBytes = 1_500;

/** Transfers that one WTP may begin in a second: each sends a first flight, or takes a turn under the caps, whatever comes of it. */
const transfersPerSecond = 4;

export type ImageRequestVerdict =
  | { readonly type: "wanted"; readonly identifier: ImageIdentifier }
  | {
      readonly type: "refused";
      readonly resultCode: number;
      readonly reason: "wrong-state" | "rate-limit";
      readonly detail: string;
    };

type Events = Sink<Extract<AcEvent<never>, { readonly type: "transfer-progress" | "transfer-ended" }>>;

export interface ImageDeliveryOptions {
  readonly session: CapwapSessionId;
  readonly wtp: WtpIdentity;
  readonly settings: AcSettings;
  readonly rates: RateCaps;
}

export class ImageDelivery {
  readonly #options: ImageDeliveryOptions;
  readonly #requests = new RateLimit(transfersPerSecond);
  #transfer: ImageTransfer | undefined;
  /** Of the request that waits for `begin`. */
  #offer: FastOffer | undefined;
  #nextFastFragmentId = fastFragmentIdBit;
  #reportedBytesDone = 0;

  constructor(options: ImageDeliveryOptions) {
    this.#options = options;
  }

  /** The one that runs. */
  get transfer(): ImageTransfer | undefined {
    return this.#transfer;
  }

  nextWakeAt(): Instant | undefined {
    return this.#transfer?.nextWakeAt();
  }

  /**
   * An Image Data Request of the WTP; a transfer that runs is the caller's to end.
   * @param mayBeFast the fast transfer sends much before it hears of the WTP
   */
  request(
    now: Instant,
    mayBeFast: boolean,
    { imageIdentifier, initiateDownload, fastOffer }: ElementsOf<"imageDataRequest">,
  ): ImageRequestVerdict {
    if (imageIdentifier === undefined || initiateDownload === undefined) {
      const detail = "Image Data Request that starts no download";
      return { type: "refused", resultCode: resultCodes.messageUnexpected, reason: "wrong-state", detail };
    }
    if (!this.#requests.admits(now)) {
      return { type: "refused", resultCode: resultCodes.imageOtherError, reason: "rate-limit", detail: "Image Data Request" };
    }
    this.#offer = mayBeFast ? fastOffer : undefined;
    return { type: "wanted", identifier: imageIdentifier };
  }

  /** As the WTP offered, else the RFC's way. Call `start` once the response that opens the transfer is out. */
  begin(answer: Extract<ImageAnswer, { readonly type: "transfer" }>): ImageTransfer {
    const { wtp, settings, rates } = this.#options;
    const caps = rates.of(answer.rates ?? []);
    this.#reportedBytesDone = 0;
    if (!isFast(this.#offer, answer)) {
      this.#transfer = new ImageDataSender(answer.sha256, answer.sizeBytes, caps);
      return this.#transfer;
    }
    const { linkMode, mtuBytes = ethernetMtuBytes } = settings;
    const firstFragmentId = this.#nextFastFragmentId;
    const overheadBytes = wtp.link?.overheadBytes ?? 0;
    const agreed = { carriage: linkMode, offer: this.#offer, answer, caps, firstFragmentId };
    const fast = openFastTransfer({ to: wtp.peer, mtuBytes, overheadBytes, ...agreed });
    this.#nextFastFragmentId = fastFragmentIdAfter(firstFragmentId, fast.segmentCount);
    this.#transfer = fast;
    return fast;
  }

  wake(now: Instant, out: Events & Sink<SendDatagram>): void {
    this.#transfer?.wake(now, out);
    this.settle(out);
  }

  /** Reports what the transfer has come to. */
  settle(out: Events): void {
    const transfer = this.#transfer;
    if (transfer === undefined) return;
    const { sha256, bytesDone, bytesSent, outcome } = transfer;
    if (outcome !== undefined) this.end(outcome, out);
    else if (bytesDone !== this.#reportedBytesDone) {
      this.#reportedBytesDone = bytesDone;
      out.push({ type: "transfer-progress", session: this.#options.session, sha256, bytesDone, bytesSent });
    }
  }

  /** Ends the transfer that runs, if one does. */
  end(outcome: TransferOutcome, out: Events): void {
    const transfer = this.#transfer;
    if (transfer === undefined) return;
    this.#transfer = undefined;
    const { sha256, bytesDone, bytesSent } = transfer;
    out.push({ type: "transfer-ended", session: this.#options.session, sha256, outcome, bytesDone, bytesSent });
  }
}
