/**
 * The fast image transfer: elements that our controller and our APs add to RFC 5415's Image Data messages
 * (docs/decisions/070-fast-image-transfer.md). A peer that sends no offer gets the RFC's stop-and-wait.
 */
import { counted, flag, octets, record, u8, u16, u32, u64, type ValueOf } from "../../base/field-table.js";

/**
 * AP → controller in the Image Data Request that starts a transfer (beside elements 25 and 27): "I take the fast transfer".
 */
export const fastOffer = record({
  /** Chosen by the AP, new for every request. */
  transferId: u32,
  /** Bytes of the image with digest `sha256` that lie safely on the AP's disk. */
  resumeOffset: u64,
  /** Zeros where the AP knows no digest; `resumeOffset` is then 0. */
  sha256: octets(32),
  /** What the AP holds of bytes that are not written yet, at most. */
  windowBytes: u32,
  /** Largest UDP payload that the AP takes. */
  datagramBytesMax: u16,
});

/** Controller → AP in the Image Data Response to an offer (beside elements 33 and 26). */
export const fastAccept = record({
  transferId: u32,
  /** The first byte that will be sent: the offered `resumeOffset`, or 0 when the digest was another. */
  startOffset: u64,
  /** Image bytes in each segment but the last; a multiple of 8. */
  segmentBytes: u16,
  /** Fragment ID of the first segment; bit 15 is set in all Fragment IDs of a fast transfer. */
  firstFragmentId: u16,
});

/** Most ranges in one acknowledgement. */
export const fastAckRangesMax = 32;

/** AP → controller in an Image Data Response beside element 33; a Result Code that is not 0 ends the transfer. */
export const fastAck = record({
  transferId: u32,
  /** All bytes before it have arrived. */
  receivedOffset: u64,
  /** All bytes before it are on the disk. */
  writtenOffset: u64,
  /** The controller sends no byte at or behind it. */
  windowEnd: u64,
  /** Time from the arrival of the newest block to this acknowledgement. */
  delayUs: u32,
  /** The whole image was verified and stored. */
  complete: flag,
  /** What else has arrived, the most recently changed range first; `gap` counts from `receivedOffset`. */
  ranges: counted(u8, record({ gap: u32, length: u32 })),
});

/** Element IDs under our enterprise number. */
export const vendorTransferElements = {
  fastOffer: { id: 16, value: fastOffer },
  fastAccept: { id: 17, value: fastAccept },
  fastAck: { id: 18, value: fastAck },
} as const;

/** Controller → AP: image bytes. It is never whole in memory, so `fast-segment.ts` writes and reads its fragments. */
export const fastSegmentElementId = 19;

export type FastOffer = ValueOf<typeof fastOffer>;
export type FastAccept = ValueOf<typeof fastAccept>;
export type FastAck = ValueOf<typeof fastAck>;
