/**
 * The numbers on the wire: which block is due, which was acknowledged, and how this server counts after 65535. flexup's own
 * servers and most others continue with 0, some with 1.
 */
import { BLOCK_NUMBERS } from "../../../wire/tftp/block-number.js";

/** Windows that start with block 1 where 0 is due before we believe that the server's numbers skip 0. */
const SKIPPED_ZEROS_MAX = 4;

export class BlockOrder {
  #due = 1;
  #skipsZero = false;
  #skippedZeros = 0;
  /** How far ahead of `due` the last block was that came out of order after its ACK; 0 = none did. */
  #gap = 0;

  get due(): number {
    return this.#due;
  }

  get skipsZero(): boolean {
    return this.#skipsZero;
  }

  /** The block before the one that is due. */
  get previous(): number {
    return this.#due === 0 || (this.#due === 1 && this.#skipsZero) ? BLOCK_NUMBERS - 1 : this.#due - 1;
  }

  /** How many blocks `block` lies ahead of the one that is due, in the server's way of counting. */
  aheadOf(block: number): number {
    if (!this.#skipsZero) return (block - this.#due + BLOCK_NUMBERS) % BLOCK_NUMBERS;
    return block === 0 ? BLOCK_NUMBERS : (block - this.#due + BLOCK_NUMBERS - 1) % (BLOCK_NUMBERS - 1);
  }

  /** The block that was due arrived. */
  advance(): void {
    this.advanceBy(1);
    if (this.#due === 0 && this.#skipsZero) this.#due = 1;
  }

  /** So many blocks arrived in order from a server that does not skip 0. */
  advanceBy(blocks: number): void {
    this.#due = (this.#due + blocks) % BLOCK_NUMBERS;
    this.#gap = 0;
    this.#skippedZeros = 0;
  }

  /** The block that lies `blocks` before the one that is due. */
  before(blocks: number): number {
    return (this.#due - blocks + 2 * BLOCK_NUMBERS) % BLOCK_NUMBERS;
  }

  /**
   * Block 1 came where 0 is due: a server that never sends 0 looks like one whose block 0 got lost. In lock-step nothing can
   * follow a lost block; in a window the same loss again and again is not loss. True: 1 is due now.
   */
  zeroSkipped(block: number, windowsize: number): boolean {
    if (this.#skipsZero || this.#due !== 0 || block !== 1) return false;
    this.#skippedZeros++;
    if (windowsize > 1 && this.#skippedZeros < SKIPPED_ZEROS_MAX) return false;
    this.#skipsZero = true;
    this.#due = 1;
    return true;
  }

  /**
   * A block `ahead` of the one that is due. True once for each burst with a hole: the rest of the burst lies further ahead, a
   * new burst starts again nearer.
   */
  gapOpened(ahead: number): boolean {
    const opened = this.#gap === 0 || ahead <= this.#gap;
    this.#gap = ahead;
    return opened;
  }

  /** After a time-out the next gap is a new one. */
  forgetGap(): void {
    this.#gap = 0;
  }
}
