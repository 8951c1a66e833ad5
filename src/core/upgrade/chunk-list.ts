import type { Sha256Hex } from "../../base/sha256.js";

/** Digests of an image piece by piece: the last chunk may be shorter. */
export interface ChunkList {
  readonly chunkBytes: 1_048_576;
  readonly sha256s: readonly Sha256Hex[];
}

export const imageChunkBytes = 1_048_576;
