/**
 * One TFTP fetch of a process: a port, the client machine, a digest while the bytes arrive, and a sink that sets the pace.
 * Nothing is kept of a failed fetch here; the sink's owner discards what it was given. Blocks arrive by the native receiver where it
 * was compiled, else by Node's own sockets.
 */

import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import type { Endpoint } from "../../base/endpoint.js";
import { type Result, success } from "../../base/failure.js";
import { canonicalIpAddress, isIPv6 } from "../../base/ip-address.js";
import type { Sha256Hex } from "../../base/sha256.js";
import { TftpClient } from "../../core/tftp/client/client.js";
import type { ClientEffect, ClientInput, ClientRequest, ClientSettings, FetchOutcome } from "../../core/tftp/client/contract.js";
import { defaultClientSettings, LAN_BLKSIZE, LAN_WINDOWSIZE } from "../../core/tftp/defaults.js";
import type { Clock } from "../clock.js";
import { Host } from "../host.js";
import { namedZone } from "../udp/zone.js";
import { BlockRing } from "./block-ring.js";
import { type FetchPort, openPlainFetchPort } from "./fetch-port.js";
import { loadNativeReceiver, openNativeFetchPort } from "./native-receiver.js";

/** Where the bytes go. */
export interface FetchSink {
  /**
   * Writes `chunks` one after the other at `offset`, which follows what was written before. They are the sink's until it has
   * resolved, and other bytes after that. Called again only then; a rejection ends the fetch as `storage` with the error's message.
   */
  write(offset: number, chunks: readonly Uint8Array[]): Promise<void>;
}

export interface TftpFetchOptions
  extends Partial<Pick<ClientRequest, "blksize" | "windowsize" | "timeoutSeconds" | "plainRequest" | "sizeBytes">> {
  readonly server: Endpoint;
  readonly fileName: string;
  /** Address of ours to fetch from; all by default. */
  readonly localAddress?: string;
  readonly settings?: Partial<ClientSettings>;
  /** `plain` disables the native receiver even where there is one. */
  readonly engine?: "auto" | "plain";
  readonly clock: Clock;
  readonly sink: FetchSink;
  /** The server announced the file's size. */
  readonly onSize?: (sizeBytes: number) => void;
  /** Octets written so far; after each write. */
  readonly onProgress?: (bytesDone: number) => void;
  /** Our own bug: the fetch has stopped. */
  readonly onFatal: (error: unknown) => void;
}

export interface FetchResult {
  readonly outcome: FetchOutcome;
  /** One line; empty for `complete`. */
  readonly detail: string;
  /** The server answered, whatever it was. */
  readonly isAnswered: boolean;
  readonly bytesDone: number;
  /** Lower-case hex of all bytes, for `complete` alone. */
  readonly sha256: Sha256Hex | undefined;
}

export interface TftpFetch {
  /** Never rejects. The sink has been given everything, and no write is running. */
  readonly ended: Promise<FetchResult>;
  /** After `ended`: the port has stayed open for a while to repeat a lost last ACK, and is closed. */
  readonly closed: Promise<void>;
  /** Ends the fetch as `aborted` at once, with an ERROR to the server. */
  abort(): void;
}

export const fileSink = (handle: FileHandle): FetchSink => ({
  write: async (offset, chunks) => {
    let left = [...chunks];
    for (let at = offset; left.length > 0; ) {
      const { bytesWritten } = await handle.writev(left, at);
      at += bytesWritten;
      left = dropBytes(left, bytesWritten);
    }
  },
});

function dropBytes(chunks: Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  let first = 0;
  while (first < chunks.length && left >= (chunks[first] as Uint8Array).length) left -= (chunks[first++] as Uint8Array).length;
  const rest = chunks.slice(first);
  const [partly] = rest;
  if (partly !== undefined && left > 0) rest[0] = partly.subarray(left);
  return rest;
}

