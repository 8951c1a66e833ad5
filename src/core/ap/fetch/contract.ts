/** What the fetch takes and gives besides the effects that leave the agent as they are. */
import type { Wake } from "../../../base/machine.js";
import type { Sha256Hex } from "../../../base/sha256.js";
import type { ResultCode } from "../../../wire/capwap/result-code.js";
import type { FailureReason, WireRunId } from "../../../wire/capwap/vendor.js";
import type { ImageFailure } from "../../capwap/wtp/wtp-contract.js";
import type { ApEffect, ApInput } from "../contract.js";

type Storage = Extract<
  ApInput,
  {
    readonly type:
      | "download-opened"
      | "chunk-written"
      | "download-verified"
      | "chunk-checked"
      | "slot-committed"
      | "storage-failed"
      | "fetch-progress"
      | "fetch-ended";
  }
>;

export type FetchEvent =
  | Wake
  | Storage
  /** The process has started with an assignment in its journal. */
  | { readonly type: "restarted" }
  /** Run 0 means any. Verified images stay, a part goes. */
  | { readonly type: "abort"; readonly runId: WireRunId }
  /** The controller's Image Information: the first statement of the size where the order had none. */
  | {
      readonly type: "image-offered";
      readonly sizeBytes: number;
      /** Lower-case hex. */
      readonly md5: string;
      /** Where the blocks begin: behind a stored part, or at 0. */
      readonly startOffset: number;
    }
  | { readonly type: "image-block"; readonly offset: number; readonly bytes: Uint8Array; readonly last: boolean }
  | { readonly type: "image-failed"; readonly reason: ImageFailure; readonly detail: string };

/** What the agent passes on to the CAPWAP session and to its reports. */
export type FetchCommand =
  /** `storedBytes` of the image with this digest are on the disk. */
  | {
      readonly type: "start-image";
      readonly vendor: number;
      readonly version: string;
      readonly sha256: Sha256Hex | null;
      readonly storedBytes: number;
    }
  | { readonly type: "block-stored"; readonly resultCode: ResultCode }
  | { readonly type: "cancel-image" }
  /** Worth a report: at once for a state, in a while for bytes. */
  | { readonly type: "run-changed"; readonly what: "state" | "bytes" }
  | { readonly type: "run-complete" }
  /** A chunk of the order is in the download, read back and sound. */
  | { readonly type: "chunk-verified"; readonly chunk: number }
  /** The part with the verified chunks is gone. */
  | { readonly type: "chunks-lost" };

export type FetchOutput = ApEffect | FetchCommand;

/** The controller's answer to an order. */
export type OrderAnswer =
  | { readonly resultCode: ResultCode }
  | { readonly resultCode: ResultCode; readonly reason: FailureReason; readonly detail: string };
