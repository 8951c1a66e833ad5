/** Transfers in this thread through Node's own sockets: what runs everywhere, and in single-port mode. */
import { readSync } from "node:fs";
import type { Endpoint } from "../../base/endpoint.js";
import type { SessionPlan, TftpSessionId } from "../../core/tftp/server/contract.js";
import { blockLength, blockOffset, wireBlock } from "../../wire/tftp/block-number.js";
import { DATA_HEADER_BYTES, opcode } from "../../wire/tftp/packet.js";
import { mayFragment } from "../udp/socket-options.js";
import { openUdpPort } from "../udp/udp-ports.js";
import type { ListeningPort } from "./listening-ports.js";
import { isUnchanged, type OpenFile } from "./open-file.js";
import { type Deliver, FILE_CHANGED, type SendBlocks, type SessionPorts } from "./session-ports.js";

interface OpenSession {
  readonly port: ListeningPort;
  readonly file: OpenFile;
  readonly close: () => Promise<void>;
}

const SESSION_BUFFER_BYTES = 1024 * 1024;

export class PlainSessionPorts implements SessionPorts {
  readonly #deliver: Deliver;
  readonly #listening: (local: string) => ListeningPort;
  readonly #open = new Map<TftpSessionId, OpenSession>();
  readonly #closing = new Set<Promise<void>>();

  /** @param listening the listening port, which transfers in single-port mode are sent through */
  constructor(deliver: Deliver, listening: (local: string) => ListeningPort) {
    this.#deliver = deliver;
    this.#listening = listening;
  }

  async open({ session, local, singlePort }: SessionPlan, file: OpenFile): Promise<void> {
    if (singlePort) {
      this.#open.set(session, { port: this.#listening(local), file, close: async () => {} });
      return;
    }
    const opened = await openUdpPort({
      address: local,
      port: 0,
      bufferBytes: SESSION_BUFFER_BYTES,
      onError: () => {}, // A datagram that the host could not send is lost as any other: the session repeats it.
      onDatagram: (bytes, from) => this.#deliver({ type: "datagram", session, from, bytes }),
    });
    if (!opened.ok) {
      this.#deliver({ type: "session-failed", session, detail: opened.failure.message });
      return;
    }
    mayFragment(opened.value.local);
    this.#open.set(session, { port: opened.value, file, close: () => opened.value.close() });
  }

  send(session: TftpSessionId, to: Endpoint, bytes: Uint8Array): void {
    this.#open.get(session)?.port.send(bytes, to);
  }

  sendBlocks({ session, to, firstBlock, count, blksize, sizeBytes }: SendBlocks): void {
    const open = this.#open.get(session);
    if (open === undefined) return;
    const offset = blockOffset(firstBlock, blksize);
    const payload = Buffer.allocUnsafeSlow(Math.max(0, Math.min(count * blksize, sizeBytes - offset)));
    const { handle, stamp, offset: start } = open.file;
    const isRead = readWhole(handle.fd, payload, start + offset);
    // Looked at after reading: what was read before is whole.
    const detail = !isUnchanged(handle.fd, stamp) ? FILE_CHANGED : isRead ? undefined : "the file cannot be read";
    if (detail !== undefined) {
      this.#deliver({ type: "session-failed", session, detail });
      return;
    }
    const headers = Buffer.allocUnsafeSlow(count * DATA_HEADER_BYTES);
    for (let at = 0; at < count; at++) {
      const header = headers.subarray(at * DATA_HEADER_BYTES, (at + 1) * DATA_HEADER_BYTES);
      header.writeUInt16BE(opcode.data, 0);
      header.writeUInt16BE(wireBlock(firstBlock + at), 2);
      const start = at * blksize;
      open.port.sendParts([header, payload.subarray(start, start + blockLength(firstBlock + at, blksize, sizeBytes))], to);
    }
  }

  input(): void {}

  close(session: TftpSessionId): void {
    const open = this.#open.get(session);
    if (open === undefined) return;
    this.#open.delete(session);
    const closing = open.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  prepare(): void {}

  catchUp(): void {}

  async closeAll(): Promise<void> {
    await Promise.all(this.#closing);
  }
}

function readWhole(fileDescriptor: number, into: Buffer, position: number): boolean {
  try {
    for (let at = 0; at < into.length; ) {
      const read = readSync(fileDescriptor, into, at, into.length - at, position + at);
      if (read === 0) return false;
      at += read;
    }
    return true;
  } catch {
    return false;
  }
}
