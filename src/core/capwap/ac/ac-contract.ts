/** What a controller gives to its CAPWAP side and gets back; see `../contract.ts` for the order of outputs. */
import type { Endpoint } from "../../../base/endpoint.js";
import type { Flavor } from "../../../base/flavor.js";
import type { MacAddress } from "../../../base/mac-address.js";
import type { Sha256Hex } from "../../../base/sha256.js";
import type { CapwapTimers } from "../../../wire/capwap/defaults.js";
import type { ImageIdentifier } from "../../../wire/capwap/elements.js";
import type { ElementsOf } from "../../../wire/capwap/messages.js";
import type { Answered, CapwapEffect, Datagram, Dropped, Unanswered } from "../contract.js";
import type { LinkIdentity, LinkMode } from "../link/secure-link.js";

/** Names one session of one AP. Never used again. */
export type CapwapSessionId = Flavor<number, "CapwapSessionId">;

/** A WTP as its Join Request describes it. */
export interface WtpIdentity {
  /** Base MAC Address of the Board Data, or what stands for it (`wtp-identity.ts`). */
  readonly mac: MacAddress;
  readonly name: string;
  readonly model: string;
  readonly serial: string;
  readonly location: string;
  /** Running software, and other software in flash. */
  readonly activeVersion: string;
  readonly otherVersions: readonly string[];
  /** Where the packets come from. */
  readonly peer: Endpoint;
  /** CAPWAP Local IPv4 or IPv6 Address: the WTP's own view, which differs from `peer` behind a NAT. */
  readonly localAddress: string;
  readonly nat: boolean;
  /** The DTLS link to it; undefined in clear. */
  readonly link: LinkIdentity | undefined;
  /** Everything in the Join Request, our vendor elements included. */
  readonly join: ElementsOf<"joinRequest">;
}

/** The AC's decision on a Join Request. */
export interface JoinVerdict {
  /** 0, or a code of 3–9 that refuses. (2 instead of 0 is set by the session.) */
  readonly resultCode: number;
  /** Image Identifier of the Join Response: the version that the AC wants this WTP to run (§9.1 boot-time download). */
  readonly imageIdentifier?: ImageIdentifier;
  /** Where all places are taken it gets one that a WTP without session token holds. */
  readonly isMember?: boolean;
}

export interface AcSettings {
  /** AC Name. */
  readonly name: string;
  /** Numeric addresses under which APs reach the controller, at least one. */
  readonly addresses: readonly string[];
  readonly hardwareVersion: string;
  readonly softwareVersion: string;
  readonly linkMode: LinkMode;
  readonly timers: CapwapTimers;
  /** Sessions at one moment; a WTP beyond gets Result Code 4. */
  readonly sessionsMax: number;
  /** Keep-alives of the data channel reach the AC (`dataDatagram`), on the port behind the control port. */
  readonly dataChannel?: boolean;
  /** Smallest MTU of the host's interfaces, which bounds the blocks of the fast transfer; Ethernet's without. */
  readonly mtuBytes?: number;
}

/** What the controller decides while a message is being answered. Pure and quick. */
export interface AcPolicy {
  /** Whether a WTP may join. A query: nothing changes. */
  admits(wtp: WtpIdentity): JoinVerdict;
  /** A WTP that `admits` let in comes to Run; room is made for it if that takes any. */
  admit(wtp: WtpIdentity): void;
  /** Sixteen octets that nobody can guess. */
  sessionToken(): Uint8Array;
  /** Whether APs on this controller may go back to one that they prefer. */
  wtpFallback(): "enabled" | "disabled";
}

/** Requests that the controller may queue for an AP. */
export type AcRequestName = "configurationUpdateRequest" | "resetRequest" | "clearConfigurationRequest";

export type AcRequest = {
  [Name in AcRequestName]: { readonly type: Name; readonly elements: ElementsOf<Name> };
}[AcRequestName];

/** Answer to `image-wanted`: the image to send, or an Image Data Response with an error (14–18). */
export type ImageAnswer =
  | {
      readonly type: "transfer";
      readonly sha256: Sha256Hex;
      readonly sizeBytes: number;
      readonly md5: Uint8Array;
      /** Names of the rates (`setRate`) that this transfer shares with others; it keeps to each of them. */
      readonly rates?: readonly string[];
    }
  | { readonly type: "refuse"; readonly resultCode: number };

