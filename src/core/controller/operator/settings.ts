/** What operators set and hand in, as plain data: orders carry it, rows store it, views show it. */
import type { Sha256Hex } from "../../../base/sha256.js";
import type { ReleaseName } from "../../upgrade/limits.js";

/** What an AP gets that has no tries left at its primary. */
export type FallbackPolicy =
  /** The image over the WAN, as the source document says. */
  | "fallback"
  /** Another round of tries at the primary. */
  | "wait"
  /** Nothing: it ends failed. */
  | "fail";

export interface GroupWanPolicy {
  readonly fallback: FallbackPolicy;
  /** WAN transfers of the group at one moment, 1–200. */
  readonly transfersMax: number;
  /** Bytes per second of all WAN transfers of the group together, null for no cap. */
  readonly bytesPerSecondMax: number | null;
  /** Most fallbacks in one run, in APs and in bytes; then the rest wait for their primary. Null for no bound. */
  readonly fallbackApsMax: number | null;
  readonly fallbackBytesMax: number | null;
}

/** What a group is set to, beside its APs. */
export interface GroupSettings {
  readonly predownload: boolean;
  readonly retryCount: number;
  readonly backoffSecondsMin: number;
  readonly backoffSecondsMax: number;
  readonly wave2Refetch: boolean;
  readonly wan: GroupWanPolicy;
}

/** An image file that lies verified in the controller's image folder. */
export interface NewImage {
  readonly version: string;
  /** Model names or family names as the operator gave them, e.g. `AIR-AP2802I`, `ap3g3`. */
  readonly models: readonly string[];
  readonly release: ReleaseName;
  readonly sizeBytes: number;
  /** Lower-case hex. It also names the stored file. */
  readonly sha256: Sha256Hex;
  /** Lower-case hex, for RFC 5415 Image Information. */
  readonly md5: string;
  /** The name under which primaries offer it by TFTP; letters, digits, `.`, `_` and `-`. */
  readonly fileName: string;
}
