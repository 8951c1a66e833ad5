/** How an AP offers the fast transfer, and what it makes of the controller's answer (docs/decisions/070-fast-image-transfer.md). */
import { fastFragmentIdBit, type SegmentPlan } from "../../wire/capwap/fast-segment.js";
import type { FastAccept, FastOffer } from "../../wire/capwap/vendor-transfer.js";
import type { StoredPart } from "./contract.js";

/** Two bandwidth-delay products of 100 Mbit/s and 300 ms. */
const windowBytes = 8 << 20;
/** Any datagram that UDP can carry over IPv4. */
const datagramBytesMax = 65_507;
const noDigest = new Uint8Array(32);

export const fastOfferOf = (transferId: number, stored: StoredPart | undefined): FastOffer => ({
  transferId,
  resumeOffset: stored?.offset ?? 0,
  sha256: stored?.sha256 ?? noDigest,
  windowBytes,
  datagramBytesMax,
});

/** The agreed plan, or undefined where the acceptance is none of this offer. */
export function planOf(offer: FastOffer, accept: FastAccept, sizeBytes: number): SegmentPlan | undefined {
  const { transferId, startOffset, segmentBytes, firstFragmentId } = accept;
  const isOurs = transferId === offer.transferId && (startOffset === 0 || startOffset <= offer.resumeOffset) && startOffset < sizeBytes;
  const isSound = segmentBytes > 0 && segmentBytes % 8 === 0 && (firstFragmentId & fastFragmentIdBit) !== 0;
  return isOurs && isSound ? { transferId, startOffset, sizeBytes, segmentBytes, firstFragmentId } : undefined;
}
