/** Maps errors of the disk to a report's failure reasons; all other errors are our own bugs. */
import type { StorageRefusal } from "../../core/ap/contract.js";

/** A failure that is noticed before the disk does, or an image that may not boot. */
export class StorageError extends Error {
  readonly reason: StorageRefusal["reason"];
  constructor(reason: StorageRefusal["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

const noSpaceCodes = ["ENOSPC", "EDQUOT", "EFBIG"];
const unreadableCode = "EIO";
/** Reports name no paths of this machine. */
const mediumFaults: ReadonlyMap<string, string> = new Map([
  [unreadableCode, "the flash fails (EIO)"],
  ["EROFS", "the flash is read-only"],
  ["EACCES", "the data folder is not writable (EACCES)"],
  ["EPERM", "the data folder is not writable (EPERM)"],
  ["EMFILE", "too many files are open (EMFILE)"],
  ["ENFILE", "too many files are open (ENFILE)"],
  ["ENODEV", "the flash is gone (ENODEV)"],
  ["ENXIO", "the flash is gone (ENXIO)"],
]);
const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException | null)?.code);

export const isAbsent = (error: unknown): boolean => codeOf(error) === "ENOENT";
/** The medium cannot read back what was written. */
export const isUnreadable = (error: unknown): boolean => codeOf(error) === unreadableCode;

/** Undefined for any other error, which is our own bug. `detail` is one line. */
export function storageFailure(error: unknown): StorageRefusal | undefined {
  if (error instanceof StorageError) return { reason: error.reason, detail: error.message };
  if (noSpaceCodes.includes(codeOf(error))) return { reason: "not-enough-flash", detail: "the flash is full" };
  const detail = mediumFaults.get(codeOf(error));
  return detail === undefined ? undefined : { reason: "flash-write-error", detail };
}

export function ignoreStorageError(error: unknown): void {
  if (storageFailure(error) === undefined) throw error;
}
