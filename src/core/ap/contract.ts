/**
 * The AP agent's inputs (`ApInput`) and effects (`ApEffect`); the daemon and the simulator serve the same unions.
 *
 * Storage, TFTP and name look-up are asynchronous: an effect now, an input later, matched by an ID that the agent chose. An input
 * with an ID that the agent has given up is ignored, so nothing has to be called back.
 */
import type { Endpoint } from "../../base/endpoint.js";
import type { Flavor } from "../../base/flavor.js";
import type { IpAddress } from "../../base/ip-address.js";
import type { MacAddress } from "../../base/mac-address.js";
import type { Wake } from "../../base/machine.js";
import type { Sha256Hex } from "../../base/sha256.js";
import type { FailureReason, WireRunId } from "../../wire/capwap/vendor.js";
import type { CapwapEffect, Datagram, Dropped } from "../capwap/contract.js";
import type { DiscoverySource } from "../capwap/wtp/wtp-contract.js";
import type { FetchOutcome } from "../tftp/client/contract.js";
import type { OrderedImage } from "../trust/trust-rules.js";
import type { TrustFault, TrustReason } from "../trust/verdict.js";
import type { ImageChunks } from "../upgrade/image-chunks.js";

/** Where an image lies. Slots never move: `primary` and `backup` are roles that the boot record gives them. */
export type SlotId = "a" | "b";

/** A whole, verified image in a slot. */
export interface SlotImage {
  /** The release version, e.g. `8.5.161.0`. */
  readonly version: string;
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: Sha256Hex;
  /** Lower-case hex; RFC 5415 Image Information knows MD5 only. */
  readonly md5: string;
  /** The upgrade run that brought it, 0 for none. */
  readonly runId: WireRunId;
}

/** What an AP must know to boot. Saved whole and atomically; a slot that it does not list is empty. */
export interface BootRecord {
  /** The other slot is the backup. */
  readonly bootSlot: SlotId;
  readonly slots: { readonly [Slot in SlotId]: SlotImage | null };
  /** The last swap order carried out, 0 for none: an order that arrives again must not swap back. */
  readonly swapOrderId: number;
  /** Restarts that a controller asked for, for WTP Reboot Statistics. */
  readonly controllerResets: number;
  /** Absent unless the boot slot has not joined a controller since a reset made it boot. */
  readonly trial?: SlotTrial;
  /** Absent unless the AP went back to its former image and has not joined a controller since. */
  readonly rolledBack?: RolledBack;
}

export interface SlotTrial {
  readonly slot: SlotId;
  /** How often it booted. */
  readonly boots: number;
}

export interface RolledBack {
  /** Of the image that was left. */
  readonly version: string;
  readonly detail: string;
}

/** The `stream` distribution: the image comes and goes in chunks. */
export interface StreamTerms extends ImageChunks {
  /** Another AP to fetch from when the server fails; null where there is none. */
  readonly spare: Endpoint | null;
}

/** Who fetches what, as ordered by the controller. */
export interface RunOrder {
  /** 0 when a controller without our vendor elements asked; such an order is not reported on and does not outlive the process. */
  readonly runId: WireRunId;
  readonly role: "primary" | "subordinate" | "fallback";
  readonly version: string;
  /** Enterprise number of the Image Identifier. */
  readonly vendor: number;
  readonly fileName: string;
  /** 0 while only the controller knows, as with `runId` 0. */
  readonly sizeBytes: number;
  /** Lower-case hex; null with `runId` 0. */
  readonly sha256: Sha256Hex | null;
  /** Where a subordinate fetches from; null for the other roles. */
  readonly server: Endpoint | null;
  readonly retryCountMax: number;
  readonly backoffMsMin: number;
  readonly backoffMsMax: number;
  readonly sessionsMax: number;
  readonly refetch: boolean;
  /** What this AP gives its LAN at most, image bytes a second; absent for no limit. */
  readonly serveBytesPerSecondMax?: number;
  /** Absent where the image is fetched and served as a whole. */
  readonly stream?: StreamTerms;
}

/** One attempt to put an image into a slot; a fetch over the LAN has the number of its download. */
export type DownloadId = Flavor<number, "DownloadId">;

