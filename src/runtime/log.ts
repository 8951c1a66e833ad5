import { type DestinationStream, type Logger, pino } from "pino";
import type { Clock } from "./clock.js";

export type { Logger } from "pino";

export const logLevels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LogOptions {
  /** `controller`, `ap`, …: the field `name` of every line. */
  readonly name: string;
  readonly level: LogLevel;
  /** Default: standard output. */
  readonly destination?: DestinationStream;
}

/** JSON lines with ISO time stamps and level names. `pino-pretty` reads them in development. */
export function createLogger({ name, level, destination }: LogOptions): Logger {
  const options = {
    name,
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** What anyone on the network can provoke is logged at most this often per kind. */
const quietMs = 1000;

/**
 * Warnings about things that a stranger can cause at any rate. Each kind is written at most once a second;
 * what was left out is counted in the next line's `suppressed`.
 */
export class LimitedWarnings {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #kinds = new Map<string, { quietUntil: number; suppressed: number }>();

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** @param kind one of few words fixed in the code, never text from the network: each costs an entry for ever */
  warn(kind: string, message: string, fields: object = {}): void {
    const now = this.#clock.now();
    const state = this.#kinds.get(kind);
    if (state === undefined) this.#kinds.set(kind, { quietUntil: now + quietMs, suppressed: 0 });
    else if (now < state.quietUntil) {
      state.suppressed++;
      return;
    }
    const suppressed = state?.suppressed ?? 0;
    this.#log.warn({ kind, ...fields, ...(suppressed > 0 && { suppressed }) }, message);
    if (state !== undefined) {
      state.quietUntil = now + quietMs;
      state.suppressed = 0;
    }
  }
}
