import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { failure, type Result, success } from "../../base/failure.js";
import { syncFolder, writeLastingFile } from "../lasting-file.js";

type Fault = Extract<Result<never>, { readonly ok: false }>;

export interface NewFile {
  readonly name: string;
  readonly content: string;
  readonly mode: 0o600 | 0o644;
}

/**
 * Creates a folder with all of its files, or nothing. An empty folder may exist already.
 * Failures: `folder-exists`, `folder-unwritable`.
 */
export function makeFolder(path: string, files: readonly NewFile[], subfolders: readonly string[] = []): Result<null> {
  const target = resolve(path);
  const unfinished = `${target}.${process.pid}.new`;
  try {
    mkdirSync(unfinished, { recursive: true, mode: 0o700 });
    for (const { name, content, mode } of files) writeLastingFile(join(unfinished, name), content, mode);
    for (const name of subfolders) mkdirSync(join(unfinished, name), { mode: 0o700 });
    syncFolder(unfinished);
    renameSync(unfinished, target);
    syncFolder(dirname(target));
    return success(null);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOTEMPTY" || code === "EEXIST" || code === "ENOTDIR") return exists(path);
    return failure("folder-unwritable", `${path} cannot be written: ${message}`);
  }
}

/** Why `makeFolder` would refuse the path; undefined if it would not. */
export function folderFault(path: string): Fault | undefined {
  if (!existsSync(path)) return undefined;
  return statSync(path).isDirectory() && readdirSync(path).length === 0 ? undefined : exists(path);
}

const exists = (path: string): Fault => failure("folder-exists", `${path} exists already and is never overwritten: name a new folder`);