export type TransferOutcome =
  /** The AP took the last block and answered success: the only sign of a whole image (§9.1). */
  | { readonly type: "complete" }
  /** The AP answered a block with an error (14–17 or another). */
  | { readonly type: "refused"; readonly resultCode: number }
  | { readonly type: "aborted" }
  /** Fast transfer: nothing came back for `silenceMsMax`. */
  | { readonly type: "silent" }
  /** The AP asked for an image again while this transfer ran. */
  | { readonly type: "restarted" }
  | { readonly type: "session-ended" };

export type CapwapSessionEnd =
  /** A request of ours was never answered. */
  | "no-response"
  /** No request from the AP for the Echo interval and the retransmission time. */
  | "echo-timeout"
  /** A state's timer ran out: WaitJoin, ChangeStatePending. */
  | "state-timeout"
  /** The AP acknowledged a Reset Request. */
  | "reset"
  /** The same AP joined again, or another AP at the same address and port. */
  | "replaced"
  /** There was no place for it, or the AP's session lives elsewhere. */
  | "refused"
  /** The AP reported a configuration that it cannot run with. */
  | "configuration-failed"
  | "link-down"
  /** `close` was called. */
  | "closed";

export type AcEvent<Tag> =
  /** Join Response with success is about to be sent. */
  | { readonly type: "joined"; readonly session: CapwapSessionId; readonly wtp: WtpIdentity }
  /** `proven`: it speaks the session token, so it is at its address; others may have been invented by anybody. */
  | { readonly type: "running"; readonly session: CapwapSessionId; readonly proven: boolean }
  | { readonly type: "left"; readonly session: CapwapSessionId; readonly reason: CapwapSessionEnd }
  /** WTP Event Request; its response follows in the same `out`. */
  | { readonly type: "wtp-event"; readonly session: CapwapSessionId; readonly elements: ElementsOf<"wtpEventRequest"> }
  | (Answered<Tag> & { readonly session: CapwapSessionId })
  | (Unanswered<Tag> & { readonly session: CapwapSessionId })
  /** Image Data Request with Initiate Download. Nothing more is sent to this AP's request until `answerImage`. */
  | {
      readonly type: "image-wanted";
      readonly session: CapwapSessionId;
      readonly identifier: ImageIdentifier;
      readonly elements: ElementsOf<"imageDataRequest">;
    }
  /** `bytesDone` of the image are acknowledged; `bytesSent` counts image payload with retransmissions. */
  | {
      readonly type: "transfer-progress";
      readonly session: CapwapSessionId;
      readonly sha256: Sha256Hex;
      readonly bytesDone: number;
      readonly bytesSent: number;
    }
  | {
      readonly type: "transfer-ended";
      readonly session: CapwapSessionId;
      readonly sha256: Sha256Hex;
      readonly outcome: TransferOutcome;
      readonly bytesDone: number;
      readonly bytesSent: number;
    }
  | Dropped;

export type AcOutput<Tag> = CapwapEffect | AcEvent<Tag>;

/**
 * The controller's CAPWAP side: the stateless discovery responder and one session for each AP (`access-controller.ts`).
 * All calls on a session that is gone are ignored; its `left` has been given.
 */
export interface AccessControllerPort<Tag> {
  datagram(now: number, datagram: Datagram, out: AcOutput<Tag>[]): void;
  /** A datagram from the data port. */
  dataDatagram(now: number, from: Endpoint, bytes: Uint8Array, out: AcOutput<Tag>[]): void;
  /** DTLS only: a link is established; it replaces any former link of this peer. */
  linkUp(now: number, peer: Endpoint, identity: LinkIdentity): void;
  /** DTLS only: the link of this peer ended. */
  linkDown(now: number, peer: Endpoint, out: AcOutput<Tag>[]): void;
  wake(now: number, out: AcOutput<Tag>[]): void;
  nextWakeAt(): number | undefined;
  /** Queues a request; `answered` or `unanswered` with this tag is certain to come. Goes out ahead of image blocks. */
  request(now: number, session: CapwapSessionId, request: AcRequest, tag: Tag, out: AcOutput<Tag>[]): void;
  answerImage(now: number, session: CapwapSessionId, answer: ImageAnswer, out: AcOutput<Tag>[]): void;
  /**
   * Sets a rate that transfers share by its name; running ones follow. One that was never set limits nothing.
   * @param bytesPerSecond Infinity for no limit
   */
  setRate(name: string, bytesPerSecond: number): void;
  /** Stops a transfer on both ends with Image Data type 5; `transfer-ended` follows at once. */
  abortTransfer(now: number, session: CapwapSessionId, out: AcOutput<Tag>[]): void;
  /** Ends a session without notice to the AP; queued requests end as `session-ended`. */
  close(now: number, session: CapwapSessionId, out: AcOutput<Tag>[]): void;
}
