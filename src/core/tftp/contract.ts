/**
 * What the TFTP machines take and give. Blocks are absolute (1, 2, … without wrap; `wire/tftp/block-number`). The machines
 * hold no image bytes: `send-blocks` names blocks of an offered file and the host fills the DATA packets (`DATA, block
 * modulo 2¹⁶, payload`) from the file that it keeps open.
 */

import type { Endpoint } from "../../base/endpoint.js";
import type { Flavor } from "../../base/flavor.js";
import type { Wake } from "../../base/machine.js";
import type { Instant } from "../../base/time.js";

/** Names a transfer inside one server; never used again. */
export type TftpSessionId = Flavor<number, "TftpSessionId">;

/* ---------------------------------------------------------------------------- server */

export interface ServerSettings {
  /** Admitted sessions at a time, 1–64. One more is refused at once. */
  readonly sessionsMax: number;
  readonly blksizeMax: number;
  /** Octets of a whole window that the host can send in one go; the granted windowsize never needs more. */
  readonly windowBytesMax: number;
  /** Octets per second of payload, undefined = unlimited. The total is shared evenly between the sessions. */
  readonly rateBytesPerSecond: number | undefined;
  readonly sessionRateBytesPerSecond: number | undefined;
  /** Requests per second that one address may make; those above are dropped and counted. Twice as many may come in a burst. */
  readonly requestsPerSecondMax: number;
  /** Transfers run from the listening port, for peers behind NAT; sessions are told apart by the peer's endpoint. */
  readonly singlePort: boolean;
  /** A session without progress for this long is expired (or for five of the peer's own time-outs if that is longer). */
  readonly idleMsMax: number;
}

/** What was agreed with a peer; everything that a session needs, so that it can run anywhere (it is structured-cloneable). */
export interface SessionPlan {
  readonly session: TftpSessionId;
  readonly peer: Endpoint;
  /** The address of ours that the peer asked; the session's port is opened on it. */
  readonly local: string;
  /** No port of its own: `send` and `send-blocks` leave from the listening port. */
  readonly singlePort: boolean;
  readonly fileName: string;
  readonly sizeBytes: number;
  readonly blksize: number;
  readonly windowsize: number;
  /** The negotiated timeout option; undefined where the peer did not ask. */
  readonly timeoutMs: number | undefined;
  readonly idleMsMax: number;
  /** The OACK to send first; undefined for a peer without options, which gets DATA 1 at once. */
  readonly oack: Uint8Array | undefined;
  readonly rateBytesPerSecond: number | undefined;
}

export type SessionOutcome =
  /** The last block was acknowledged. */
  | "complete"
  /** Nobody answered. */
  | "timeout"
  /** The peer sent an ERROR. */
  | "peer-error"
  /** The file was withdrawn or the server stops. */
  | "withdrawn"
  /** The host could not open the port or read the file. */
  | "failed"
  /** The peer started over from the same port. */
  | "superseded";

export interface Serving {
  readonly sessions: readonly {
    readonly peer: Endpoint;
    readonly fileName: string;
    readonly bytesDone: number;
    readonly sizeBytes: number;
  }[];
  /** Acknowledged payload octets since the server started. */
  readonly bytesServed: number;
  /** Requests answered with the busy ERROR since the server started. */
  readonly refusals: number;
  readonly sessionsComplete: number;
  readonly sessionsFailed: number;
  /** Datagrams that were no use: malformed, foreign, over the request rate. */
  readonly datagramsDropped: number;
}

export type ServerInput =
  | Wake
  /** From now on `fileName` exists; `sizeBytes` is the whole file. A second offer of the name replaces the first. */
  | { readonly type: "offer"; readonly fileName: string; readonly sizeBytes: number }
  /** The name no longer exists; its sessions end with an ERROR. */
  | { readonly type: "withdraw"; readonly fileName: string }
  /** Sessions above a lowered cap run to their end. */
  | { readonly type: "sessions-max"; readonly sessionsMax: number }
  /** A datagram at the listening port. `local` = the address of ours that it was sent to. */
  | { readonly type: "request"; readonly from: Endpoint; readonly local: string; readonly bytes: Uint8Array }
  /** A datagram at the port of a session, from anyone. */
  | { readonly type: "datagram"; readonly session: TftpSessionId; readonly from: Endpoint; readonly bytes: Uint8Array }
  /** The peer's host says that nobody listens at the peer's port any more (ICMP port unreachable). */
  | { readonly type: "peer-gone"; readonly session: TftpSessionId }
  /** The host could not open the port of a session, or not read its file. */
  | { readonly type: "session-failed"; readonly session: TftpSessionId; readonly detail: string }
  /** Ends all sessions with an ERROR and admits no more. */
  | { readonly type: "stop" };

export type ServerEffect =
  /** One datagram from the listening port, from the address `local`. */
  | { readonly type: "reply"; readonly to: Endpoint; readonly local: string; readonly bytes: Uint8Array }
  /** Open an ephemeral port for the session; what follows for this session is sent from it. */
  | { readonly type: "open-session"; readonly plan: SessionPlan }
  | { readonly type: "send"; readonly session: TftpSessionId; readonly to: Endpoint; readonly bytes: Uint8Array }
  /** DATA packets of `count` blocks from `firstBlock` to the session's peer. */
  | {
      readonly type: "send-blocks";
      readonly session: TftpSessionId;
      readonly to: Endpoint;
      readonly fileName: string;
      readonly firstBlock: number;
      readonly count: number;
      readonly blksize: number;
      readonly sizeBytes: number;
    }
  | { readonly type: "close-session"; readonly session: TftpSessionId; readonly outcome: SessionOutcome; readonly detail: string }
  /** State worth showing changed: at once for a session's start or end, at most twice a second for its progress and for refusals. */
  | ({ readonly type: "serving" } & Serving);

/* ---------------------------------------------------------------------------- client */

export interface ClientSettings {
  /** The first packet's time-out where no timeout option is asked, and the longest that back-off makes of it. */
  readonly firstTimeoutMs: number;
  readonly timeoutMsMax: number;
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
  /** What the file's size must be; undefined = any. Checked against tsize before a byte moves and at the end. */
  readonly sizeBytes: number | undefined;
}

export type FetchOutcome = "complete" | "busy" | "timeout" | "refused" | "storage" | "aborted" | "error";

export type ClientInput =
  | Wake
  /**
   * First input: sends the request. `receiveBufferBytes` = what the kernel holds for the port, counted as Linux counts SO_RCVBUF; no
   * window is asked for that would overrun it.
   */
  | { readonly type: "start"; readonly receiveBufferBytes?: number }
  | { readonly type: "datagram"; readonly from: Endpoint; readonly bytes: Uint8Array }
  /** The host went on by itself, as `TftpClient.streamable` allowed. It has stored the payload: no `write` comes for it. */
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

/** How far a host may go by itself; see `TftpClient.streamable`. */
export interface ClientStreamable {
  readonly peer: Endpoint;
  /** On the wire. Numbers go on with 0 after 65535. */
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
  /** The server told the size (tsize) before the first byte. */
  | { readonly type: "size"; readonly sizeBytes: number }
  /** The fetch is over; `detail` is one line for people. The port stays open until `close`. */
  | { readonly type: "ended"; readonly outcome: FetchOutcome; readonly detail: string; readonly bytesDone: number }
  /** Last effect: close the port. */
  | { readonly type: "close" };
