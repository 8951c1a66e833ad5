/**
 * What the controller and the agent composites give to their CAPWAP side and get back. Both sides are child machines with
 * plain methods `(now, …, out)`; outputs are appended to `out` in the order in which they must happen. An output is either
 * an effect, which the composite passes on to its host, or an event, which it handles. Because an event comes before the
 * response that it caused, a composite that persists on the event persists before the response is sent.
 */

import type { Endpoint } from "../../base/endpoint.js";
import type { Flavor } from "../../base/flavor.js";
import type { MacAddress } from "../../base/mac-address.js";
import type { Sha256Hex } from "../../base/sha256.js";
import type { CapwapTimers } from "../../wire/capwap/defaults.js";
import type { ImageIdentifier } from "../../wire/capwap/elements.js";
import type { ElementsOf, ResponseName } from "../../wire/capwap/messages.js";
import type { RateCap } from "./image/rate-cap.js";
import type { Carriage, LinkEffect, LinkMode } from "./link/secure-link.js";

/** A range of an image that the runtime keeps open; it goes behind `bytes` in the same datagram. */
export interface ImageRange {
  readonly sha256: Sha256Hex;
  readonly offset: number;
  readonly length: number;
}

/** One UDP datagram from the control port. `bytes` is not changed afterwards. */
export interface SendDatagram {
  readonly type: "send";
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
  readonly image?: ImageRange;
  readonly carriage: Carriage;
}

export type CapwapEffect = SendDatagram | LinkEffect;

/** Where outputs are appended: an array that may hold other outputs, too. */
export interface Sink<Output> {
  push(output: Output): unknown;
}

/** One datagram that came in on the control port. */
export interface Datagram {
  readonly from: Endpoint;
  readonly bytes: Uint8Array;
  readonly carriage: Carriage;
}

/** Datagrams and messages that changed nothing, counted by reason. A closed list, so that no peer can make it grow. */
export const dropReasons = [
  "malformed-header",
  "malformed-message",
  "malformed-fragment",
  "fragment-limit",
  "message-too-long",
  "not-control",
  "clear-not-allowed",
  "unknown-message",
  "unknown-peer",
  "missing-element",
  "unrecognized-element",
  "wrong-sender",
  "wrong-state",
  "old-request",
  "repeat-while-busy",
  "stray-response",
  "rate-limit",
] as const;
export type DropReason = (typeof dropReasons)[number];

/** Something was dropped. Count it; log it at most once a second. `detail` is one line. */
export interface Dropped {
  readonly type: "dropped";
  readonly reason: DropReason;
  readonly from: Endpoint;
  readonly detail: string;
}

/** The outcome of a request that a composite queued with a `tag` of its own. */
export interface Answered<Tag, Name extends ResponseName = ResponseName> {
  readonly type: "answered";
  readonly tag: Tag;
  readonly resultCode: number;
  readonly elements: Partial<ElementsOf<Name>>;
}

/** No response came: the retransmissions ran out, the session ended or the queue was emptied. */
export interface Unanswered<Tag> {
  readonly type: "unanswered";
  readonly tag: Tag;
  readonly reason: "timeout" | "session-ended";
}

// ---- controller side -------------------------------------------------------------------------------------------------

/** Names one session of one AP. Never used again. */
export type CapwapSessionId = Flavor<number, "CapwapSessionId">;

/** What a WTP said of itself when it joined. */
export interface WtpIdentity {
  /** Base MAC address of the Board Data. */
  readonly mac: MacAddress;
  readonly name: string;
  readonly model: string;
  readonly serial: string;
  readonly location: string;
  /** Software that runs, and other software in flash. */
  readonly activeVersion: string;
  readonly otherVersions: readonly string[];
  /** Where the packets come from. */
  readonly peer: Endpoint;
  /** CAPWAP Local IPv4 or IPv6 Address: the WTP's own view, which differs from `peer` behind a NAT. */
  readonly localAddress: string;
  readonly nat: boolean;
  /** Everything in the Join Request, our vendor elements included. */
  readonly join: ElementsOf<"joinRequest">;
}

/** The AC's decision on a Join Request. */
export interface JoinVerdict {
  /** 0, or a code of 3–9 that refuses. (2 instead of 0 is set by the session.) */
  readonly resultCode: number;
  /** Image Identifier of the Join Response: the version that the AC wants this WTP to run (§9.1 boot-time download). */
  readonly imageIdentifier?: ImageIdentifier;
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
  /** Sessions at one moment; a Join beyond gets Result Code 4. */
  readonly sessionsMax: number;
  /** Smallest MTU of the host's interfaces, which bounds the blocks of the fast transfer; Ethernet's without. */
  readonly mtuBytes?: number;
}