/** State of a run at this AP, in the terms of the wire's report. */
export type AssignmentState = "initiated" | "fetching" | "waiting" | "needs-wan" | "complete" | "failed" | "aborted";

/** Progress of a run at this AP, without the counter that changes while bytes flow. */
export interface RunProgress {
  readonly state: AssignmentState;
  /** Where the current or last transfer comes from. */
  readonly path: "none" | "wan" | "lan";
  /** Tries at the primary spent so far. */
  readonly tries: number;
  /** Image bytes received in this run over each path, failed tries included. */
  readonly wanBytes: number;
  readonly lanBytes: number;
  readonly reason: FailureReason;
  readonly detail: string;
}

/** The end of a run that the controller has not acknowledged yet. */
export interface FinalReport extends RunProgress {
  readonly runId: WireRunId;
  readonly bytesDone: number;
}

/** What outlives the process beside the boot record: the run in hand and the reports still owed. */
export interface RunJournal {
  readonly run: { readonly order: RunOrder; readonly progress: RunProgress } | null;
  readonly owed: readonly FinalReport[];
}

/** A slot whose image may not boot. */
export interface BarredSlot extends TrustFault {
  readonly slot: SlotId;
}

/** What storage finds at boot, slots checked by digest and, where a root is trusted, by signature. A slot that failed its check is null. */
export interface BootState {
  readonly record: BootRecord;
  readonly journal: RunJournal;
  /** Slots whose content did not match what the record said; `record` has them as empty. */
  readonly corrupt: readonly SlotId[];
  /** Slots whose image is whole but not trusted; `record` has them as empty. */
  readonly barred: readonly BarredSlot[];
  /** The boot record was whole, or damaged: `recovered` from its copy, `rebuilt` from the slots' labels, or `lost` with all of them. */
  readonly recordState: "sound" | "recovered" | "rebuilt" | "lost";
  readonly freeBytes: number;
}

export interface ServedPeer {
  readonly peer: Endpoint;
  readonly bytesDone: number;
}

/** What was to change in the boot record. */
export type BootWishName = "swap" | "reset" | "restart" | "relabel" | "forget-corrupt" | "count-boot" | "confirm" | "roll-back";

export type StorageFailure = Extract<FailureReason, "not-enough-flash" | "flash-write-error">;

/** Why storage did not do what it was asked: it failed, or the image may not boot. */
export interface StorageRefusal {
  readonly reason: StorageFailure | TrustReason | "checksum-mismatch";
  /** One line. */
  readonly detail: string;
}

/** A controller's address, and how the AP came to know it; configured without. */
export interface FoundController extends Endpoint {
  readonly foundBy?: DiscoverySource;
}

