/**
 * What both CAPWAP ends share with their owners. The AC (`ac/ac-contract.ts`) and the WTP (`wtp/wtp-contract.ts`) are child machines
 * with plain methods `(now, …, out)` that append to `out` in the order in which things must happen. An output is an effect, which the
 * owner passes on to its host, or an event, which it handles. An event comes before the response that it caused, so an owner that
 * persists on the event persists before the response is sent.
 */
import type { Endpoint } from "../../base/endpoint.js";
import type { Sha256Hex } from "../../base/sha256.js";
import type { ElementsOf, ResponseName } from "../../wire/capwap/messages.js";
import type { Carriage, LinkEffect } from "./link/secure-link.js";

/** A range of an image that the runtime keeps open; it goes behind `bytes` in the same datagram. */
export interface ImageRange {
  readonly sha256: Sha256Hex;
  readonly offset: number;
  readonly length: number;
}

/** One UDP datagram from the control port, or the data port. `bytes` is not changed afterwards. */
export interface SendDatagram {
  readonly type: "send";
  readonly channel?: "data";
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
  readonly image?: ImageRange;
  readonly carriage: Carriage;
}

export type CapwapEffect = SendDatagram | LinkEffect;

/** Where outputs are appended: an array that may hold other outputs, too. */
export interface Sink<Output> {
  push(output: Output): unknown;
}

/** One datagram that came in on the control port. */
export interface Datagram {
  readonly from: Endpoint;
  readonly bytes: Uint8Array;
  readonly carriage: Carriage;
}

/** Why datagrams and messages were ignored. A closed list, so that no peer can make it grow. */
export const dropReasons = [
  "malformed-header",
  "malformed-message",
  "malformed-fragment",
  "fragment-limit",
  "message-too-long",
  "not-control",
  "clear-not-allowed",
  "unknown-message",
  "unknown-peer",
  "identity-mismatch",
  "missing-element",
  "unrecognized-element",
  "wrong-sender",
  "wrong-state",
  "old-request",
  "sequence-reused",
  "wrong-token",
  "join-refused",
  "over-budget",
  "repeat-while-busy",
  "stray-response",
  "rate-limit",
] as const;
export type DropReason = (typeof dropReasons)[number];

/** Something was ignored. Count it, and log it at most once a second. `detail` is one line. */
export interface Dropped {
  readonly type: "dropped";
  readonly reason: DropReason;
  readonly from: Endpoint;
  readonly detail: string;
}

/** The outcome of a request that a composite queued with a `tag` of its own. */
export interface Answered<Tag, Name extends ResponseName = ResponseName> {
  readonly type: "answered";
  readonly tag: Tag;
  readonly resultCode: number;
  readonly elements: Partial<ElementsOf<Name>>;
}

/** No response came: the retransmissions ran out, the session ended or the queue was emptied. */
export interface Unanswered<Tag> {
  readonly type: "unanswered";
  readonly tag: Tag;
  readonly reason: "timeout" | "session-ended";
}
