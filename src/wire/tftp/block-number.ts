/**
 * Blocks are counted from 1 without end inside flexup ("absolute"); 16 bits of that travel, so 65535 is
 * followed by 0. Block 0 is the answer to an OACK (RFC 2347).
 */
export const BLOCK_NUMBERS = 0x10000;

export const wireBlock = (absolute: number): number => absolute % BLOCK_NUMBERS;

/** The first absolute block at or after `from` that has the wire number `wire`. */
export const absoluteBlock = (from: number, wire: number): number => from + ((wire - wireBlock(from) + BLOCK_NUMBERS) % BLOCK_NUMBERS);

/** DATA blocks of a file: one more than the full ones, since a short block (maybe empty) ends the transfer (RFC 1350 §6). */
export const blockCount = (sizeBytes: number, blksize: number): number => Math.floor(sizeBytes / blksize) + 1;

/** Where an absolute block (1…) lies in the file. */
export const blockOffset = (block: number, blksize: number): number => (block - 1) * blksize;

/** Payload octets of an absolute block: `blksize`, fewer for the last. */
export const blockLength = (block: number, blksize: number, sizeBytes: number): number =>
  Math.max(0, Math.min(blksize, sizeBytes - blockOffset(block, blksize)));
