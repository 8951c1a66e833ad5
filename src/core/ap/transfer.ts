/** One transfer of an image into the slot that is not running, and what its failures are called in a report. */
import type { Sha256Hex } from "../../base/sha256.js";
import { type ResultCode, resultCodes } from "../../wire/capwap/result-code.js";
import type { FailureReason } from "../../wire/capwap/vendor.js";
import type { ImageFailure } from "../capwap/contract.js";
import type { FetchOutcome } from "../tftp/contract.js";
import type { RunOrder, SlotImage } from "./contract.js";

export interface Transfer {
  readonly downloadId: number;
  readonly path: "wan" | "lan";
  phase: "opening" | "asking" | "receiving" | "verifying" | "committing";
  sizeBytes: number;
  /** From Image Information; all that a foreign controller gives to check by. */
  md5: string | undefined;
  /** What this transfer has added to the run's bytes of its path. */
  countedBytes: number;
  blocksBeingWritten: number;
  lastBlockIn: boolean;
  image: SlotImage | undefined;
}

export const isLan = (order: RunOrder): boolean => order.role === "subordinate";

export const openedTransfer = (downloadId: number, order: RunOrder): Transfer => ({
  downloadId,
  path: isLan(order) ? "lan" : "wan",
  phase: "opening",
  sizeBytes: order.sizeBytes,
  md5: undefined,
  countedBytes: 0,
  blocksBeingWritten: 0,
  lastBlockIn: false,
  image: undefined,
});

/** What is on the disk, read back. Digests in lower-case hex. */
export interface StoredImage {
  readonly sizeBytes: number;
  readonly sha256: Sha256Hex;
  readonly md5: string;
}

/** What is wrong with a whole that was read back, or undefined. `resultCode` answers the block that ended it. */
export function faultOf(
  transfer: Transfer,
  order: RunOrder,
  { sizeBytes, sha256, md5 }: StoredImage,
): { readonly reason: FailureReason; readonly detail: string; readonly resultCode: ResultCode } | undefined {
  if (sizeBytes !== transfer.sizeBytes) {
    const detail = `${sizeBytes} bytes instead of ${transfer.sizeBytes}`;
    return { reason: "size-mismatch", detail, resultCode: resultCodes.imageInvalidLength };
  }
  if (order.sha256 === null ? md5 === transfer.md5 : sha256 === order.sha256) return undefined;
  return { reason: "checksum-mismatch", detail: `SHA-256 ${sha256}`, resultCode: resultCodes.imageInvalidChecksum };
}

/** By the outcome of a TFTP fetch. One that was cancelled by something else than an abort of the run failed like any other. */
export const lanReasons: Readonly<Record<Exclude<FetchOutcome, "complete">, FailureReason>> = {
  busy: "primary-busy",
  timeout: "primary-unreachable",
  refused: "image-unknown",
  storage: "flash-write-error",
  error: "transfer-error",
  aborted: "transfer-error",
};

/** By the end of a CAPWAP download. */
export const wanReasons: Readonly<Record<Exclude<ImageFailure, "session-ended" | "rejected" | "aborted">, FailureReason>> = {
  refused: "image-unknown",
  timeout: "transfer-timeout",
  "size-mismatch": "size-mismatch",
};
