/** What an AP gives to its CAPWAP side and gets back; see `../contract.ts` for the order of outputs. */
import type { Endpoint } from "../../../base/endpoint.js";
import type { MacAddress } from "../../../base/mac-address.js";
import type { CapwapTimers } from "../../../wire/capwap/defaults.js";
import type { ImageIdentifier } from "../../../wire/capwap/elements.js";
import type { ElementsOf } from "../../../wire/capwap/messages.js";
import type { Answered, CapwapEffect, Datagram, Dropped, Unanswered } from "../contract.js";
import type { LinkMode } from "../link/secure-link.js";

/** How an AP describes itself. Read at each Discovery and Join, because versions change with a reset. */
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
  /** The same, where it went back to its former image. */
  readonly rolledBack?: ElementsOf<"joinRequest">["rolledBack"];
}

/** A controller that the AP may join, in the order of preference: the first is the primary. */
export interface KnownController {
  readonly endpoint: Endpoint;
  /** AC Name that it must have; without one any name will do. */
  readonly name?: string;
  /** How the AP came to know it; configured without. */
  readonly foundBy?: DiscoverySource;
}

/** `group`: it is a broadcast or multicast address. */
export type DiscoverySource = "static" | "dhcp" | "dns" | "group";

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

/** A part of an image on the AP's disk. */
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
  /** The session ended; unless stopped, Discovery follows. `resultCode` if the controller gave one. */
  | { readonly type: "disconnected"; readonly reason: WtpDisconnect; readonly resultCode?: number; readonly detail: string }
  | Answered<Tag>
  | Unanswered<Tag>
  /** Configuration Update Request; `answerConfigurationUpdate` is due (repeats are kept away meanwhile). */
  | { readonly type: "configuration-update"; readonly elements: ElementsOf<"configurationUpdateRequest"> }
  /** Clear Configuration Request; `answerClearConfiguration` is due. */
  | { readonly type: "clear-configuration" }
  /** Reset Request; `answerReset` is due, then, with success, the agent restarts the AP. */
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
  /** More or fewer bytes than in Image Information; answered with 15. */
  | "size-mismatch"
  /** The agent answered a block with 14–16, or called `cancelImage`. */
  | "rejected"
  | "session-ended";

export type WtpOutput<Tag> = CapwapEffect | WtpEvent<Tag>;

/** The agent's CAPWAP side (`wtp-session.ts`). */
export interface WtpSessionPort<Tag> {
  readonly state: WtpState;
  /** The session's controller, from `connect` to `reset`. */
  readonly controller: Endpoint | undefined;
  start(now: number, out: WtpOutput<Tag>[]): void;
  /** Ends everything without notice; queued requests end as `session-ended`. */
  stop(now: number, out: WtpOutput<Tag>[]): void;
  /** The list changed. A session with a controller that is no longer on it continues. */
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
   * Only the fast transfer resumes after a `stored` part, and only for the same image.
   */
  startImage(now: number, identifier: ImageIdentifier, stored: StoredPart | undefined, out: WtpOutput<Tag>[]): void;
  /** Result of the oldest outstanding `image-block`: 0 written (for the last block: and verified), 14 checksum, 15 length, 16 other. */
  blockStored(now: number, resultCode: number, out: WtpOutput<Tag>[]): void;
  /** Gives the download up: the next block is answered with 16. Nothing is emitted but, if a download ran, `image-failed`. */
  cancelImage(now: number, out: WtpOutput<Tag>[]): void;
}
