/**
 * Milliseconds since the Unix epoch, read from a clock that never steps back
 * (`performance.timeOrigin + performance.now()` in the daemons, the event heap in the simulator).
 * Fractions are allowed. Machines receive it; they never ask for it.
 */
export type Instant = number;

export const secondsToMs = (seconds: number): number => seconds * 1000;

/** The first of several deadlines, some of which may not be set. */
export const earliest = (...instants: readonly (Instant | undefined)[]): Instant | undefined =>
  instants.reduce((soonest, at) => (at !== undefined && (soonest === undefined || at < soonest) ? at : soonest), undefined);
