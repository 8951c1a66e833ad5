import { type DestinationStream, type Logger, pino } from "pino";
import type { Instant } from "../base/time.js";
import type { Clock } from "./clock.js";

export const logLevels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** The AP that a line is about. A name may not be known yet. */
export interface LoggedAp {
  readonly mac: string;
  readonly name?: string;
}

/** What distinguishes one line from another, beside level and time. Controller and AP write the same shape (docs/configuration.md). */
export interface LogLine {
  readonly level: "info" | "warn";
  /** Stable, kebab-case: what a filter or an alert names. */
  readonly event: string;
  /** For people; may change with any version. */
  readonly message: string;
  readonly ap?: LoggedAp;
  /** Further members of the line; none of them is called like one of the above. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

export interface LogOptions {
  readonly component: "controller" | "ap";
  readonly level: LogLevel;
  /** Only in an AP's own process: it is then on every line. */
  readonly ap?: LoggedAp;
  /** Default: standard output. */
  readonly destination?: DestinationStream;
}

/** JSON lines with ISO timestamps and level names; each has `component`, `event` and `msg`. */
export class Log {
  /** For libraries that log by themselves. */
  readonly pino: Logger;

  constructor({ component, level, ap, destination }: LogOptions) {
    const options = {
      base: { component, ...(ap !== undefined && { ap }) },
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label: string) => ({ level: label }) },
    };
    this.pino = destination === undefined ? pino(options) : pino(options, destination);
  }

  write({ level, event, message, ap, fields }: LogLine): void {
    this.pino[level]({ event, ...(ap !== undefined && { ap }), ...fields }, message);
  }

  info(event: string, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.pino.info({ event, ...fields }, message);
  }

  warn(event: string, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.pino.warn({ event, ...fields }, message);
  }

  error(event: string, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.pino.error({ event, ...fields }, message);
  }

  /** Before the process ends. */
  fatal(event: string, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.pino.fatal({ event, ...fields }, message);
  }
}

/** For whoever starts a daemon within a program of their own. */
export const createLogger = (options: LogOptions): Log => new Log(options);

/** How many lines of one kind may be written: at once, and per second from then on. */
export interface LogAllowance {
  readonly burst: number;
  readonly perSecond: number;
}

const aboutOneASecond: LogAllowance = { burst: 1, perSecond: 1 };

/**
 * Lines that anyone on the network can cause at any rate. Each kind is limited;
 * its next line counts the omitted ones in `suppressed`.
 */
export class LimitedLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #kinds = new Map<string, { left: number; at: Instant; suppressed: number }>();

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  warn(event: string, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.write({ level: "warn", event, message, fields });
  }

  /** @param kind fixed in the code, never text from the network: each is remembered for good */
  write(line: LogLine, kind: string = line.event, { burst, perSecond }: LogAllowance = aboutOneASecond): void {
    const now = this.#clock.now();
    const state = this.#kinds.get(kind) ?? { left: burst, at: now, suppressed: 0 };
    this.#kinds.set(kind, state);
    state.left = Math.min(burst, state.left + ((now - state.at) / 1000) * perSecond);
    state.at = now;
    if (state.left < 1) {
      state.suppressed++;
      return;
    }
    state.left--;
    const { suppressed } = state;
    state.suppressed = 0;
    this.#log.write(suppressed > 0 ? { ...line, fields: { ...line.fields, suppressed } } : line);
  }
}
