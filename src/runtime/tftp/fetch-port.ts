/** The port of one TFTP fetch, whichever way it receives. */
import type { Endpoint } from "../../base/endpoint.js";
import type { Result } from "../../base/failure.js";
import { success } from "../../base/failure.js";
import { openUdpPort } from "../udp/udp-ports.js";

export interface FetchPort {
  /** What the kernel holds for the port, as it counts. */
  readonly receiveBufferBytes: number;
  /** The client machine is behind what has arrived, and must be given nothing but `written`, and no time, before `settle`. */
  readonly streaming: boolean;
  send(bytes: Uint8Array, to: Endpoint): void;
  /** Brings the machine up to date. */
  settle(): void;
  /** Call after each input to the machine: continues as its new state allows. */
  resume(): void;
  written(bytesWritten: number): void;
  /** Resolves when the port is free again. Idempotent. */
  close(): Promise<void>;
}

/** Node's own sockets, in this thread: what runs everywhere. */
export async function openPlainFetchPort(
  address: string,
  bufferBytes: number,
  onDatagram: (bytes: Uint8Array, from: Endpoint) => void,
): Promise<Result<FetchPort>> {
  const opened = await openUdpPort({
    address,
    port: 0,
    bufferBytes,
    onDatagram,
    onError: () => {}, // What the host could not send is lost as any other datagram: the machine repeats it.
  });
  if (!opened.ok) return opened;
  const { receiveBufferBytes, send, close } = opened.value;
  return success({ receiveBufferBytes, send, close, streaming: false, settle: () => {}, resume: () => {}, written: () => {} });
}
