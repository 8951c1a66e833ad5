/** `flexup tftp serve` and `flexup tftp get`: the TFTP engine standalone, for a lab. */
import type { Command as Program } from "commander";
import { InvalidArgumentError } from "commander";
import { type Endpoint, parseHostPort } from "../../base/endpoint.js";
import type { Failure } from "../../base/failure.js";
import { defaultServerSettings, LAN_BLKSIZE, LAN_WINDOWSIZE } from "../../core/tftp/defaults.js";
import { BLKSIZE_MAX, BLKSIZE_MIN, DEFAULT_BLKSIZE, DEFAULT_WINDOWSIZE, WINDOWSIZE_MAX } from "../../wire/tftp/options.js";
import { parseTftpUrl, TFTP_PORT } from "../../wire/tftp/url.js";
import { exitCodes } from "../one-shot.js";
import { parseBitRate } from "../tftp/units.js";

type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const SESSIONS_MAX = 64;

const whole =
  (min: number, max: number) =>
  (text: string): number => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`expected a whole number ${min}–${max}`);
    return value;
  };

/** For options that cap a rate, e.g. `--tftp-rate 20M`: bits per second to octets per second. */
export const bitRate = (text: string): number => {
  const rate = parseBitRate(text);
  if (rate === undefined) throw new InvalidArgumentError("expected bits per second such as 800k, 20M or 1.5G");
  return rate;
};

const listenEndpoint = (text: string): Endpoint => {
  const parsed = parseHostPort(text, TFTP_PORT);
  if (parsed === undefined) throw new InvalidArgumentError("expected an address such as 0.0.0.0:69 or [::]:69");
  return { address: parsed.host, port: parsed.port };
};

interface ServeFlags {
  readonly listen: Endpoint;
  readonly sessions: number;
  readonly tftpRate?: number;
  readonly sessionRate?: number;
  readonly tftpSinglePort?: true;
  readonly requestsPerSecond: number;
  readonly plain?: true;
}

interface GetFlags {
  readonly output?: string;
  readonly blksize: number;
  readonly windowsize: number;
  readonly timeout?: number;
  readonly options: boolean;
  readonly plain?: true;
  readonly json?: true;
}

export function registerTftpCommands(program: Program, done: (code: ExitCode) => void): void {
  const tftp = program.command("tftp").description("the TFTP engine standalone");

  tftp
    .command("serve")
    .description("serve files, or the files of directories, until stopped")
    .argument("<path...>", "files and directories")
    .option("--listen <addr:port>", "address and UDP port, 0 for any", listenEndpoint, { address: "0.0.0.0", port: TFTP_PORT })
    .option("--sessions <n>", "transfers at a time; one more is refused", whole(1, SESSIONS_MAX), defaultServerSettings.sessionsMax)
    .option("--tftp-rate <bits>", "bits per second of all transfers together, e.g. 20M", bitRate)
    .option("--session-rate <bits>", "bits per second of each transfer", bitRate)
    .option("--tftp-single-port", "transfer from the listening port, for peers behind NAT")
    .option(
      "--requests-per-second <n>",
      "requests that one address may make",
      whole(1, 100_000),
      defaultServerSettings.requestsPerSecondMax,
    )
    .option("--plain", "disable the native sender")
    .action(async (paths: readonly string[], flags: ServeFlags) => {
      const { serveByTftp } = await import("../tftp/serve.js");
      const opened = await serveByTftp({
        paths,
        listen: flags.listen,
        settings: {
          sessionsMax: flags.sessions,
          rateBytesPerSecond: flags.tftpRate,
          sessionRateBytesPerSecond: flags.sessionRate,
          singlePort: flags.tftpSinglePort === true,
          requestsPerSecondMax: flags.requestsPerSecond,
        },
        engine: flags.plain ? "plain" : "auto",
        say: (line) => process.stdout.write(`${line}\n`),
      });
      if (!opened.ok) {
        done(refused(opened.failure));
        return;
      }
      await stopSignal();
      await opened.value.close();
      done(exitCodes.done);
    });

  tftp
    .command("get")
    .description("fetch one file")
    .argument("<url>", "tftp://host[:port]/name")
    .option("-o, --output <file>", "where to; - for standard output (default: the name)")
    .option("--blksize <octets>", "payload of a packet", whole(BLKSIZE_MIN, BLKSIZE_MAX), LAN_BLKSIZE)
    .option("--windowsize <packets>", "packets for one ACK", whole(1, WINDOWSIZE_MAX), LAN_WINDOWSIZE)
    .option("--timeout <seconds>", "ask the server for this time-out", whole(1, 255))
    .option("--no-options", "ask without any option, for servers that answer nothing else")
    .option("--plain", "disable the native receiver")
    .option("--json", "the result as JSON")
    .action(async (urlText: string, flags: GetFlags) => {
      const url = parseTftpUrl(urlText);
      if (!url.ok) {
        process.stderr.write(`${url.failure.message}\n`);
        done(exitCodes.wrongCommand);
        return;
      }
      const aborting = new AbortController();
      const abort = (): void => aborting.abort();
      process.once("SIGINT", abort).once("SIGTERM", abort);
      const { getByTftp, getReportText } = await import("../tftp/get.js");
      const got = await getByTftp(
        {
          url: url.value,
          output: flags.output,
          blksize: flags.blksize,
          windowsize: flags.windowsize,
          timeoutSeconds: flags.timeout,
          plainRequest: !flags.options || asksForDefaults(flags),
          engine: flags.plain ? "plain" : "auto",
        },
        { stdout: process.stdout, stderr: process.stderr, signal: aborting.signal },
      );
      process.off("SIGINT", abort).off("SIGTERM", abort);
      if (!got.ok) {
        done(refused(got.failure, flags.json));
        return;
      }
      const report = flags.json ? `${JSON.stringify(got.value)}\n` : getReportText(got.value);
      (flags.output === "-" ? process.stderr : process.stdout).write(report);
      done(exitCodes.done);
    });
}

/** RFC 1350's own values: there is nothing to negotiate. */
const asksForDefaults = ({ blksize, windowsize, timeout }: GetFlags): boolean =>
  blksize === DEFAULT_BLKSIZE && windowsize === DEFAULT_WINDOWSIZE && timeout === undefined;

function refused(failure: Failure, json = false): ExitCode {
  // The reader of our standard output has closed it on purpose.
  if (failure.code === "tftp-storage" && failure.message.includes("EPIPE")) return exitCodes.refused;
  process.stderr.write(json ? `${JSON.stringify(failure)}\n` : `${failure.message}\n`);
  return exitCodes.refused;
}

const stopSignal = (): Promise<void> =>
  new Promise((resolve) => {
    const stop = (): void => resolve();
    process.once("SIGINT", stop).once("SIGTERM", stop);
  });