export type ApInput =
  | Wake
  /** The first input, and the only one before anything else. */
  | { readonly type: "boot"; readonly state: BootState }
  /** A datagram at the CAPWAP port. `bytes` is the machine's to keep. */
  | ({ readonly type: "datagram" } & Datagram)
  | { readonly type: "link-up"; readonly peer: Endpoint }
  | { readonly type: "link-down"; readonly peer: Endpoint }
  /** The process is about to end: leave the session silently, keep what is stored. */
  | { readonly type: "stop" }
  /** Answer to `resolve-controllers`, most wanted first; empty when no name resolves. */
  | { readonly type: "controllers-resolved"; readonly endpoints: readonly FoundController[] }
  /** `resumeOffset`: bytes of this very image that are safely stored; 0 for a new file. */
  | { readonly type: "download-opened"; readonly downloadId: DownloadId; readonly resumeOffset: number; readonly freeBytes: number }
  | { readonly type: "chunk-written"; readonly downloadId: DownloadId; readonly offset: number; readonly length: number }
  /** Size and digests of what is on disk, read back. */
  | {
      readonly type: "download-verified";
      readonly downloadId: DownloadId;
      readonly sizeBytes: number;
      readonly sha256: Sha256Hex;
      readonly md5: string;
    }
  /** A chunk of the download was read back. */
  | { readonly type: "chunk-checked"; readonly downloadId: DownloadId; readonly chunk: number; readonly isSound: boolean }
  | { readonly type: "slot-committed"; readonly downloadId: DownloadId; readonly freeBytes: number }
  /** The download is gone and its partial file with it; both slots are as they were. */
  | ({ readonly type: "storage-failed"; readonly downloadId: DownloadId } & StorageRefusal)
  /** The record is lasting. */
  | { readonly type: "boot-record-saved" }
  /** The record is as it was. */
  | ({ readonly type: "boot-record-unsaved" } & StorageRefusal)
  /** The ordered image is signed and may be fetched, and what was learnt of the release is lasting; or `refusal`. */
  | { readonly type: "release-checked"; readonly checkId: number; readonly refusal: StorageRefusal | null }
  | { readonly type: "flash-measured"; readonly freeBytes: number }
  /** Answer to `prove-slot`; none comes where the slot cannot be read. */
  | { readonly type: "slot-proven"; readonly nonce: Uint8Array; readonly proof: Uint8Array }
  | { readonly type: "fetch-progress"; readonly fetchId: DownloadId; readonly bytesDone: number }
  | {
      readonly type: "fetch-ended";
      readonly fetchId: DownloadId;
      /** All but `complete` and `aborted` spend a try; `storage` ends the run here. */
      readonly outcome: FetchOutcome;
      /** Image bytes received in this try. */
      readonly bytesDone: number;
      readonly detail: string;
    }
  /** What the TFTP server does, at each change and now and then for bytes. Counts are since the server started. */
  | { readonly type: "serving"; readonly sessions: readonly ServedPeer[]; readonly bytesServed: number; readonly refusals: number };

export type ApEffect =
  | CapwapEffect
  /** Answers `controllers-resolved`. */
  | { readonly type: "resolve-controllers" }
  /**
   * Prepare the temporary file of a slot that is not running. `resume`: continue a stored part of the
   * same image (WAN); otherwise start from nothing (TFTP cannot resume). Answers `download-opened` or, without
   * room for `sizeBytes`, `storage-failed`. One download at a time: opening discards any other.
   */
  | {
      readonly type: "open-download";
      readonly downloadId: DownloadId;
      readonly slot: SlotId;
      readonly version: string;
      readonly sizeBytes: number;
      /** Lower-case hex; null when only a foreign controller knows the image. */
      readonly sha256: Sha256Hex | null;
      readonly resume: boolean;
    }
  | { readonly type: "write-chunk"; readonly downloadId: DownloadId; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly type: "verify-download"; readonly downloadId: DownloadId }
  /** Read a range back that was written, and compare its digest. Answers `chunk-checked`. */
  | {
      readonly type: "check-chunk";
      readonly downloadId: DownloadId;
      readonly chunk: number;
      readonly offset: number;
      readonly sizeBytes: number;
      readonly sha256: Sha256Hex;
    }
  /** Make the verified download the slot's content and save `record`, as one step that a crash does not split. */
  | { readonly type: "commit-slot"; readonly downloadId: DownloadId; readonly slot: SlotId; readonly record: BootRecord }
  /** Close it and remove its file, or keep the part for a later `resume`. Download 0 means none: a part of an earlier one goes. No answer. */
  | { readonly type: "discard-download"; readonly downloadId: DownloadId; readonly keepPartial: boolean }
  /** Answers `boot-record-saved` or `boot-record-unsaved`. One at a time, and none beside a `commit-slot`. */
  | { readonly type: "save-boot-record"; readonly record: BootRecord }
  /**
   * Answers `release-checked`. `bundle` null: the one that came with the same image before. `inHand` is the image of the order before,
   * which needs its bundle until this order has replaced it.
   */
  | {
      readonly type: "check-release";
      readonly checkId: number;
      readonly image: OrderedImage;
      readonly bundle: Uint8Array | null;
      readonly allowsDowngrade: boolean;
      readonly inHand: Sha256Hex | null;
    }
  /** Answers `flash-measured`. */
  | { readonly type: "measure-flash" }
  /**
   * Read this slot for the controller's challenge (`holdingProof` in `wire/capwap/vendor.ts`). Answers `slot-proven`; of several under way
   * only the last one has to be answered.
   */
  | { readonly type: "prove-slot"; readonly slot: SlotId; readonly nonce: Uint8Array; readonly mac: MacAddress }
  /** Barrier: effects after it happen after its fsync. */
  | { readonly type: "save-journal"; readonly journal: RunJournal }
  /** Serve this slot's image by TFTP under one name, to at most `sessionsMax` peers at a time. Replaces any other offer. */
  | {
      readonly type: "offer";
      readonly fileName: string;
      readonly slot: SlotId;
      readonly sizeBytes: number;
      readonly sha256: Sha256Hex;
      readonly sessionsMax: number;
    }
  /** These names will be offered: requests for them are answered then, or after a while with "not yet". Replaces the names before. */
  | { readonly type: "expect-chunks"; readonly fileNames: readonly string[]; readonly sessionsMax: number }
  /** Serve a range of this image, from a slot or from the download in use, under this name, beside what else is offered. */
  | {
      readonly type: "offer-chunk";
      readonly fileName: string;
      readonly imageSha256: Sha256Hex;
      readonly offset: number;
      readonly sizeBytes: number;
    }
  /** All chunks and expected names are gone at once. */
  | { readonly type: "withdraw-chunks" }
  /** What the TFTP server gives at most from now on, over all of its sessions; null for no limit. */
  | { readonly type: "limit-serving"; readonly bytesPerSecondMax: number | null }
  /** From now on, the TFTP server's slots are for peers at these addresses before any others. */
  | { readonly type: "keep-slots"; readonly addresses: readonly IpAddress[] }
  /** Stop serving; open sessions end with an ERROR packet. */
  | { readonly type: "withdraw"; readonly fileName: string }
  /** Fetch by TFTP into an open download, from `offset` on. Answers `fetch-ended`. */
  | {
      readonly type: "fetch";
      readonly fetchId: DownloadId;
      readonly server: Endpoint;
      readonly fileName: string;
      readonly sizeBytes: number;
      readonly downloadId: DownloadId;
      readonly offset: number;
    }
  /** Answers `fetch-ended` with `aborted`, which may cross another outcome on its way. */
  | { readonly type: "cancel-fetch"; readonly fetchId: DownloadId }
  /** Discard this machine and boot from what is on disk. Its last effect. */
  | { readonly type: "reboot" }
  | { readonly type: "event"; readonly event: ApEvent };

