/** What a datagram is, from its first octets alone: for counting, never for acting on. */
import { isFastFragment } from "./fast-segment.js";
import { readPacket } from "./header.js";
import { type MessageName, messageNameOf } from "./messages.js";

/** Type (32 bits) and Sequence Number (8 bits) of the control header, RFC 5415 §4.5.1. */
const typeAndSequenceBytes = 5;

export type Glimpse =
  /** `message` undefined for a type that no RFC 5415 message has. */
  | { readonly type: "message"; readonly message: MessageName | undefined; readonly sequence: number }
  /** A fragment that does not hold the message's beginning, or too little of it. */
  | { readonly type: "part" }
  | { readonly type: "dtls" | "malformed" };

/** @param bytes a datagram, or its beginning with both headers */
export function glimpse(bytes: Uint8Array): Glimpse {
  const packet = readPacket(bytes);
  if (packet.type !== "capwap") return { type: packet.type };
  const { payload, header } = packet;
  if ((header.fragment?.offset ?? 0) > 0 || payload.length < typeAndSequenceBytes) return { type: "part" };
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return { type: "message", message: messageNameOf.get(view.getUint32(0)), sequence: view.getUint8(4) };
}

/** Whether a datagram belongs to an image transfer: Image Data Request and Response, and the blocks of the fast transfer. */
export function isImageData(bytes: Uint8Array): boolean {
  if (isFastFragment(bytes)) return true;
  const seen = glimpse(bytes);
  return seen.type === "message" && (seen.message === "imageDataRequest" || seen.message === "imageDataResponse");
}
