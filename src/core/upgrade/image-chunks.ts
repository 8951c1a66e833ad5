/** An image in pieces that are fetched, verified and served one by one (`stream` distribution). */
import type { Sha256Hex } from "../../base/sha256.js";

/** Of a signed release, and of an order where they fit. */
export const imageChunkBytes = 1_048_576;

/** Their digests in order; all chunks but the last have `chunkBytes`. A chunk's digest is also the name under which it is served. */
export interface ImageChunks {
  readonly chunkBytes: number;
  readonly sha256s: readonly Sha256Hex[];
}

/** So many fit into one order: a CAPWAP message has at most 4,096 octets. */
export const chunksMax = 96;

/** 1 MiB, or the multiple of it that keeps the number of chunks within one order. */
export const chunkBytesFor = (sizeBytes: number): number =>
  imageChunkBytes * Math.max(1, Math.ceil(sizeBytes / (imageChunkBytes * chunksMax)));

export interface ChunkRange {
  readonly offset: number;
  readonly sizeBytes: number;
}

export function chunkRange({ chunkBytes, sha256s }: ImageChunks, imageBytes: number, index: number): ChunkRange {
  const offset = index * chunkBytes;
  return { offset, sizeBytes: index === sha256s.length - 1 ? imageBytes - offset : chunkBytes };
}

/** Whole chunks among the first `bytes` of the image. */
export const wholeChunks = ({ chunkBytes, sha256s }: ImageChunks, imageBytes: number, bytes: number): number =>
  bytes >= imageBytes ? sha256s.length : Math.floor(bytes / chunkBytes);

/** Whether the list can be that of an image of this size. */
export const fitsImage = ({ chunkBytes, sha256s }: ImageChunks, imageBytes: number): boolean =>
  chunkBytes > 0 && sha256s.length > 0 && sha256s.length <= chunksMax && Math.ceil(imageBytes / chunkBytes) === sha256s.length;
