/** The AC's answer to a fast offer: what it takes and from where on (docs/decisions/070-fast-image-transfer.md). */

import type { Endpoint } from "../../../base/endpoint.js";
import { sha256HexOf } from "../../../base/sha256.js";
import { type SegmentPlan, segmentBytesDefault } from "../../../wire/capwap/fast-segment.js";
import type { FastOffer } from "../../../wire/capwap/vendor-transfer.js";
import type { ImageAnswer } from "../ac/ac-contract.js";
import { datagramBytesMaxTo, headerBytesTo } from "../link/path-mtu.js";
import type { Carriage } from "../link/secure-link.js";
import { FastImageSender } from "./fast-image-sender.js";
import type { RateCap } from "./rate-cap.js";

type Accepted = Extract<ImageAnswer, { readonly type: "transfer" }>;

export interface FastTransferOptions {
  readonly to: Endpoint;
  readonly carriage: Carriage;
  readonly offer: FastOffer;
  readonly answer: Accepted;
  readonly caps: readonly RateCap[];
  /** With `fastFragmentIdBit`; must not be that of a transfer before it, whose fragments may still be on their way. */
  readonly firstFragmentId: number;
  /** Smallest MTU of our interfaces. */
  readonly mtuBytes: number;
  /** What the DTLS link adds to a datagram; 0 in clear. */
  readonly overheadBytes: number;
}

export function openFastTransfer(options: FastTransferOptions): FastImageSender {
  const { to, carriage, offer, answer, caps, firstFragmentId, mtuBytes, overheadBytes } = options;
  const plan: SegmentPlan = {
    transferId: offer.transferId,
    startOffset: resumeOffset(offer, answer),
    sizeBytes: answer.sizeBytes,
    segmentBytes: segmentBytesDefault,
    firstFragmentId,
  };
  return new FastImageSender({
    to,
    carriage,
    sha256: answer.sha256,
    plan,
    windowBytes: offer.windowBytes,
    datagramBytesMax: Math.min(offer.datagramBytesMax, datagramBytesMaxTo(to.address, mtuBytes, overheadBytes)),
    headerBytes: headerBytesTo(to.address),
    overheadBytes,
    caps,
  });
}

/** Nothing that the AP has stored of this image is sent again. At least one byte is sent, so that there is an end. */
function resumeOffset(offer: FastOffer, answer: Accepted): number {
  const sameImage = sha256HexOf(offer.sha256) === answer.sha256;
  return sameImage ? Math.min(offer.resumeOffset, answer.sizeBytes - 1) : 0;
}

/** Whether the fast transfer can carry it; an empty image has no segment, so it goes the RFC's way. */
export const isFast = (offer: FastOffer | undefined, answer: Accepted): offer is FastOffer =>
  offer !== undefined && answer.sizeBytes > 0 && isSaneWindow(offer);

const windowBytesMin = 65_536;
const datagramBytesMin = 544;
const isSaneWindow = ({ windowBytes, datagramBytesMax }: FastOffer): boolean =>
  windowBytes >= windowBytesMin && datagramBytesMax >= datagramBytesMin;
