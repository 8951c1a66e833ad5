/** How an AP offers the fast transfer, and what it makes of the controller's answer (docs/decisions/070-fast-image-transfer.md). */
import { fastFragmentIdBit, type SegmentPlan } from "../../../wire/capwap/fast-segment.js";
import type { FastAccept, FastOffer } from "../../../wire/capwap/vendor-transfer.js";
import type { StoredPart } from "../wtp/wtp-contract.js";

/** Nine bandwidth-delay products of 100 Mbit/s and 300 ms: room for repairs of repairs. It is a promise, not memory (`fast-buffer.ts`). */
export const windowBytesDefault = 32 << 20;
const windowBytesMin = 8 << 20;
/** Part of a machine's memory that may hold what its disk does not take in time. */
const memoryShare = 1 / 16;

export const windowBytesFor = (memoryBytes: number): number =>
  Math.max(windowBytesMin, Math.min(windowBytesDefault, Math.floor(memoryBytes * memoryShare)));

/** Any datagram that UDP can carry over IPv4. */
const datagramBytesMax = 65_507;
const noDigest = new Uint8Array(32);

export const fastOfferOf = (transferId: number, stored: StoredPart | undefined, windowBytes = windowBytesDefault): FastOffer => ({
  transferId,
  resumeOffset: stored?.offset ?? 0,
  sha256: stored?.sha256 ?? noDigest,
  windowBytes,
  datagramBytesMax,
});

/** The agreed plan, or undefined if the acceptance does not match the offer. */
export function planOf(offer: FastOffer, accept: FastAccept, sizeBytes: number): SegmentPlan | undefined {
  const { transferId, startOffset, segmentBytes, firstFragmentId } = accept;
  const isOurs = transferId === offer.transferId && (startOffset === 0 || startOffset <= offer.resumeOffset) && startOffset < sizeBytes;
  const isSound = segmentBytes > 0 && segmentBytes % 8 === 0 && (firstFragmentId & fastFragmentIdBit) !== 0;
  return isOurs && isSound ? { transferId, startOffset, sizeBytes, segmentBytes, firstFragmentId } : undefined;
}
