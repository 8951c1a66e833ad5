import type { LinkMode } from "../core/capwap/link/secure-link.js";
import type { Distribution, GroupWanPolicy } from "../core/controller/operator/group-settings.js";
import { defaultTimers } from "../wire/capwap/defaults.js";
import type { FlashSpeed } from "./image-store.js";
import type { LinkQuality } from "./network.js";

export interface FleetOptions {
  readonly seed: number;
  readonly aps: number;
  /** Dealt out to the APs in turn. */
  readonly models: readonly string[];
  readonly imageBytes: number;
  /** Each direction of the line between the branch and the controller; all APs share it. */
  readonly wan: LinkQuality;
  /** What an AP sends into the branch's LAN. */
  readonly lan: LinkQuality;
  /** Whether APs offer the fast transfer; otherwise images cross the WAN as in RFC 5415 §9.1. */
  readonly fastTransfer: boolean;
  readonly distribution: Distribution;
  /** Of the chunks of a `stream` run; the daemon's are larger, as its images are. */
  readonly chunkBytes: number;
  readonly retryCount: number;
  readonly backoffSeconds: { readonly min: number; readonly max: number };
  readonly sessionsMax: number;
  /** Rate limit of each TFTP session; undefined for none. */
  readonly sessionBytesPerSecond: number | undefined;
  readonly wave2Refetch: boolean;
  /** Differences from a new group's WAN policy. */
  readonly wanPolicy: Partial<GroupWanPolicy>;
  /** Rate limit of the whole controller; null for none. */
  readonly wanBytesPerSecond: number | null;
  /** Size of each AP's flash in images: the running one, the backup, the temporary file. */
  readonly flashImages: number;
  readonly flash: FlashSpeed;
  /** How long an fsync of the controller's store takes. */
  readonly syncMs: number;
  /** From a reset or power-up to the first instruction. */
  readonly bootMs: number;
  /** Between Echo Requests of an AP that has nothing else to send. */
  readonly echoIntervalMs: number;
  /** How control messages travel: `dtls` by the simulator's stand-in for it. */
  readonly link: LinkMode;
  /** APs that reach the controller over IPv6. */
  readonly ipv6Aps: readonly number[];
  /** APs that are not in the group when a run starts. */
  readonly lateAps: readonly number[];
  /** APs on which the new image boots, but never gets a datagram out. */
  readonly muteAps: readonly number[];
}

export const defaultFleet: FleetOptions = {
  seed: 1,
  aps: 25,
  models: ["AIR-AP2802I", "AIR-AP1832I", "AIR-CAP3702I"],
  imageBytes: 256 * 1024,
  wan: { latencyMs: 20, jitterMs: 0, bitsPerSecond: 20e6, queueBytes: 250_000, loss: 0, duplication: 0, reordering: 0, reorderMsMax: 0 },
  lan: { latencyMs: 0.5, jitterMs: 0, bitsPerSecond: 1e9, queueBytes: 1_000_000, loss: 0, duplication: 0, reordering: 0, reorderMsMax: 0 },
  fastTransfer: false,
  distribution: "classic",
  chunkBytes: 16 * 1024,
  retryCount: 44,
  backoffSeconds: { min: 100, max: 300 },
  sessionsMax: 3,
  sessionBytesPerSecond: undefined,
  wave2Refetch: true,
  wanPolicy: {},
  wanBytesPerSecond: null,
  flashImages: 3,
  flash: { openMs: 1, writeMs: 0, verifyMs: 20, syncMs: 2 },
  syncMs: 2,
  bootMs: 5_000,
  echoIntervalMs: defaultTimers.echoIntervalMs,
  link: "clear",
  ipv6Aps: [],
  lateAps: [],
  muteAps: [],
};
