/**
 * The numbers of the upgrade feature, in one table. Source: "FlexConnect AP Image Upgrades" (the document
 * whose behaviour flexup reproduces); where it is silent, docs/architecture.md says why.
 */
export const limits = {
  /** Attempts at the primary before the WAN. */
  retryCount: { min: 1, max: 63, default: 44 },
  /** TFTP sessions at a primary. */
  sessions: { min: 1, max: 64, default: 3 },
  /** Random back-off of a refused subordinate, seconds; "more than 100 seconds". Below 100 only with `--lab`. */
  backoffSeconds: { floor: 100, labFloor: 0.05, ceiling: 3600, defaultMin: 100, defaultMax: 300 },
  /** WAN transfers of one group at a moment. */
  groupWanTransfers: { min: 1, max: 200, default: 8 },
  /** A cap below this would starve the transfer's own acknowledgements. */
  wanBytesPerSecond: { min: 1000 },
  /** What one AP gives its LAN: a cap below this would starve its sessions. */
  serveBytesPerSecond: { min: 10_000 },
  /** Orders of one AP in a run that may end without an image, for reasons that may pass, before it counts as failed. */
  failedOrders: 3,
  /** `assumedRebootSeconds`: what a preview counts from a reset to the rejoin. */
  activation: {
    batchPercent: 25,
    pauseSeconds: { min: 0, max: 86_400, default: 60 },
    failures: { min: 0, max: 6000, default: 0 },
    canaryAps: 100,
    phases: 20,
    assumedRebootSeconds: 120,
  },
  /** APs that a controller knows. Then one that is away and in no group is forgotten for a new one, or the Join refused as short of resources. */
  knownAps: 6000,
  /** Finished runs whose reports are kept. */
  runsKept: 200,
  /** Reports in one answer: each has a row for each AP of its run. */
  reportsAtOnce: { min: 1, max: 200, default: 20 },
} as const;

/** `--platform`: most APs in one FlexConnect group. All but `unlimited` are the vendor's limits. */
export const platforms = {
  "5508": { apsPerGroup: 25 },
  "7510": { apsPerGroup: 100 },
  default: { apsPerGroup: 100 },
  unlimited: { apsPerGroup: Number.POSITIVE_INFINITY },
} as const;
export type PlatformName = keyof typeof platforms;

/** The version of an empty slot, and of an AP without any image. */
export const emptyVersion = "0.0.0.0";

/** The controller's two releases. */
export type ReleaseName = "primary" | "backup";
