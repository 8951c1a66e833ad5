/**
 * Files and directories that are served as they are at the moment of each request: a new file is found, a replaced one is sent with
 * its new content.
 */
import { constants } from "node:fs";
import { lstat, readdir, realpath, stat } from "node:fs/promises";
import { basename, join, sep } from "node:path";
import { failure, type Result, success } from "../../base/failure.js";
import { type ErrorCode, errorCode } from "../../wire/tftp/error-code.js";
import { type OpenFile, openRegularFile } from "./open-file.js";

export type Found =
  | { readonly type: "found"; readonly file: OpenFile }
  | { readonly type: "missing"; readonly code: ErrorCode; readonly message: string };

export const fileNotFound: Found = { type: "missing", code: errorCode.fileNotFound, message: "file not found" };
const accessDenied: Found = { type: "missing", code: errorCode.accessViolation, message: "the file cannot be read" };

/** A FIFO must not hold the server up, nor a link that was put in the last part's place lead out of the directory. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

export class ServedPaths {
  /** Name → path of files that were named one by one. */
  readonly #files: ReadonlyMap<string, string>;
  /** Without links in their own paths. */
  readonly #directories: readonly string[];

  private constructor(files: ReadonlyMap<string, string>, directories: readonly string[]) {
    this.#files = files;
    this.#directories = directories;
  }

  /** Of files the last part of the path is the name. Two of the same name, or a path that cannot be read, are failures. */
  static async of(paths: readonly string[]): Promise<Result<ServedPaths>> {
    const files = new Map<string, string>();
    const directories: string[] = [];
    for (const path of paths) {
      try {
        if ((await stat(path)).isDirectory()) {
          directories.push(await realpath(path));
          continue;
        }
      } catch (error) {
        return failure("unreadable-file", `${path} cannot be read: ${(error as Error).message}`);
      }
      const opened = await openRegularFile(path);
      if (!opened.ok) return opened;
      await opened.value.handle.close();
      const name = basename(path);
      if (files.has(name)) return failure("name-taken", `${path}: another file is served as ${name}; rename one of them`);
      files.set(name, path);
    }
    return success(new ServedPaths(files, directories));
  }

  /** Files that a request can name at this moment without a folder. */
  async count(): Promise<number> {
    const entries = await Promise.all(this.#directories.map((path) => readdir(path, { withFileTypes: true }).catch(() => [])));
    return this.#files.size + entries.flat().filter((entry) => entry.isFile() || entry.isSymbolicLink()).length;
  }

  async open(name: string): Promise<Found> {
    const path = this.#files.get(name);
    if (path !== undefined) return openExisting(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const parts = partsOf(name);
    for (const directory of parts === undefined ? [] : this.#directories) {
      const inside = await resolveInside(directory, parts as readonly string[]);
      const file = inside === undefined ? fileNotFound : await openExisting(inside, OPEN_FLAGS);
      if (file !== fileNotFound) return file;
    }
    return fileNotFound;
  }
}

/** `//f`, `./f` and `d/./f` are `f` and `d/f`; nothing leads upwards. Undefined for what is not a path of a file. */
function partsOf(name: string): readonly string[] | undefined {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  const isFile = parts.length > 0 && !name.endsWith("/") && !parts.includes("..") && !name.includes("\0");
  return isFile ? parts : undefined;
}

/** Links are followed as long as they stay inside. */
async function resolveInside(directory: string, parts: readonly string[]): Promise<string | undefined> {
  try {
    const path = await realpath(join(directory, ...parts));
    return path.startsWith(directory.endsWith(sep) ? directory : directory + sep) ? path : undefined;
  } catch {
    return undefined;
  }
}

async function openExisting(path: string, flags: number): Promise<Found> {
  const opened = await openRegularFile(path, flags);
  if (opened.ok) return { type: "found", file: opened.value };
  const isThere = await lstat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  return isThere ? accessDenied : fileNotFound;
}
