/**
 * What a fast transfer has sent and not yet seen acknowledged: blocks in the order of the image, and those in flight in the order
 * of sending. Loss is judged by time as in RACK (RFC 8985): a block is lost when one that was sent later has arrived and the
 * reordering window has passed.
 */
import { RangeSet } from "../../../base/range-set.js";
import type { Instant } from "../../../base/time.js";
import type { SendSnapshot } from "../congestion/delivery-rate.js";

export interface Block {
  readonly offset: number;
  length: number;
  /** Of the last sending. */
  sent: SendSnapshot;
  /** UDP payload of the last sending. */
  datagramBytes: number;
  sends: number;
  state: "in-flight" | "lost" | "acknowledged";
  /** Neighbours in the order of sending, while in flight. */
  earlier: Block | undefined;
  later: Block | undefined;
}

/** Part of the round-trip time that a late block is given, at first. */
const reorderShareMin = 0.25;
const reorderShareMax = 1;
const reorderMsMin = 0.5;
/** The deque of blocks is moved to the front of its array when this many are gone. */
const compactAt = 1024;

export class FastScoreboard {
  /** Bytes that were sent and are neither acknowledged nor lost. */
  bytesInFlight = 0;
  /** In the order of the image, from `#first` on; acknowledged ones stay until all before them are. */
  #blocks: Block[] = [];
  #first = 0;
  readonly #acknowledged = new RangeSet();
  #oldest: Block | undefined;
  #newest: Block | undefined;
  #lost: Block[] = [];
  /** Sending time of the latest-sent block that has arrived, and how long it took. */
  #arrivedSentAt: Instant = Number.NEGATIVE_INFINITY;
  #arrivedRttMs = 0;
  #reorderShare = reorderShareMin;

  /** Adds a block that follows all others in the image. */
  add(offset: number, length: number, sent: SendSnapshot, datagramBytes: number): void {
    const block: Block = { offset, length, sent, datagramBytes, sends: 1, state: "in-flight", earlier: undefined, later: undefined };
    this.#blocks.push(block);
    this.#append(block);
  }

  /** Sends a block again. */
  resend(block: Block, sent: SendSnapshot, datagramBytes: number): void {
    if (block.state === "in-flight") this.#unlink(block);
    block.state = "in-flight";
    block.sent = sent;
    block.datagramBytes = datagramBytes;
    block.sends++;
    this.#append(block);
  }

  /** The lost block to send next. */
  nextLost(): Block | undefined {
    while (this.#lost.length > 0 && this.#lost[0]?.state !== "lost") this.#lost.shift();
    return this.#lost[0];
  }

  /** The unacknowledged block that comes first in the image. */
  firstUnacknowledged(): Block | undefined {
    for (let index = this.#first; index < this.#blocks.length; index++) {
      const block = this.#blocks[index] as Block;
      if (block.state !== "acknowledged") return block;
    }
    return undefined;
  }

  /** Cuts a block in two, both lost: the path takes no more than `length`. */
  split(block: Block, length: number): void {
    if (block.state === "in-flight") {
      this.#unlink(block);
      block.state = "lost";
      this.#lost.unshift(block);
    }
    const rest: Block = { ...block, offset: block.offset + length, length: block.length - length, earlier: undefined, later: undefined };
    block.length = length;
    this.#blocks.splice(this.#indexOf(block.offset) + 1, 0, rest);
    const queued = this.#lost.indexOf(block);
    if (queued >= 0) this.#lost.splice(queued + 1, 0, rest);
  }

  /** Takes one range of an acknowledgement; calls `visit` with each block that was not known to have arrived. */
  acknowledge(start: number, end: number, visit: (block: Block) => void): void {
    const arrived: Block[] = [];
    this.#acknowledged.forEachGap(start, end, (from, to) => {
      for (let index = this.#indexOf(from); index < this.#blocks.length; index++) {
        const block = this.#blocks[index] as Block;
        if (block.offset + block.length > to) return;
        if (block.offset >= from && block.state !== "acknowledged") arrived.push(block);
      }
    });
    for (const block of arrived) {
      if (block.state === "in-flight") this.#unlink(block);
      block.state = "acknowledged";
      // Whole blocks only, so that strange ranges cannot make the set grow.
      this.#acknowledged.add(block.offset, block.offset + block.length);
      visit(block);
    }
  }

  /** Forgets the blocks that lie wholly before `offset`. */
  release(offset: number): void {
    while (this.#first < this.#blocks.length) {
      const block = this.#blocks[this.#first] as Block;
      if (block.offset + block.length > offset) break;
      this.#first++;
    }
    this.#acknowledged.cutBefore(offset);
    if (this.#first < compactAt || this.#first * 2 < this.#blocks.length) return;
    this.#blocks = this.#blocks.slice(this.#first);
    this.#first = 0;
  }

  /** A block has arrived: the ones sent before it are due. @param minRttMs Infinity when not known */
  onArrived(now: Instant, block: Block, minRttMs: number): void {
    const rttMs = now - block.sent.sentAt;
    if (block.sends > 1 && minRttMs < Number.POSITIVE_INFINITY && rttMs < minRttMs) {
      // The first copy arrived after all: what looked like loss was reordering.
      this.#reorderShare = Math.min(reorderShareMax, this.#reorderShare * 2);
      return;
    }
    if (block.sent.sentAt < this.#arrivedSentAt) return;
    this.#arrivedSentAt = block.sent.sentAt;
    this.#arrivedRttMs = rttMs;
  }

  /**
   * Moves overdue blocks to the lost ones.
   * @param datagramBytesMax what the path is known to take: a larger block was lost for its size, which says nothing about the queue
   * @returns the bytes lost on the way, and when the next block is overdue
   */
  detectLost(now: Instant, minRttMs: number, datagramBytesMax: number): { readonly bytes: number; readonly nextAt: Instant | undefined } {
    const patienceMs = this.#arrivedRttMs + Math.max(reorderMsMin, this.#reorderShare * Math.min(minRttMs, this.#arrivedRttMs));
    let bytes = 0;
    for (let block = this.#oldest; block !== undefined && block.sent.sentAt < this.#arrivedSentAt; block = this.#oldest) {
      const overdueAt = block.sent.sentAt + patienceMs;
      if (overdueAt > now) return { bytes, nextAt: overdueAt };
      this.#unlink(block);
      block.state = "lost";
      this.#lost.push(block);
      if (block.datagramBytes <= datagramBytesMax) bytes += block.length;
    }
    return { bytes, nextAt: undefined };
  }

  /** Index of the first block that ends behind `offset`. */
  #indexOf(offset: number): number {
    let low = this.#first;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const block = this.#blocks[middle] as Block;
      if (block.offset + block.length > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #append(block: Block): void {
    block.earlier = this.#newest;
    block.later = undefined;
    if (this.#newest === undefined) this.#oldest = block;
    else this.#newest.later = block;
    this.#newest = block;
    this.bytesInFlight += block.length;
  }

  #unlink(block: Block): void {
    if (block.earlier === undefined) this.#oldest = block.later;
    else block.earlier.later = block.later;
    if (block.later === undefined) this.#newest = block.earlier;
    else block.later.earlier = block.earlier;
    block.earlier = undefined;
    block.later = undefined;
    this.bytesInFlight -= block.length;
  }
}
