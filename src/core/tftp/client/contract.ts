/** What a TFTP fetch takes and gives. Blocks are numbered as on the wire, modulo 2¹⁶. */
import type { Endpoint } from "../../../base/endpoint.js";
import type { Wake } from "../../../base/machine.js";
import type { Instant } from "../../../base/time.js";

export interface ClientSettings {
  /** The first packet's time-out where no timeout option is asked, and the longest that back-off makes of it. */
  readonly firstTimeoutMs: number;
  readonly timeoutMsMax: number;
  /** The fetch is given up after this long without any answer to its request. */
  readonly unansweredMsMax: number;
  /** The transfer is given up after this long without progress (or after five of the time-outs that were asked if that is longer). */
  readonly idleMsMax: number;
  /** How long the port stays open after the last ACK, to repeat it should it get lost (RFC 1350 §6). */
  readonly dallyMs: number;
  /** Octets received and not yet written, above which ACKs wait for the disk. */
  readonly backlogBytesMax: number;
}

export interface ClientRequest {
  /** The server's listening endpoint. */
  readonly server: Endpoint;
  readonly fileName: string;
  /** 512 asks for no blksize option, windowsize 1 for no windowsize option. */
  readonly blksize: number;
  readonly windowsize: number;
  /** 1–255, undefined = do not ask. */
  readonly timeoutSeconds: number | undefined;
  /** Asks without any option, as RFC 1350 has it; some old servers answer nothing else. */
  readonly plainRequest?: boolean;
  /** What the file's size must be; undefined = any, and the server's tsize is a hint. Checked against tsize before a byte moves and at the end. */
  readonly sizeBytes: number | undefined;
}

/** `not-yet`: the server will have the file, and asks to be asked again. */
export type FetchOutcome = "complete" | "busy" | "not-yet" | "timeout" | "refused" | "storage" | "aborted" | "error";

export type ClientInput =
  | Wake
  /**
   * First input: sends the request. `receiveBufferBytes` = what the kernel holds for the port, counted as Linux counts SO_RCVBUF; no
   * window is asked for that would overrun it.
   */
  | { readonly type: "start"; readonly receiveBufferBytes?: number }
  | { readonly type: "datagram"; readonly from: Endpoint; readonly bytes: Uint8Array }
  /** The host took blocks by itself, as `TftpClient.streamable` allowed. It has stored the payload: no `write` comes for it. */
  | {
      readonly type: "streamed";
      /** Taken since that `streamable`, at least 1. */
      readonly blocks: number;
      /** Of all taken, those since the last ACK; a whole window where its ACK must wait for the disk. */
      readonly unacknowledged: number;
      /** When the last block was taken. */
      readonly at: Instant;
      /** From each ACK that measures one to the block after it, in order. */
      readonly roundTripsMs: ArrayLike<number>;
    }
  /** `bytesWritten` octets from the start of the file are written (cumulative). */
  | { readonly type: "written"; readonly bytesWritten: number }
  | { readonly type: "storage-failed"; readonly detail: string }
  | { readonly type: "abort" };

/** What a host may take by itself; see `TftpClient.streamable`. */
export interface ClientStreamable {
  readonly peer: Endpoint;
  /** On the wire: 0 follows 65535. */
  readonly due: number;
  readonly blksize: number;
  readonly windowsize: number;
  /** Blocks taken since the last ACK; fewer than `windowsize`. */
  readonly unacknowledged: number;
  /** Full blocks that may be taken; what follows them ends the file. */
  readonly blocksMax: number;
  /** When the last ACK was sent; undefined where the next block measures no round trip. */
  readonly ackAt: Instant | undefined;
  readonly backlogBytesMax: number;
}

export type ClientEffect =
  | { readonly type: "send"; readonly to: Endpoint; readonly bytes: Uint8Array }
  /** Payload that follows what was given before. `bytes` is a view of the datagram: use or copy it before the next input. */
  | { readonly type: "write"; readonly offset: number; readonly bytes: Uint8Array }
  /** The server announced the size (tsize) before the first byte. */
  | { readonly type: "size"; readonly sizeBytes: number }
  /** The fetch is over; `detail` is one line for people. The port stays open until `close`. */
  | { readonly type: "ended"; readonly outcome: FetchOutcome; readonly detail: string; readonly bytesDone: number }
  /** Last effect: close the port. */
  | { readonly type: "close" };
