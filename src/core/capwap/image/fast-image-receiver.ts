/**
 * The AP's side of one fast image transfer (docs/decisions/070-fast-image-transfer.md): takes fragments in any order, hands the image
 * on in order and acknowledges. The window that the sender sees is what may wait to be written.
 */
import { RangeSet } from "../../../base/range-set.js";
import type { Instant } from "../../../base/time.js";
import { TimerTable } from "../../../base/timer-table.js";
import { type FragmentFault, placeFragment, type SegmentPlan } from "../../../wire/capwap/fast-segment.js";
import { resultCodes } from "../../../wire/capwap/result-code.js";
import { type FastAck, fastAckRangesMax } from "../../../wire/capwap/vendor-transfer.js";
import type { Sink } from "../contract.js";
import { chunkBytes, FastBuffer } from "./fast-buffer.js";

/** What to send; the session makes an Image Data Response of it. */
export interface FastAckOutput {
  readonly type: "fast-ack";
  readonly resultCode: number;
  readonly ack: FastAck;
}

/** The image's next bytes, in order, those that come quickly in chunks. `bytes` stays as it is until `answer` was called for it. */
export interface FastBlockOutput {
  readonly type: "image-block";
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly last: boolean;
}

export type FastReceiverOutput = FastAckOutput | FastBlockOutput;

/** An acknowledgement comes after this many bytes or this time, sooner while the sender still learns the path. */
const ackBytes = 11_700;
const ackBytesEarly = 2_000;
const ackMs = 40;
const ackMsEarly = 10;
const earlyBlocks = 64;
/** Separate ranges that are kept; what would open one more is dropped. */
const rangesMax = 4_096;
const silenceMsMax = 90_000;
/** All that the field holds: more than an hour, which no sender takes for a round trip. */
const delayUsMax = 0xffff_ffff;

type Deadline = "acknowledge" | "silence";

export class FastImageReceiver {
  readonly plan: SegmentPlan;
  readonly #buffer: FastBuffer;
  readonly #windowBytes: number;
  /** Arrived at or behind `#receivedOffset`. */
  readonly #ranges = new RangeSet();
  readonly #timers = new TimerTable<Deadline>();
  #receivedOffset: number;
  #handedOffset: number;
  #writtenOffset: number;
  /** Ends of the chunks that are being written, in order. */
  readonly #writing: number[] = [];
  #announcedEnd: number;
  #blocks = 0;
  #unacknowledgedBytes = 0;
  #newestAt: Instant = 0;
  /** Offsets of blocks that came behind a gap, newest first. */
  #recent: number[] = [];
  #resultCode: number | undefined;

  constructor(plan: SegmentPlan, windowBytes: number) {
    this.plan = plan;
    this.#buffer = new FastBuffer(plan.startOffset);
    this.#windowBytes = Math.min(windowBytes, plan.sizeBytes - plan.startOffset);
    this.#receivedOffset = plan.startOffset;
    this.#handedOffset = plan.startOffset;
    this.#writtenOffset = plan.startOffset;
    this.#announcedEnd = plan.startOffset + windowBytes;
  }

  /** The final result. Once it is known, it is all that the sender gets. */
  get resultCode(): number | undefined {
    return this.#resultCode;
  }

  /** What the bytes that wait take, and those before them took. */
  get memoryBytes(): number {
    return this.#buffer.memoryBytes;
  }

  /** Bytes that arrived without a gap, what was stored before included. */
  get receivedOffset(): number {
    return this.#receivedOffset;
  }

  start(now: Instant): void {
    this.#newestAt = now;
    this.#timers.set("silence", now + silenceMsMax);
  }

  nextWakeAt(): Instant | undefined {
    return this.#timers.nextAt();
  }