/** What the controller decides while a message is being answered. Pure and quick. */
export interface AcPolicy {
  join(wtp: WtpIdentity): JoinVerdict;
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
      /** Rates that this transfer shares with others, every one of which it keeps to. */
      readonly caps?: readonly RateCap[];
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
  /** The AP asked for an image anew while this transfer ran. */
  | { readonly type: "restarted" }
  | { readonly type: "session-ended" };

export type SessionEnd =
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
  /** The AP reported a configuration that it cannot run with. */
  | "configuration-failed"
  | "link-down"
  /** `close` was called. */
  | "closed";

export type AcEvent<Tag> =
  /** Join Response with success is about to be sent. */
  | { readonly type: "joined"; readonly session: CapwapSessionId; readonly wtp: WtpIdentity }
  | { readonly type: "running"; readonly session: CapwapSessionId }
  | { readonly type: "left"; readonly session: CapwapSessionId; readonly reason: SessionEnd }
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
  /** DTLS only: the link of this peer ended. */
  linkDown(now: number, peer: Endpoint, out: AcOutput<Tag>[]): void;
  wake(now: number, out: AcOutput<Tag>[]): void;
  nextWakeAt(): number | undefined;
  /** Queues a request; `answered` or `unanswered` with this tag is certain to come. Goes out ahead of image blocks. */
  request(now: number, session: CapwapSessionId, request: AcRequest, tag: Tag, out: AcOutput<Tag>[]): void;
  answerImage(now: number, session: CapwapSessionId, answer: ImageAnswer, out: AcOutput<Tag>[]): void;
  /** Stops a transfer on both ends with Image Data type 5; `transfer-ended` follows at once. */
  abortTransfer(now: number, session: CapwapSessionId, out: AcOutput<Tag>[]): void;
  /** Ends a session without a word to the AP; queued requests end as `session-ended`. */
  close(now: number, session: CapwapSessionId, out: AcOutput<Tag>[]): void;
}

// ---- AP side ---------------------------------------------------------------------------------------------------------

/** What an AP says of itself, asked anew at each Discovery and Join because versions change with a reset. */
export interface WtpSelf {
  readonly name: string;
  readonly location: string;
  readonly mac: MacAddress;
  readonly model: string;
  readonly serial: string;
  readonly hardwareVersion: string;
  readonly bootVersion: string;
  readonly activeVersion: string;
  readonly otherVersions: readonly string[];
  /** Numeric; the address that peers on the LAN reach. */
  readonly localAddress: string;
  /** WTP Reboot Statistics. */
  readonly reboots: ElementsOf<"configurationStatusRequest">["wtpRebootStatistics"];
  /** Our vendor element for the Join Request. */
  readonly inventory?: ElementsOf<"joinRequest">["apInventory"];
}

/** A controller that the AP may join, in the order of preference: the first is the primary. */
export interface KnownController {
  readonly endpoint: Endpoint;
  /** AC Name that it must have; without one any name will do. */
  readonly name?: string;
}

export interface WtpSettings {
  readonly controllers: readonly KnownController[];
  readonly linkMode: LinkMode;
  readonly timers: CapwapTimers;
  /** Whether a Join Response that names another version starts the download of §9.1.1 before Run. */
  readonly bootImageDownload: boolean;
  /** Offer the fast transfer (docs/decisions/070-fast-image-transfer.md), or take images the RFC's way alone. */
  readonly fastTransfer: boolean;
  /** Image bytes that may wait for the disk in a fast transfer; a default that suits a machine of 512 MiB or more without. */
  readonly fastWindowBytes?: number;
}

/** A part of an image that lies safely on the AP's disk. */
export interface StoredPart {
  readonly offset: number;
  /** Digest of the whole image. */
  readonly sha256: Uint8Array;
}

export type WtpState =
  | "idle"
  | "discovery"
  | "sulking"
  | "connect"
  | "join"
  | "configure"
  | "data-check"
  | "run"
  | "image-data"
  /** After Reset Request, a boot-time download or an image that is already there: waits for the agent to restart. */
  | "reset";

export type WtpDisconnect =
  | "no-response"
  | "refused"
  | "link-down"
  | "link-timeout"
  /** Back to a preferred controller (WTP Fallback). */
  | "fallback"
  | "stopped";

/** Requests that an agent may queue for the controller. They wait until Run. */
export type WtpRequest = { readonly type: "wtpEventRequest"; readonly elements: ElementsOf<"wtpEventRequest"> };