/** What an operator reads in the AP's log, and what its metrics count. */
export type ApEvent =
  | { readonly name: "booted"; readonly slot: SlotId; readonly version: string; readonly corrupt: readonly SlotId[] }
  | { readonly name: "boot-record-damaged"; readonly recordState: Exclude<BootState["recordState"], "sound"> }
  | ({ readonly name: "slot-barred" } & BarredSlot)
  | { readonly name: "joined"; readonly controller: Endpoint }
  | { readonly name: "session-lost"; readonly reason: string; readonly detail: string }
  | { readonly name: "order"; readonly order: RunOrder }
  | { readonly name: "order-refused"; readonly runId: WireRunId; readonly reason: FailureReason; readonly detail: string }
  | { readonly name: "run"; readonly runId: WireRunId; readonly progress: RunProgress; readonly nextRetryMs: number }
  | {
      readonly name: "try-failed";
      readonly runId: WireRunId;
      readonly tries: number;
      readonly outcome: FetchOutcome;
      readonly detail: string;
    }
  | { readonly name: "slot-written"; readonly slot: SlotId; readonly image: SlotImage }
  /** The host's own, when a client that asks now gets the image: the file has to be opened first. */
  | { readonly name: "offering"; readonly fileName: string; readonly sessionsMax: number }
  | { readonly name: "withdrawn"; readonly fileName: string }
  | { readonly name: "swapped"; readonly record: BootRecord }
  | { readonly name: "relabelled"; readonly version: string }
  | { readonly name: "reset"; readonly version: string }
  /** The image joined a controller after its first boot. */
  | { readonly name: "confirmed"; readonly version: string }
  | ({ readonly name: "rolled-back" } & RolledBack)
  | { readonly name: "boot-change-refused"; readonly wish: BootWishName; readonly reason: FailureReason; readonly detail: string }
  | ({ readonly name: "dropped" } & Omit<Dropped, "type">);