  /** A datagram for which `isFastFragment` holds. @returns what was wrong with it, if anything */
  datagram(now: Instant, datagram: Uint8Array, out: Sink<FastReceiverOutput>): FragmentFault | undefined {
    const place = placeFragment(this.plan, datagram, this.#receivedOffset);
    if (typeof place === "string") return place;
    this.#timers.set("silence", now + silenceMsMax);
    const { offset, length } = place;
    const end = offset + length;
    const taken = this.#resultCode === undefined && this.#store(offset, datagram.subarray(datagram.length - length));
    this.#newestAt = now;
    if (!taken) {
      this.#acknowledge(now, out);
      return undefined;
    }
    this.#blocks++;
    this.#unacknowledgedBytes += length;
    const opensGap = offset > this.#receivedOffset && !this.#ranges.covers(offset - 1, offset);
    if (offset > this.#receivedOffset) this.#noteRecent(offset);
    this.#ranges.add(offset, end);
    this.#advance(out);
    const early = this.#blocks < earlyBlocks;
    if (opensGap || this.#receivedOffset === this.plan.sizeBytes || this.#unacknowledgedBytes >= (early ? ackBytesEarly : ackBytes)) {
      this.#acknowledge(now, out);
    } else if (!this.#timers.has("acknowledge")) this.#timers.set("acknowledge", now + (early ? ackMsEarly : ackMs));
    return undefined;
  }

  /** The oldest handed block is written, or could not be (14–16). Answer the last one after the whole is verified. */
  answer(now: Instant, resultCode: number, out: Sink<FastReceiverOutput>): void {
    const end = this.#writing.shift();
    if (end === undefined || this.#resultCode !== undefined) return;
    if (resultCode !== resultCodes.success) this.#conclude(resultCode);
    else {
      this.#writtenOffset = end;
      this.#buffer.release(end);
      if (end === this.plan.sizeBytes) this.#conclude(resultCode);
    }
    const opened = this.#windowEnd() - this.#announcedEnd;
    const left = this.#announcedEnd - this.#receivedOffset;
    if (this.#resultCode !== undefined || (opened >= this.#windowBytes / 4 && left <= this.#windowBytes / 2)) this.#acknowledge(now, out);
  }

  /** The AP gives up. The sender gets this result for as long as it sends. */
  reject(now: Instant, resultCode: number, out: Sink<FastReceiverOutput>): void {
    if (this.#resultCode !== undefined) return;
    this.#conclude(resultCode);
    this.#acknowledge(now, out);
  }

  /** @returns whether the transfer is over because nothing came for `silenceMsMax` */
  wake(now: Instant, out: Sink<FastReceiverOutput>): boolean {
    let isSilent = false;
    for (let due = this.#timers.takeDue(now); due !== undefined; due = this.#timers.takeDue(now)) {
      if (due === "acknowledge") this.#acknowledge(now, out);
      else if (this.#resultCode === undefined) isSilent = true;
    }
    return isSilent;
  }

  /** From now on the sender gets only this result. A chunk that is being written stays intact. */
  #conclude(resultCode: number): void {
    this.#resultCode = resultCode;
    this.#buffer.clear();
  }

  /** Keeps what is new. @returns false for nothing new, or no room */
  #store(offset: number, bytes: Uint8Array): boolean {
    const end = offset + bytes.length;
    if (end <= this.#receivedOffset || end > this.#windowEnd() || this.#ranges.ranges.length >= rangesMax) return false;
    let stored = false;
    this.#ranges.forEachGap(Math.max(offset, this.#receivedOffset), end, (from, to) => {
      stored = true;
      this.#buffer.put(from, bytes.subarray(from - offset, to - offset));
    });
    return stored;
  }

  #windowEnd(): number {
    return this.#writtenOffset + this.#windowBytes;
  }

  #noteRecent(offset: number): void {
    this.#recent.unshift(offset);
    if (this.#recent.length > fastAckRangesMax) this.#recent.pop();
  }

  #advance(out: Sink<FastReceiverOutput>): void {
    this.#receivedOffset = this.#ranges.firstGap(this.#receivedOffset);
    this.#ranges.cutBefore(this.#receivedOffset);
    while (this.#receivedOffset - this.#handedOffset >= chunkBytes || this.#handsLast()) this.#hand(out);
  }

  #handsLast(): boolean {
    return this.#receivedOffset === this.plan.sizeBytes && this.#handedOffset < this.plan.sizeBytes;
  }

  #hand(out: Sink<FastReceiverOutput>): void {
    const offset = this.#handedOffset;
    const bytes = this.#buffer.view(offset, this.#receivedOffset);
    this.#handedOffset = offset + bytes.length;
    this.#writing.push(this.#handedOffset);
    const last = this.#handedOffset === this.plan.sizeBytes;
    out.push({ type: "image-block", offset, bytes, last });
  }

  #acknowledge(now: Instant, out: Sink<FastReceiverOutput>): void {
    // What came slowly is handed on with the acknowledgement: it must not wait for a full chunk to be safe.
    const handsOn = this.#unacknowledgedBytes < ackBytes && this.#resultCode === undefined;
    while (handsOn && this.#handedOffset < this.#receivedOffset) this.#hand(out);
    this.#timers.clear("acknowledge");
    this.#unacknowledgedBytes = 0;
    this.#announcedEnd = this.#windowEnd();
    out.push({
      type: "fast-ack",
      resultCode: this.#resultCode ?? resultCodes.success,
      ack: {
        transferId: this.plan.transferId,
        receivedOffset: this.#receivedOffset,
        writtenOffset: this.#writtenOffset,
        windowEnd: this.#announcedEnd,
        delayUs: Math.min(delayUsMax, Math.round(Math.max(0, now - this.#newestAt) * 1000)),
        complete: this.#resultCode === resultCodes.success,
        ranges: this.#recentRanges(),
      },
    });
  }

  #recentRanges(): { gap: number; length: number }[] {
    const ranges: { gap: number; length: number }[] = [];
    this.#recent = this.#recent.filter((offset) => offset >= this.#receivedOffset);
    for (const offset of this.#recent) {
      const range = this.#ranges.rangeOf(offset);
      if (range === undefined) continue;
      const gap = range.start - this.#receivedOffset;
      if (!ranges.some((listed) => listed.gap === gap)) ranges.push({ gap, length: range.end - range.start });
    }
    return ranges;
  }
}
