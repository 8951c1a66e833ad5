/**
 * One TFTP fetch of a process: a port, the client machine, a digest while the bytes arrive, and a sink that sets the pace.
 * Nothing is kept of a failed fetch here; the sink's owner discards what it was given.
 */
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { SocketAddress } from "node:net";
import { type Endpoint, isIPv6 } from "../base/endpoint.js";
import { TftpClient } from "../core/tftp/client.js";
import type { ClientEffect, ClientInput, ClientRequest, ClientSettings, FetchOutcome } from "../core/tftp/contract.js";
import { defaultClientSettings, LAN_BLKSIZE, LAN_WINDOWSIZE } from "../core/tftp/defaults.js";
import type { Clock } from "./clock.js";
import { Gather } from "./gather.js";
import { Host } from "./host.js";
import { openUdpPort, type UdpPort } from "./udp-ports.js";

/** Where the bytes go. */
export interface FetchSink {
  /**
   * Writes `chunks` one after the other at `offset`, which follows what was written before. Called again only after it has
   * resolved; a rejection ends the fetch as `storage` with the error's message.
   */
  write(offset: number, chunks: readonly Uint8Array[]): Promise<void>;
}

export interface TftpFetchOptions extends Partial<Pick<ClientRequest, "blksize" | "windowsize" | "timeoutSeconds" | "sizeBytes">> {
  readonly server: Endpoint;
  readonly fileName: string;
  /** Address of ours to fetch from; all by default. */
  readonly localAddress?: string;
  readonly settings?: Partial<ClientSettings>;
  readonly clock: Clock;
  readonly sink: FetchSink;
  /** The server told the file's size. */
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
  readonly bytesDone: number;
  /** Lower-case hex of all bytes, for `complete` alone. */
  readonly sha256: string | undefined;
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
  const server: Endpoint = { address: canonicalAddress(options.server.address), port: options.server.port };
  const request: ClientRequest = {
    server,
    fileName: options.fileName,
    blksize: options.blksize ?? LAN_BLKSIZE,
    windowsize: options.windowsize ?? LAN_WINDOWSIZE,
    timeoutSeconds: options.timeoutSeconds,
    sizeBytes: options.sizeBytes,
  };
  const sha256 = createHash("sha256");
  let port: UdpPort | undefined;
  let aborted = false;

  const waiting = new Gather();
  let bytesWritten = 0;
  let writing = Promise.resolve();
  let writeRunning = false;

  const writeOn = async (): Promise<void> => {
    writeRunning = true;
    // The socket's other datagrams of this turn come first: they make one write.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (!waiting.empty && !host.stopped && !over) {
      const chunks = waiting.take();
      for (const chunk of chunks) sha256.update(chunk);
      const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      try {
        await sink.write(bytesWritten, chunks);
      } catch (error) {
        writeRunning = false;
        host.deliver({ type: "storage-failed", detail: (error as Error).message });
        return;
      }
      bytesWritten += bytes;
      onProgress?.(bytesWritten);
      host.deliver({ type: "written", bytesWritten });
    }
    writeRunning = false;
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
    machine: new TftpClient(request, { ...defaultClientSettings, ...options.settings }),
    clock,
    onFatal,
    perform: (effect) => {
      switch (effect.type) {
        case "send":
          port?.send(effect.bytes, effect.to);
          break;
        case "write":
          waiting.add(effect.bytes);
          if (!writeRunning) writing = writeOn();
          break;
        case "size":
          options.onSize?.(effect.sizeBytes);
          break;
        case "ended": {
          over = true;
          const { outcome, detail, bytesDone } = effect;
          // A fetch is complete when everything is written, so everything has been through the digest.
          const digest = outcome === "complete" ? sha256.digest("hex") : undefined;
          writing.then(() => resolveEnded({ outcome, detail, bytesDone, sha256: digest }));
          break;
        }
        case "close":
          host.stop();
          (port?.close() ?? Promise.resolve()).then(() => resolveClosed());
          break;
      }
    },
  });

  const begin = async (): Promise<void> => {
    const opened = await openUdpPort({
      address: options.localAddress ?? (isIPv6(server.address) ? "::" : "0.0.0.0"),
      port: 0,
      bufferBytes: RECEIVE_BUFFER_BYTES,
      onDatagram: (bytes, from) => host.deliver({ type: "datagram", from, bytes }),
      onError: () => {}, // What the host could not send is lost as any other datagram: the machine repeats it.
    });
    if (opened.ok && !aborted) {
      port = opened.value;
      host.deliver({ type: "start", receiveBufferBytes: port.receiveBufferBytes });
      return;
    }
    if (opened.ok) await opened.value.close();
    host.stop();
    const detail = opened.ok ? "the fetch was aborted" : opened.failure.message;
    resolveEnded({ outcome: opened.ok ? "aborted" : "error", detail, bytesDone: 0, sha256: undefined });
    resolveClosed();
  };
  begin().catch(onFatal);

  return {
    ended,
    closed,
    abort: () => {
      aborted = true;
      if (port !== undefined) host.deliver({ type: "abort" });
    },
  };
}

/** Asked of the kernel, which may give less. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

const canonicalAddress = (address: string): string => {
  const [plain = address, scope] = address.split("%");
  const canonical = new SocketAddress({ address: plain, family: isIPv6(plain) ? "ipv6" : "ipv4" }).address;
  return scope === undefined ? canonical : `${canonical}%${scope}`;
};
