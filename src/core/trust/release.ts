/** What TUF metadata states once its signatures are verified (`runtime/trust`). Dates are in milliseconds since the Unix epoch. */
import type { Sha256Hex } from "../../base/sha256.js";
import type { ImageChunks } from "../upgrade/image-chunks.js";

/** Enough for the chunk list of a 3 GB image. */
export const bundleBytesMax = 1 << 18;

export interface SignedImage {
  readonly sizeBytes: number;
  readonly sha256: Sha256Hex;
  /** Image families such as `ap3g3`: APs of others refuse it. */
  readonly families: readonly string[];
  readonly version: string;
  /** Raised by the vendor when older images must never boot again. */
  readonly securityVersion: number;
  readonly chunks: ImageChunks;
}

/** The version and the dates of one metadata role. */
export interface SignedRole {
  readonly version: number;
  readonly signedAtMs: number;
  readonly expiresAtMs: number;
}

/** A bundle whose signatures were verified against a trusted root. */
export interface VerifiedRelease {
  readonly root: SignedRole;
  readonly targets: SignedRole;
  /** Null if the bundle has none. */
  readonly timestamp: SignedRole | null;
  readonly images: readonly SignedImage[];
}
