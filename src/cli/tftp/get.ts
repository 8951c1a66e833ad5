/** `flexup tftp get`: one fetch into a file, which appears under its name only when it is whole. */

import { lookup } from "node:dns/promises";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename } from "node:path";
import { failure, type Result, success } from "../../base/failure.js";
import type { Sha256Hex } from "../../base/sha256.js";
import { systemClock } from "../../runtime/clock.js";
import { type FetchSink, fileSink, startTftpFetch } from "../../runtime/tftp/client.js";
import type { TftpUrl } from "../../wire/tftp/url.js";
import { decimalBytesText, progressText } from "./units.js";

export interface GetOptions {
  readonly url: TftpUrl;
  /** Path, `-` for standard output; by default the last part of the remote name. */
  readonly output: string | undefined;
  readonly blksize: number | undefined;
  readonly windowsize: number | undefined;
  readonly timeoutSeconds: number | undefined;
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
/** A person waits for the prompt; long enough to repeat a lost last ACK to a server with a time-out below it. */
const DALLY_MS = 500;

export async function getByTftp(options: GetOptions, io: GetIo): Promise<Result<GetReport>> {
  const { url } = options;
  let address: string;
  try {
    ({ address } = await lookup(url.host));
  } catch (error) {
    return failure("unknown-host", `${url.host}: no address found (${(error as Error).message}); check the name`);
  }
  const output = options.output ?? basename(url.fileName);
  const target = await openTarget(output, io.stdout);
  if (!target.ok) return target;

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
    ...(options.blksize !== undefined && { blksize: options.blksize }),
    ...(options.windowsize !== undefined && { windowsize: options.windowsize }),
    timeoutSeconds: options.timeoutSeconds,
    engine: options.engine,
    settings: { dallyMs: DALLY_MS },
    clock: systemClock,
    sink: target.value.sink,
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
  const { outcome, detail, bytesDone, sha256 } = await fetch.ended;
  io.signal.removeEventListener("abort", abort);
  const milliseconds = systemClock.now() - startedAt;
  if (io.stderr.isTTY === true && Number.isFinite(shownAt)) io.stderr.write("\n");

  if (sha256 === undefined) {
    await target.value.discard();
    await fetch.closed;
    return failure(`tftp-${outcome}`, `${url.fileName} from ${url.host}: ${detail}${adviceOn(outcome, detail)}`);
  }
  try {
    await target.value.commit();
  } catch (error) {
    await target.value.discard();
    return failure("tftp-storage", `${output} cannot be written: ${(error as Error).message}`);
  } finally {
    await fetch.closed;
  }
  return success({ output, bytes: bytesDone, milliseconds, sha256 });
}

/** Where the server has not said it itself. */
const adviceOn = (outcome: string, detail: string): string => {
  const text = advice[outcome];
  return text === undefined || detail.includes(text) ? "" : `; ${text}`;
};

const advice: Readonly<Record<string, string>> = {
  busy: "try again later",
  timeout: "check the address, and that nothing blocks UDP port 69 and the ports above 1023",
};

export const getReportText = ({ output, bytes, milliseconds, sha256 }: GetReport): string =>
  `${output}: ${bytes} bytes in ${(milliseconds / 1000).toFixed(2)} s (${decimalBytesText(Math.round((bytes * 1000) / milliseconds))}/s)\nsha256 ${sha256}\n`;

interface Target {
  readonly sink: FetchSink;
  commit(): Promise<void>;
  /** Nothing stays of what was written. */
  discard(): Promise<void>;
}

async function openTarget(output: string, stdout: NodeJS.WritableStream): Promise<Result<Target>> {
  if (output === "-") return success(streamTarget(stdout));
  const partial = `${output}.${process.pid}.part`;
  let handle: FileHandle;
  try {
    handle = await open(partial, "wx");
  } catch (error) {
    return failure("tftp-storage", `${output} cannot be written: ${(error as Error).message}; choose another place with -o`);
  }
  return success({
    sink: fileSink(handle),
    commit: async () => {
      await handle.sync();
      await handle.close();
      await rename(partial, output);
    },
    discard: async () => {
      await handle.close().catch(() => {});
      await rm(partial, { force: true });
    },
  });
}

const streamTarget = (stream: NodeJS.WritableStream): Target => ({
  sink: {
    write: async (_offset, chunks) => {
      for (const chunk of chunks) {
        await new Promise<void>((resolve, reject) => stream.write(chunk, (error) => (error ? reject(error) : resolve())));
      }
    },
  },
  commit: async () => {},
  discard: async () => {},
});
