/** A file that is being served: what it was when it was opened, so that a change is noticed. */
import { fstatSync, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { failure, type Result, success } from "../../base/failure.js";

/** Size and time of the last write; a file that has another is another file. */
export interface FileStamp {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

export interface OpenFile {
  readonly handle: FileHandle;
  readonly stamp: FileStamp;
}

const stampOf = ({ size, mtimeMs }: Stats): FileStamp => ({ sizeBytes: size, modifiedMs: mtimeMs });

/** Failures: `not-a-file`, `unreadable-file`. */
export async function openRegularFile(path: string, flags: string | number = "r"): Promise<Result<OpenFile>> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, flags);
    const stat = await handle.stat();
    if (stat.isFile()) return success({ handle, stamp: stampOf(stat) });
    await handle.close();
    return failure("not-a-file", `${path} is not a regular file; offer a file`);
  } catch (error) {
    await handle?.close();
    return failure("unreadable-file", `${path} cannot be read: ${(error as Error).message}`);
  }
}

export function isUnchanged(fileDescriptor: number, { sizeBytes, modifiedMs }: FileStamp): boolean {
  try {
    const { size, mtimeMs } = fstatSync(fileDescriptor);
    return size === sizeBytes && mtimeMs === modifiedMs;
  } catch {
    return false;
  }
}
