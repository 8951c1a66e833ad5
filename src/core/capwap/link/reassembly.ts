/**
 * Puts fragments together (RFC 5415 §3.4, §4.3). Whoever sends them is not trusted: each peer has few messages under way, all
 * peers together a bounded number of octets, and a message that has not become whole in time is forgotten. The RFC leaves
 * these numbers open. Fragments may come in any order and twice; those of one message must not overlap otherwise.
 */
import type { Instant } from "../../../base/time.js";
import { capwapLimits } from "../../../wire/capwap/defaults.js";
import type { Fragment } from "../../../wire/capwap/header.js";

export const reassemblyLimits = {
  timeoutMs: 5_000,
  messagesPerPeerMax: 4,
  /** Octets held for all peers. */
  heldBytesMax: 1 << 20,
  /** Fragments held for all peers: a small one costs many times its octets. */
  heldPiecesMax: 1 << 13,
} as const;

export type Reassembled =
  | { readonly type: "whole"; readonly message: Uint8Array }
  | { readonly type: "partial" }
  | { readonly type: "dropped"; readonly reason: "malformed-fragment" | "fragment-limit" | "message-too-long"; readonly detail: string };

interface Partial {
  readonly peer: string;
  readonly since: Instant;
  /** In the order of their offsets. */
  readonly pieces: { readonly offset: number; readonly bytes: Uint8Array }[];
  heldBytes: number;
  /** Known once the last fragment is here. */
  totalBytes: number | undefined;
}

export class Reassembly {
  /** In the order of arrival of their first fragment, so the first is the oldest. */
  readonly #partials = new Map<string, Partial>();
  readonly #perPeer = new Map<string, number>();
  #heldBytes = 0;
  #heldPieces = 0;

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get heldPieces(): number {
    return this.#heldPieces;
  }

  /**
   * @param peer key of the sender's address and port
   * @param payload what follows the transport header; copied if it is kept
   */
  add(now: Instant, peer: string, fragment: Fragment, payload: Uint8Array): Reassembled {
    this.#expire(now);
    const key = `${fragment.id} ${peer}`;
    const end = fragment.offset + payload.length;
    if (payload.length === 0 || (!fragment.last && payload.length % 8 !== 0)) {
      return { type: "dropped", reason: "malformed-fragment", detail: `fragment of ${payload.length} octets` };
    }
    if (end > capwapLimits.messageBytesMax) {
      this.#forget(key);
      return { type: "dropped", reason: "message-too-long", detail: `fragment ends at octet ${end}` };
    }
    const partial = this.#partials.get(key) ?? this.#begin(now, key, peer);
    if (partial === undefined) return { type: "dropped", reason: "fragment-limit", detail: "too many fragmented messages of one peer" };

    const total = fragment.last ? end : partial.totalBytes;
    const at = partial.pieces.findIndex((piece) => piece.offset >= fragment.offset);
    const index = at < 0 ? partial.pieces.length : at;
    const after = partial.pieces[index];
    if (after?.offset === fragment.offset && after.bytes.length === payload.length) return { type: "partial" };
    const before = partial.pieces[index - 1];
    const lastEnd = pieceEnd(partial.pieces.at(-1));
    if (
      pieceEnd(before) > fragment.offset ||
      (after !== undefined && end > after.offset) ||
      (partial.totalBytes !== undefined && total !== partial.totalBytes) ||
      (total !== undefined && Math.max(lastEnd, end) > total)
    ) {
      this.#forget(key);
      return { type: "dropped", reason: "malformed-fragment", detail: `fragment at octet ${fragment.offset} contradicts another` };
    }
    partial.pieces.splice(index, 0, { offset: fragment.offset, bytes: payload.slice() });
    partial.totalBytes = total;
    partial.heldBytes += payload.length;
    this.#heldBytes += payload.length;
    this.#heldPieces++;
    if (partial.heldBytes === total) {
      this.#forget(key);
      return { type: "whole", message: joined(partial, total) };
    }
    while (this.#heldBytes > reassemblyLimits.heldBytesMax || this.#heldPieces > reassemblyLimits.heldPiecesMax) this.#forgetOldest();
    return { type: "partial" };
  }

  #begin(now: Instant, key: string, peer: string): Partial | undefined {
    const underWay = this.#perPeer.get(peer) ?? 0;
    if (underWay >= reassemblyLimits.messagesPerPeerMax) return undefined;
    this.#perPeer.set(peer, underWay + 1);
    const partial: Partial = { peer, since: now, pieces: [], heldBytes: 0, totalBytes: undefined };
    this.#partials.set(key, partial);
    return partial;
  }

  #expire(now: Instant): void {
    for (const [key, { since }] of this.#partials) {
      if (now - since < reassemblyLimits.timeoutMs) return;
      this.#forget(key);
    }
  }

  #forgetOldest(): void {
    const [oldest] = this.#partials.keys();
    if (oldest !== undefined) this.#forget(oldest);
  }

  #forget(key: string): void {
    const partial = this.#partials.get(key);
    if (partial === undefined) return;
    this.#partials.delete(key);
    this.#heldBytes -= partial.heldBytes;
    this.#heldPieces -= partial.pieces.length;
    const left = (this.#perPeer.get(partial.peer) ?? 1) - 1;
    if (left === 0) this.#perPeer.delete(partial.peer);
    else this.#perPeer.set(partial.peer, left);
  }
}

const pieceEnd = (piece: { offset: number; bytes: Uint8Array } | undefined): number =>
  piece === undefined ? 0 : piece.offset + piece.bytes.length;

function joined(partial: Partial, totalBytes: number): Uint8Array {
  const message = new Uint8Array(totalBytes);
  for (const { offset, bytes } of partial.pieces) message.set(bytes, offset);
  return message;
}
