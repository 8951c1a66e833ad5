import type { Sha256Hex } from "../../../base/sha256.js";
import type { Instant } from "../../../base/time.js";
import type { ReleaseName } from "../../upgrade/limits.js";

/** An image file that lies verified in the controller's image folder. */
export interface NewImage {
  readonly version: string;
  /** Model names or family names as the operator gave them, e.g. `AIR-AP2802I`, `ap3g3`. */
  readonly models: readonly string[];
  readonly release: ReleaseName;
  readonly sizeBytes: number;
  /** It also names the stored file. */
  readonly sha256: Sha256Hex;
  /** Lower-case hex, for RFC 5415 Image Information. */
  readonly md5: string;
  /** The name under which primaries offer it by TFTP; letters, digits, `.`, `_` and `-`. */
  readonly fileName: string;
}

/** What proves an image to APs; verified before it comes here. */
export interface ImageBundle {
  /** As it was uploaded: canonical JSON. */
  readonly text: string;
  readonly securityVersion: number;
  /** By the vendor's own date. */
  readonly signedAt: Instant;
}
