/**
 * Fragments of the fast transfer's segments (docs/decisions/070-fast-image-transfer.md). A segment is an Image Data Request
 * with one vendor element that holds image bytes; the codec of ordinary messages never sees it, since each fragment is
 * placed by its CAPWAP header alone.
 */
import { flexupEnterprise } from "./vendor.js";
import { fastSegmentElementId } from "./vendor-transfer.js";

/** Image bytes in every segment but the last: 15 pages, and the most of which a segment still fits one UDP datagram. */
export const segmentBytesDefault = 61_440;

/** CAPWAP header without options. */
export const fragmentHeaderBytes = 8;
/** Control header 8, element header 10, transfer ID 4, offset 8, reserved 2. */
export const segmentHeadBytes = 32;
/** Fragment IDs with this bit belong to fast transfers (§4.3 leaves their choice to the sender). */
export const fastFragmentIdBit = 0x8000;
const fragmentIdMask = 0x7fff;

/** The Fragment ID `segments` after another. */
export const fastFragmentIdAfter = (id: number, segments: number): number => fastFragmentIdBit | ((id + segments) & fragmentIdMask);

/** CAPWAP units of Fragment Offset (§4.3). */
const offsetUnit = 8;

const headerWords = 2;
/** Version 0, type 0; HLEN 2; RID 0; WBID 1 (IEEE 802.11). */
const firstWord = (headerWords << 19) | (1 << 9);
const fragmentBit = 1 << 7;
const lastBit = 1 << 6;
const imageDataRequest = 15;
const vendorSpecificPayload = 37;

/** Where a transfer's segments lie, agreed by `fastOffer` and `fastAccept`. */
export interface SegmentPlan {
  readonly transferId: number;
  readonly startOffset: number;
  readonly sizeBytes: number;
  readonly segmentBytes: number;
  /** With `fastFragmentIdBit`. */
  readonly firstFragmentId: number;
}

/** The range of one fragment within an image. */
export interface FragmentPlace {
  readonly offset: number;
  readonly length: number;
}

/** End of the segment that holds `offset`: a fragment never crosses it. */
export function segmentEnd(plan: SegmentPlan, offset: number): number {
  const number = Math.floor((offset - plan.startOffset) / plan.segmentBytes);
  return Math.min(plan.sizeBytes, plan.startOffset + (number + 1) * plan.segmentBytes);
}

/** Most image bytes at `offset` for which the fragment's datagram holds no more than `datagramBytes`. */
export function fragmentRoom(plan: SegmentPlan, offset: number, datagramBytes: number): number {
  const head = (offset - plan.startOffset) % plan.segmentBytes === 0 ? segmentHeadBytes : 0;
  const room = datagramBytes - fragmentHeaderBytes - head;
  const left = segmentEnd(plan, offset) - offset;
  return room >= left ? left : room - (room % offsetUnit);
}

/**
 * What goes before the image bytes `[offset, offset + length)` in their datagram. The range lies within one segment, starts
 * a multiple of 8 behind the segment's start, and ends at another or at the segment's end.
 */
export function fragmentHead(plan: SegmentPlan, offset: number, length: number): Uint8Array {
  const number = Math.floor((offset - plan.startOffset) / plan.segmentBytes);
  const segmentStart = plan.startOffset + number * plan.segmentBytes;
  const end = segmentEnd(plan, offset);
  const first = offset === segmentStart;
  const bytes = new Uint8Array(first ? fragmentHeaderBytes + segmentHeadBytes : fragmentHeaderBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, firstWord | fragmentBit | (offset + length === end ? lastBit : 0));
  view.setUint16(4, fastFragmentIdAfter(plan.firstFragmentId, number));
  // The offset's three lowest bits would be those of the reserved field, and are zero.
  view.setUint16(6, first ? 0 : offset - segmentStart + segmentHeadBytes);
  if (!first) return bytes;
  const valueBytes = 20 + (end - segmentStart);
  view.setUint32(8, imageDataRequest);
  view.setUint8(12, number & 0xff);
  view.setUint16(13, 3 + 4 + valueBytes);
  view.setUint16(16, vendorSpecificPayload);
  view.setUint16(18, valueBytes);
  view.setUint32(20, flexupEnterprise);
  view.setUint16(24, fastSegmentElementId);
  view.setUint32(26, plan.transferId);
  view.setUint32(30, Math.floor(segmentStart / 0x1_0000_0000));
  view.setUint32(34, segmentStart % 0x1_0000_0000);
  return bytes;
}

/** Whether a datagram is a fragment of a fast transfer. Cheap enough for every datagram. */
export const isFastFragment = (datagram: Uint8Array): boolean =>
  datagram.length > fragmentHeaderBytes &&
  datagram[0] === 0 &&
  ((datagram[3] as number) & fragmentBit) !== 0 &&
  (datagram[4] as number) >= 0x80;

/** Why a fragment was not taken. `stale`: outside of what the plan can place near `around`, e.g. of an earlier transfer. */
export type FragmentFault = "malformed" | "stale";

/**
 * Place of a fragment's image bytes; they are the datagram's last `length` octets.
 *
 * @param around image offset near which the fragment must lie: Fragment IDs repeat after 2¹⁵ segments
 */
export function placeFragment(plan: SegmentPlan, datagram: Uint8Array, around: number): FragmentPlace | FragmentFault {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const word = view.getUint32(0);
  const headerBytes = ((word >>> 19) & 0x1f) * 4;
  if (headerBytes < fragmentHeaderBytes || headerBytes >= datagram.length) return "malformed";
  const near = Math.floor((around - plan.startOffset) / plan.segmentBytes);
  const distance = (view.getUint16(4) - plan.firstFragmentId - near) & fragmentIdMask;
  const number = near + (distance > fragmentIdMask >> 1 ? distance - fragmentIdMask - 1 : distance);
  const segmentStart = plan.startOffset + number * plan.segmentBytes;
  if (number < 0 || segmentStart >= plan.sizeBytes) return "stale";
  const within = view.getUint16(6) & ~(offsetUnit - 1);
  let length = datagram.length - headerBytes;
  let offset = segmentStart + within - segmentHeadBytes;
  if (within === 0) {
    length -= segmentHeadBytes;
    offset = segmentStart;
    const fault = length < 0 ? "malformed" : headFault(plan, view, headerBytes, segmentStart);
    if (fault !== undefined) return fault;
  } else if (within < segmentHeadBytes) return "malformed";
  const end = segmentEnd(plan, segmentStart);
  const last = (word & lastBit) !== 0;
  if (offset + length > end || last !== (offset + length === end)) return "malformed";
  return { offset, length };
}

function headFault(plan: SegmentPlan, view: DataView, at: number, segmentStart: number): FragmentFault | undefined {
  if (view.getUint32(at) !== imageDataRequest || view.getUint16(at + 8) !== vendorSpecificPayload) return "malformed";
  if (view.getUint32(at + 12) !== flexupEnterprise || view.getUint16(at + 16) !== fastSegmentElementId) return "malformed";
  if (view.getUint32(at + 18) !== plan.transferId) return "stale";
  return view.getUint32(at + 22) * 0x1_0000_0000 + view.getUint32(at + 26) === segmentStart ? undefined : "malformed";
}
