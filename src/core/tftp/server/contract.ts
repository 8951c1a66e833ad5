/**
 * What the TFTP server takes and gives. Blocks are absolute (1, 2, … without wrap; `wire/tftp/block-number`). The machines
 * hold no image bytes: `send-blocks` names blocks of an offered file and the host fills the DATA packets (`DATA, block
 * modulo 2¹⁶, payload`) from the file that it keeps open.
 */
import type { Endpoint } from "../../../base/endpoint.js";
import type { Flavor } from "../../../base/flavor.js";
import type { IpAddress } from "../../../base/ip-address.js";
import type { Wake } from "../../../base/machine.js";
import type { Instant } from "../../../base/time.js";
import type { ErrorCode } from "../../../wire/tftp/error-code.js";

/** Names a transfer inside one server; never used again. */
export type TftpSessionId = Flavor<number, "TftpSessionId">;

/** Names a file that the host looked up; never used again. */
export type LookUpId = number;

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
  /** Transfers run from the listening port, for peers behind NAT; sessions are distinguished by the peer's endpoint. */
  readonly singlePort: boolean;
  /** Names that were not offered are looked up by the host; without it they do not exist. */
  readonly looksUp: boolean;
  /** A session whose peer has acknowledged nothing is expired after this long, whatever time-out the peer asked for. */
  readonly firstAckMsMax: number;
  /** A session without progress for this long is expired (or for five of the peer's own time-outs, up to a minute). */
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
  /** Set where the host looked the file up: this very file is sent. */
  readonly lookUp: LookUpId | undefined;
  readonly sizeBytes: number;
  /** Octets of the peer's request. */
  readonly requestBytes: number;
  readonly blksize: number;
  readonly windowsize: number;
  /** The negotiated timeout option; undefined where the peer did not ask. */
  readonly timeoutMs: number | undefined;
  readonly firstAckMsMax: number;
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
  /** The file was withdrawn, the server stops, or the slot went to another peer. */
  | "withdrawn"
  /** The host could not open the port or read the file, or the file changed. */
  | "failed"
  /** The peer started over from the same port. */
  | "superseded";

/** How far a session is, as its listener needs to know. */
export interface SessionProgress {
  /** Acknowledged payload octets. */
  readonly bytesDone: number;
  /** The peer has acknowledged something, so it receives what is sent to its address. */
  readonly isProven: boolean;
  /** Every block went out. */
  readonly isAllSent: boolean;
}

/** What a session takes, wherever it runs. */
export type SessionInput =
  | Wake
  | { readonly type: "start" }
  /** A datagram from the session's peer; `TftpServer` has compared the sender (RFC 1350 §4: the transfer identifiers). */
  | { readonly type: "datagram"; readonly bytes: Uint8Array }
  /** The peer repeated its request at the listening port. */
  | { readonly type: "repeated-request"; readonly requestBytes: number }
  /** The host sent windows by itself, as `streamable` allowed: [base, next) is out since `sentAt`, everything before it acknowledged. */
  | {
      readonly type: "streamed";
      readonly base: number;
      readonly next: number;
      readonly sentAt: Instant;
      /** Of each window that was acknowledged and measures one, in order. */
      readonly roundTripsMs: ArrayLike<number>;
    }
  | { readonly type: "rate"; readonly bytesPerSecond: number | undefined }
  | { readonly type: "peer-gone" }
  /** Ends the session with an ERROR. */
  | { readonly type: "withdrawn"; readonly detail: string }
  | { readonly type: "failed"; readonly detail: string }
  /** Ends the session without a word: its peer has started another. */
  | { readonly type: "superseded"; readonly detail: string };

export type SessionEffect =
  | { readonly type: "send"; readonly bytes: Uint8Array }
  | { readonly type: "send-blocks"; readonly firstBlock: number; readonly count: number }
  | { readonly type: "ended"; readonly outcome: SessionOutcome; readonly detail: string };

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
  /** Useless datagrams: malformed, foreign, over the request rate. */
  readonly datagramsDropped: number;
}

export type ServerInput =
  | Wake
  /** From now on `fileName` exists; `sizeBytes` is the whole file. A second offer of the name replaces the first. */
  | { readonly type: "offer"; readonly fileName: string; readonly sizeBytes: number }
  /** These names will be offered, in place of those that were expected before: requests for them wait a while, then get "not yet". */
  | { readonly type: "expect"; readonly fileNames: readonly string[] }
  /** The name no longer exists; its sessions end with an ERROR. */
  | { readonly type: "withdraw"; readonly fileName: string }
  /** Sessions above a lowered cap run to their end. */
  | { readonly type: "sessions-max"; readonly sessionsMax: number }
  /** From now on, slots are for peers at these addresses before any others. */
  | { readonly type: "keep-slots"; readonly addresses: readonly IpAddress[] }
  /** Octets per second of payload over all sessions, beside the settings' own limit; undefined for no other limit. Holds at once. */
  | { readonly type: "rate-max"; readonly bytesPerSecond: number | undefined }
  /** A datagram at the listening port. `local` = the address of ours that it was sent to. */
  | { readonly type: "request"; readonly from: Endpoint; readonly local: string; readonly bytes: Uint8Array }
  /** Answers to `look-up`. */
  | { readonly type: "file-found"; readonly lookUp: LookUpId; readonly sizeBytes: number }
  | { readonly type: "file-missing"; readonly lookUp: LookUpId; readonly code: ErrorCode; readonly message: string }
  /** A datagram at the port of a session, from anyone. */
  | { readonly type: "datagram"; readonly session: TftpSessionId; readonly from: Endpoint; readonly bytes: Uint8Array }
  /** The peer's host reports that nobody listens at the peer's port any more (ICMP port unreachable). */
  | { readonly type: "peer-gone"; readonly session: TftpSessionId }
  /** The host could not open the port of a session, or not read its file. */
  | { readonly type: "session-failed"; readonly session: TftpSessionId; readonly detail: string }
  /** From a session that runs elsewhere, as often as the host likes. */
  | { readonly type: "session-progress"; readonly session: TftpSessionId; readonly progress: SessionProgress }
  /** From a session that runs elsewhere, once: it has freed its port. */
  | {
      readonly type: "session-ended";
      readonly session: TftpSessionId;
      readonly outcome: SessionOutcome;
      readonly detail: string;
      readonly bytesDone: number;
    }
  /** Ends all sessions with an ERROR and admits no more. */
  | { readonly type: "stop" };

export type ServerEffect =
  /** One datagram from the listening port, from the address `local`. */
  | { readonly type: "reply"; readonly to: Endpoint; readonly local: string; readonly bytes: Uint8Array }
  /** Open the file of this name and answer with `file-found` or `file-missing`. */
  | { readonly type: "look-up"; readonly lookUp: LookUpId; readonly fileName: string }
  /** A file that was found is not sent after all. */
  | { readonly type: "forget-file"; readonly lookUp: LookUpId }
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
  /** For a session that runs elsewhere. */
  | { readonly type: "session-input"; readonly session: TftpSessionId; readonly input: SessionInput }
  | { readonly type: "close-session"; readonly session: TftpSessionId; readonly outcome: SessionOutcome; readonly detail: string }
  /** State worth showing changed: at once for a session's start or end, at most twice a second for its progress and for refusals. */
  | ({ readonly type: "serving" } & Serving);