export type WtpEvent<Tag> =
  | {
      readonly type: "state";
      readonly state: WtpState;
      readonly controller: Endpoint | undefined;
      readonly controllerName: string | undefined;
    }
  /** The session ended; discovery goes on by itself unless stopped. `resultCode` where the controller gave one. */
  | { readonly type: "disconnected"; readonly reason: WtpDisconnect; readonly resultCode?: number; readonly detail: string }
  | Answered<Tag>
  | Unanswered<Tag>
  /** Configuration Update Request; `answerConfigurationUpdate` is due (repeats are kept away meanwhile). */
  | { readonly type: "configuration-update"; readonly elements: ElementsOf<"configurationUpdateRequest"> }
  /** Clear Configuration Request; `answerClearConfiguration` is due. */
  | { readonly type: "clear-configuration" }
  /** Reset Request; `answerReset` is due, then the agent restarts the AP. */
  | { readonly type: "reset-wanted"; readonly identifier: ImageIdentifier }
  /** The boot-time download ended well, or the wanted image is in flash: restart into it (§9.1). */
  | { readonly type: "restart-wanted"; readonly identifier: ImageIdentifier }
  /** The Join Response wants another version and the boot-time download is on: open a download and call `startImage`. */
  | { readonly type: "boot-image-wanted"; readonly identifier: ImageIdentifier }
  /** The controller accepted `startImage`; blocks follow, the first at `startOffset`. */
  | { readonly type: "image-offered"; readonly sizeBytes: number; readonly md5: Uint8Array; readonly startOffset: number }
  /**
   * Write it, then `blockStored`, in the order of the blocks; until then `bytes` stays as it is. The fast transfer does not wait
   * for the answer before the next. `last`: verify the whole, too.
   */
  | { readonly type: "image-block"; readonly offset: number; readonly bytes: Uint8Array; readonly last: boolean }
  /** The download is over without a whole image; drop the partial file. */
  | { readonly type: "image-failed"; readonly reason: ImageFailure; readonly resultCode?: number; readonly detail: string }
  /** The response to the last block, with success, is on its way. */
  | { readonly type: "image-complete"; readonly sizeBytes: number }
  | Dropped;

export type ImageFailure =
  /** The controller answered with an error. */
  | "refused"
  /** The controller sent Image Data type 5. */
  | "aborted"
  /** No block for ImageDataStartTimer, or no answer to the request. */
  | "timeout"
  /** More or fewer bytes than Image Information said; answered 15. */
  | "size-mismatch"
  /** The agent answered a block with 14–16, or called `cancelImage`. */
  | "rejected"
  | "session-ended";

export type WtpOutput<Tag> = CapwapEffect | WtpEvent<Tag>;

/** The agent's CAPWAP side (`wtp-session.ts`). */
export interface WtpSessionPort<Tag> {
  readonly state: WtpState;
  /** Where the session goes, from `connect` to `reset`. */
  readonly controller: Endpoint | undefined;
  start(now: number, out: WtpOutput<Tag>[]): void;
  /** Ends everything without a word; queued requests end as `session-ended`. */
  stop(now: number, out: WtpOutput<Tag>[]): void;
  /** The list changed (names resolved anew); a session with a controller that is no longer in it goes on. */
  setControllers(now: number, controllers: readonly KnownController[], out: WtpOutput<Tag>[]): void;
  datagram(now: number, datagram: Datagram, out: WtpOutput<Tag>[]): void;
  linkUp(now: number, peer: Endpoint, out: WtpOutput<Tag>[]): void;
  linkDown(now: number, peer: Endpoint, out: WtpOutput<Tag>[]): void;
  wake(now: number, out: WtpOutput<Tag>[]): void;
  nextWakeAt(): number | undefined;
  /** Queues a request; `answered` or `unanswered` with this tag is certain to come. Outside Run it is unanswered at once. */
  request(now: number, request: WtpRequest, tag: Tag, out: WtpOutput<Tag>[]): void;
  answerConfigurationUpdate(now: number, elements: ElementsOf<"configurationUpdateResponse">, out: WtpOutput<Tag>[]): void;
  answerClearConfiguration(now: number, resultCode: number, out: WtpOutput<Tag>[]): void;
  answerReset(now: number, resultCode: number, out: WtpOutput<Tag>[]): void;
  /**
   * Image Data Request {25, 27}, in Run or as the answer to `boot-image-wanted`. Ends in `image-complete` or `image-failed`.
   * Only the fast transfer goes on behind a `stored` part, and only if the controller means the same image.
   */
  startImage(now: number, identifier: ImageIdentifier, stored: StoredPart | undefined, out: WtpOutput<Tag>[]): void;
  /** Result of the oldest outstanding `image-block`: 0 written (for the last block: and verified), 14 checksum, 15 length, 16 other. */
  blockStored(now: number, resultCode: number, out: WtpOutput<Tag>[]): void;
  /** Gives the download up: the next block is answered with 16. Nothing is emitted but, if a download ran, `image-failed`. */
  cancelImage(now: number, out: WtpOutput<Tag>[]): void;
}
