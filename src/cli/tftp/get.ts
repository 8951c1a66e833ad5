/** `flexup tftp get`: one fetch into a file, which appears under its name only when it is whole. */

import { lookup } from "node:dns/promises";
import { basename } from "node:path";
import { failure, type Result, success } from "../../base/failure.js";
import type { Sha256Hex } from "../../base/sha256.js";
import { systemClock } from "../../runtime/clock.js";
import { type FetchResult, startTftpFetch, type TftpFetchOptions } from "../../runtime/tftp/client.js";
import type { TftpUrl } from "../../wire/tftp/url.js";
import { type Output, openOutput } from "./output.js";
import { decimalBytesText, progressText } from "./units.js";

export interface GetOptions {
  readonly url: TftpUrl;
  /** Path, `-` for standard output; by default the last part of the remote name. */
  readonly output: string | undefined;
  readonly blksize: number | undefined;
  readonly windowsize: number | undefined;
  readonly timeoutSeconds: number | undefined;
  /** Asks without any option. */
  readonly plainRequest: boolean;
  readonly engine: "auto" | "plain";
}

export interface GetIo {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
  /** Aborts the fetch. */
  readonly signal: AbortSignal;
}

export interface GetReport {
  readonly output: string;
  readonly bytes: number;
  readonly milliseconds: number;
  readonly sha256: Sha256Hex;
}

const PROGRESS_INTERVAL_MS = 100;
/** An address that does not answer is left for the next one of the same name. */
const NEXT_ADDRESS_MS = 5000;
/** A person waits for the prompt; long enough to repeat a lost last ACK to a server with a time-out below it. */
const DALLY_MS = 500;

export async function getByTftp(options: GetOptions, io: GetIo): Promise<Result<GetReport>> {
  const { url } = options;
  let addresses: readonly string[];
  try {
    addresses = (await lookup(url.host, { all: true })).map(({ address }) => address);
  } catch (error) {
    return failure("unknown-host", `${url.host}: no address found (${(error as Error).message}); check the name`);
  }
  const output = options.output ?? basename(url.fileName);
  const opened = await openOutput(output, io.stdout);
  if (!opened.ok) return opened;
  const startedAt = systemClock.now();
  const { result, sizeBytes, closed } = await fetchFromAny(addresses, options, opened.value, io);
  const { outcome, detail, bytesDone, sha256 } = result;
  const milliseconds = systemClock.now() - startedAt;

  if (sha256 === undefined) {
    await opened.value.discard();
    await closed;
    return failure(`tftp-${outcome}`, `${url.fileName} from ${url.host}: ${detail}${adviceOn(outcome, detail)}`);
  }
  try {
    await opened.value.commit();
  } catch (error) {
    await opened.value.discard();
    return failure("tftp-storage", `${output} cannot be written: ${(error as Error).message}`);
  } finally {
    await closed;
  }
  if (sizeBytes !== undefined && sizeBytes !== bytesDone)
    io.stderr.write(`${url.host} announced ${sizeBytes} bytes and sent ${bytesDone}; compare the SHA-256 with the file's\n`);
  return success({ output, bytes: bytesDone, milliseconds, sha256 });
}

interface Fetched {
  readonly result: FetchResult;
  /** As the server announced it. */
  readonly sizeBytes: number | undefined;
  readonly closed: Promise<void>;
}

/** Tries one address after the other until one answers. */
async function fetchFromAny(addresses: readonly string[], options: GetOptions, output: Output, io: GetIo): Promise<Fetched> {
  const [address = "", ...others] = addresses;
  const unansweredMsMax = others.length > 0 ? { unansweredMsMax: NEXT_ADDRESS_MS } : {};
  const fetched = await fetchFrom(address, unansweredMsMax, options, output, io);
  const { outcome, isAnswered } = fetched.result;
  if (others.length === 0 || outcome !== "timeout" || isAnswered) return fetched;
  await fetched.closed;
  return fetchFromAny(others, options, output, io);
}

async function fetchFrom(
  address: string,
  settings: TftpFetchOptions["settings"],
  options: GetOptions,
  output: Output,
  io: GetIo,
): Promise<Fetched> {
  const { url, blksize, windowsize, timeoutSeconds, plainRequest, engine } = options;
  const startedAt = systemClock.now();
  let sizeBytes: number | undefined;
  let shownAt = Number.NEGATIVE_INFINITY;
  const show = (bytesDone: number): void => {
    const now = systemClock.now();
    if (io.stderr.isTTY !== true || (now - shownAt < PROGRESS_INTERVAL_MS && bytesDone !== sizeBytes)) return;
    shownAt = now;
    io.stderr.write(`\r\x1b[K${progressText(bytesDone, sizeBytes, now - startedAt)}`);
  };
  const fetch = startTftpFetch({
    server: { address, port: url.port },
    fileName: url.fileName,
    ...(blksize !== undefined && { blksize }),
    ...(windowsize !== undefined && { windowsize }),
    ...{ timeoutSeconds, plainRequest, engine },
    settings: { dallyMs: DALLY_MS, ...settings },
    clock: systemClock,
    sink: output.sink,
    onSize: (bytes) => {
      sizeBytes = bytes;
    },
    onProgress: show,
    onFatal: (error) => {
      throw error;
    },
  });
  const abort = (): void => fetch.abort();
  io.signal.addEventListener("abort", abort);
  if (io.signal.aborted) abort();
  const result = await fetch.ended;
  io.signal.removeEventListener("abort", abort);
  if (io.stderr.isTTY === true && Number.isFinite(shownAt)) io.stderr.write("\n");
  return { result, sizeBytes, closed: fetch.closed };
}

/** Unless the server's own text already says so. */
const adviceOn = (outcome: string, detail: string): string => {
  const text = outcome === "timeout" ? timeoutAdvice(detail) : outcome === "busy" ? "try again later" : undefined;
  return text === undefined || detail.includes(text) ? "" : `; ${text}`;
};

const timeoutAdvice = (detail: string): string =>
  detail.startsWith("no answer")
    ? "check the address, that a server listens there, and that nothing blocks its port"
    : detail.endsWith("byte 0")
      ? "the server answered, but no block arrived: check that nothing blocks UDP ports above 1023, or try --blksize 512"
      : "the server stopped in the middle: check that it still runs, and try again";

export const getReportText = ({ output, bytes, milliseconds, sha256 }: GetReport): string =>
  `${output}: ${bytes} bytes in ${(milliseconds / 1000).toFixed(2)} s (${decimalBytesText(Math.round((bytes * 1000) / milliseconds))}/s)\nsha256 ${sha256}\n`;