export function startTftpFetch(options: TftpFetchOptions): TftpFetch {
  const { clock, sink, onProgress, onFatal } = options;
  // Datagrams come with addresses in canonical spelling; ours must match them.
  const server: Endpoint = { address: canonicalIpAddress(namedZone(options.server.address)), port: options.server.port };
  const request: ClientRequest = {
    server,
    fileName: options.fileName,
    blksize: options.blksize ?? LAN_BLKSIZE,
    windowsize: options.windowsize ?? LAN_WINDOWSIZE,
    timeoutSeconds: options.timeoutSeconds,
    plainRequest: options.plainRequest === true,
    sizeBytes: options.sizeBytes,
  };
  const settings = { ...defaultClientSettings, ...options.settings };
  const client = new TftpClient(request, settings);
  const sha256 = createHash("sha256");
  let port: FetchPort | undefined;
  let aborted = false;

  let arrived: BlockRing | undefined;
  /** From the first block on, when the block size is agreed. */
  const ring = (): BlockRing => {
    const { blksize, windowsize } = client.agreed;
    // Before the first block arrived the machine may have asked again for smaller ones.
    if (arrived === undefined || (arrived.received === 0 && arrived.blksize !== blksize))
      arrived = new BlockRing(blksize, settings.backlogBytesMax + windowsize * blksize);
    return arrived;
  };
  let bytesWritten = 0;
  let writing = Promise.resolve();
  let writeRunning = false;

  const writeOn = async (): Promise<void> => {
    writeRunning = true;
    // The socket's other datagrams of this turn come first: they make one write.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (!ring().empty && !host.stopped && !over) {
      const chunks = ring().take(WRITE_BYTES_MAX);
      try {
        const write = sink.write(bytesWritten, chunks);
        // The digest runs while the disk writes.
        for (const chunk of chunks) sha256.update(chunk);
        await write;
      } catch (error) {
        writeRunning = false;
        deliver({ type: "storage-failed", detail: (error as Error).message });
        return;
      }
      bytesWritten += chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      ring().release(bytesWritten);
      port?.written(bytesWritten);
      onProgress?.(bytesWritten);
      host.deliver({ type: "written", bytesWritten });
      port?.resume();
    }
    writeRunning = false;
  };
  const onArrived = (): void => {
    if (!writeRunning) writing = writeOn();
  };

  let over = false;
  let resolveEnded: (result: FetchResult) => void;
  const ended = new Promise<FetchResult>((resolve) => {
    resolveEnded = resolve;
  });
  let resolveClosed: () => void;
  const closed = new Promise<void>((resolve) => {
    resolveClosed = resolve;
  });

  const host = new Host<ClientInput, ClientEffect>({
    machine: {
      step: (now, input, out) => client.step(now, input, out),
      // What it wants to be woken for may have happened.
      nextWakeAt: () => (port?.streaming ? undefined : client.nextWakeAt()),
    },
    clock,
    onFatal,
    perform: (effect) => {
      switch (effect.type) {
        case "send":
          port?.send(effect.bytes, effect.to);
          break;
        case "write":
          ring().put(effect.bytes);
          onArrived();
          break;
        case "size":
          options.onSize?.(effect.sizeBytes);
          break;
        case "ended": {
          over = true;
          const { outcome, detail, bytesDone } = effect;
          // A fetch is complete when everything is written, so everything has been through the digest.
          const digest = outcome === "complete" ? sha256.digest("hex") : undefined;
          writing.then(() => resolveEnded({ outcome, detail, isAnswered: client.isAnswered, bytesDone, sha256: digest }));
          break;
        }
        case "close":
          host.stop();
          (port?.close() ?? Promise.resolve()).then(() => resolveClosed());
          break;
      }
    },
  });

  /** Every input but `written` finds the machine up to date. */
  const deliver = (input: ClientInput): void => {
    port?.settle();
    host.deliver(input);
    port?.resume();
  };

  const openPort = async (): Promise<Result<FetchPort>> => {
    const address = options.localAddress ?? (isIPv6(server.address) ? "::" : "0.0.0.0");
    const native = options.engine === "plain" ? undefined : loadNativeReceiver();
    if (native !== undefined) {
      const { backlogBytesMax } = settings;
      const wiring = { native, client, clock, backlogBytesMax, ring, onArrived, deliver: (input: ClientInput) => host.deliver(input) };
      try {
        return success(openNativeFetchPort(address, RECEIVE_BUFFER_BYTES, wiring));
      } catch {
        // The plain path may need less, or reports why it cannot open either.
      }
    }
    return openPlainFetchPort(address, RECEIVE_BUFFER_BYTES, (bytes, from) => host.deliver({ type: "datagram", from, bytes }));
  };

  const begin = async (): Promise<void> => {
    const opened = await openPort();
    if (opened.ok && !aborted) {
      port = opened.value;
      deliver({ type: "start", receiveBufferBytes: port.receiveBufferBytes });
      return;
    }
    if (opened.ok) await opened.value.close();
    host.stop();
    const detail = opened.ok ? "the fetch was aborted" : opened.failure.message;
    resolveEnded({ outcome: opened.ok ? "aborted" : "error", detail, isAnswered: false, bytesDone: 0, sha256: undefined });
    resolveClosed();
  };
  begin().catch(onFatal);

  return {
    ended,
    closed,
    abort: () => {
      aborted = true;
      if (port !== undefined) deliver({ type: "abort" });
    },
  };
}

/** Asked of the kernel, which may give less. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** A digest of more at once would keep this thread from its other work. */
const WRITE_BYTES_MAX = 512 * 1024;
