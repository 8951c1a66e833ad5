/** Which errors of a disk are its own fault, in the words of a report, and which are ours. */
import type { StorageFailure } from "../../core/ap/contract.js";

/** A failure that this program finds itself, before the disk does. */
export class StorageError extends Error {
  readonly reason: StorageFailure;
  constructor(reason: StorageFailure, message: string) {
    super(message);
    this.reason = reason;
  }
}

const noSpaceCodes = ["ENOSPC", "EDQUOT", "EFBIG"];
const unreadableCode = "EIO";
const mediumCodes = [unreadableCode, "EROFS", "EACCES", "EPERM", "EMFILE", "ENFILE", "ENODEV", "ENXIO"];
const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException | null)?.code);

export const isAbsent = (error: unknown): boolean => codeOf(error) === "ENOENT";
/** The medium does not give back what it took. */
export const isUnreadable = (error: unknown): boolean => codeOf(error) === unreadableCode;

/** Undefined for an error that is no storage failure: our own bug. `detail` is one line. */
export function storageFailure(error: unknown): { readonly reason: StorageFailure; readonly detail: string } | undefined {
  if (error instanceof StorageError) return { reason: error.reason, detail: error.message };
  if (noSpaceCodes.includes(codeOf(error))) return { reason: "not-enough-flash", detail: "the flash is full" };
  if (mediumCodes.includes(codeOf(error))) return { reason: "flash-write-error", detail: (error as Error).message };
  return undefined;
}

export function ignoreStorageError(error: unknown): void {
  if (storageFailure(error) === undefined) throw error;
}
