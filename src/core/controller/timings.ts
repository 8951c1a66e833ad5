/** How long the controller waits before it draws a conclusion, in milliseconds. */
export interface ControllerTimings {
  /** A lost primary has this long to come back before another is elected: a short outage costs no second WAN copy. */
  readonly primaryGraceMs: number;
  /**
   * An AP that joined after a primary was lost may only follow it after this long: when a branch or the controller comes back,
   * the primary comes back with the others, in any order.
   */
  readonly rejoinGraceMs: number;
  /** An AP that left during a run fails after this. */
  readonly absentMs: number;
  /** A joined AP that owes a report is asked once more after this silence, and fails after as much again. */
  readonly silenceMs: number;
  /** After a rejoin an AP may tell by itself how far it is; then the order is repeated. */
  readonly resyncMs: number;
  /** An AP that is out of tries and kept off the WAN by its group's limit tries at its primary for as long, then fails. */
  readonly heldBackMs: number;
  /** An operator's swap or reset is answered at the latest after this, whatever APs still owe. */
  readonly actReplyMs: number;
  /** After a reset the AP must have rejoined within this. */
  readonly resetRejoinMs: number;
  /** An activated AP counts once it has stayed joined on its image for as long. */
  readonly activationSteadyMs: number;
}

export const defaultTimings: ControllerTimings = {
  primaryGraceMs: 15_000,
  rejoinGraceMs: 180_000,
  absentMs: 900_000,
  silenceMs: 120_000,
  resyncMs: 5_000,
  heldBackMs: 4 * 3_600_000,
  actReplyMs: 10_000,
  resetRejoinMs: 600_000,
  activationSteadyMs: 30_000,
};

/** `--lab`: everything on one machine, so a silence means more, sooner. */
export const labTimings: ControllerTimings = {
  primaryGraceMs: 2_000,
  rejoinGraceMs: 20_000,
  absentMs: 60_000,
  silenceMs: 20_000,
  resyncMs: 1_000,
  heldBackMs: 300_000,
  actReplyMs: 10_000,
  resetRejoinMs: 60_000,
  activationSteadyMs: 2_000,
};
