/** Why a data folder cannot be used, in words for whoever starts a controller on it. */
import { join } from "node:path";
import { failure, type Result } from "../../../base/failure.js";
import { oneLine } from "../../../base/one-line.js";
import { currentFormat } from "./formats.js";
import { diskFaultOf, StoreReadOnly } from "./store.js";

export const storeFileName = "flexup.db";

export const corruptStore = (path: string, detail: string): Result<never> =>
  failure(
    "data-folder-corrupt",
    `${path} is damaged (${oneLine(detail, 200)}); "flexup data restore" puts a backup back, "flexup data rebuild" keeps what is sound`,
  );

export const newerStore = (path: string, format: number): Result<never> =>
  failure("data-folder-newer", `${path} was written by a newer flexup (format ${format}, this one knows ${currentFormat}); use that one`);

/** What an exception of SQLite or of the file system comes to. */
export function storeFailure(folder: string, error: NodeJS.ErrnoException): Result<never> {
  const code = error.code ?? "";
  if (code === "SQLITE_BUSY")
    return failure("data-folder-in-use", `${folder} is in use by another flexup controller; stop it or choose another --data folder`);
  if (error instanceof StoreReadOnly || code === "SQLITE_FULL" || code === "ENOSPC")
    return failure("data-folder-full", `No space is left in ${folder}; free some and start again`);
  if (isDamage(error)) return corruptStore(join(folder, storeFileName), error.message);
  const detail = oneLine(diskFaultOf(error) ?? error.message, 200);
  return failure("data-folder-unusable", `${folder} cannot be used as data folder: ${detail}; check that it exists and is writable`);
}

/** A text that is not JSON, a table that is not there: the content of a file that SQLite itself can read. */
const isDamage = (error: NodeJS.ErrnoException): boolean =>
  error instanceof SyntaxError || /^SQLITE_(NOTADB|CORRUPT|ERROR|CONSTRAINT|MISMATCH|SCHEMA)/.test(error.code ?? "");
