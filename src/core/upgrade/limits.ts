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
} as const;

/** `--platform`: most APs in one FlexConnect group. */
export const platforms = {
  "5508": { apsPerGroup: 25 },
  "7510": { apsPerGroup: 100 },
  default: { apsPerGroup: 100 },
} as const;
export type PlatformName = keyof typeof platforms;

/** The controller's two releases. */
export type ReleaseName = "primary" | "backup";
