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
  readonly sizeBytes: number;
  /** Where in the file what is served begins: 0, or a multiple of the page size. */
  readonly offset: number;
  /** Null for a part of a file that is still written elsewhere: what is served of it does not change. */
  readonly stamp: FileStamp | null;
}

/** A part of a file, in bytes. */
export interface FilePart {
  readonly offset: number;
  readonly sizeBytes: number;
}

const stampOf = ({ size, mtimeMs }: Stats): FileStamp => ({ sizeBytes: size, modifiedMs: mtimeMs });

/** The file, or a part of it that is there already. Failures: `not-a-file`, `unreadable-file`. */
export async function openRegularFile(path: string, flags: string | number = "r", part?: FilePart): Promise<Result<OpenFile>> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, flags);
    const stat = await handle.stat();
    if (stat.isFile() && part !== undefined && stat.size >= part.offset + part.sizeBytes) return success({ handle, ...part, stamp: null });
    if (stat.isFile() && part === undefined) {
      const stamp = stampOf(stat);
      return success({ handle, sizeBytes: stamp.sizeBytes, offset: 0, stamp });
    }
    await handle.close();
    return failure("not-a-file", `${path} is not a regular file${part === undefined ? "" : " of that length"}; offer a file`);
  } catch (error) {
    await handle?.close();
    return failure("unreadable-file", `${path} cannot be read: ${(error as Error).message}`);
  }
}

export function isUnchanged(fileDescriptor: number, stamp: FileStamp | null): boolean {
  if (stamp === null) return true;
  const { sizeBytes, modifiedMs } = stamp;
  try {
    const { size, mtimeMs } = fstatSync(fileDescriptor);
    return size === sizeBytes && mtimeMs === modifiedMs;
  } catch {
    return false;
  }
}
