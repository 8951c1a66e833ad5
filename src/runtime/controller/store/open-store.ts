import { mkdirSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { failure, type Result, success } from "../../../base/failure.js";
import { oneLine } from "../../../base/one-line.js";
import { currentFormat, hasTablesOf, isSealed, migrateStore } from "./formats.js";
import { Reserve } from "./reserve.js";
import { Seals } from "./seals.js";
import { closeDatabase, diskFaultOf, SqliteStore, type Store } from "./store.js";
import { isWalDamaged } from "./wal-check.js";

export const storeFileName = "flexup.db";

/**
 * Opens or creates the store of a data folder, and the folder itself. A store that is damaged anywhere is left as it is.
 * Failures: `data-folder-unusable`, `data-folder-full`, `data-folder-in-use`, `data-folder-corrupt`, `data-folder-newer`.
 */
export function openStore(folder: string): Result<Store> {
  const path = join(folder, storeFileName);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (isWalDamaged(`${path}-wal`)) return corrupt(folder, `${storeFileName}-wal holds changes that cannot be read`);
    const reserve = new Reserve(folder);
    const opened = openDatabase(folder, path);
    // A full disk: what is opened now needs some of the reserve.
    const usable = !opened.ok && opened.failure.code === "data-folder-full" && reserve.release() ? openDatabase(folder, path) : opened;
    return usable.ok ? success(new SqliteStore(usable.value, reserve)) : usable;
  } catch (error) {
    return openFailure(folder, error as NodeJS.ErrnoException);
  }
}

function openDatabase(folder: string, path: string): Result<Database.Database> {
  let database: Database.Database | undefined;
  try {
    database = new Database(path);
    // In the order that matters: the lock first, so that a second daemon reads nothing that the first is about to change.
    database.pragma("locking_mode = EXCLUSIVE");
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.exec("BEGIN EXCLUSIVE; COMMIT");
    const refused = refusal(database, folder, path);
    if (refused === undefined) return success(database);
    closeDatabase(database);
    return refused;
  } catch (error) {
    if (database !== undefined) closeDatabase(database);
    return openFailure(folder, error as NodeJS.ErrnoException);
  }
}

/** Checks the database and brings it up to date. @returns why it cannot be used */
function refusal(database: Database.Database, folder: string, path: string): Result<never> | undefined {
  const health = quickCheck(database);
  if (health !== "ok") return corrupt(folder, health);
  const format = Number(pragmaValue(database, "user_version"));
  if (format > currentFormat)
    return failure(
      "data-folder-newer",
      `${path} was written by a newer flexup (format ${format}, this one knows ${currentFormat}); use that one`,
    );
  if (!hasTablesOf(format, database)) return corrupt(folder, `its tables are not those of format ${format}`);
  const damaged = isSealed(format) ? new Seals(database).damaged() : undefined;
  if (damaged !== undefined) return corrupt(folder, `${damaged.table} "${damaged.id}" is not as it was written`);
  migrateStore(database, format);
  return undefined;
}

/** "ok", or what is wrong with the structure of the file; which may quote it, and not in UTF-8. */
function quickCheck(database: Database.Database): string {
  const [row] = database.prepare("SELECT CAST(quick_check AS BLOB) AS answer FROM pragma_quick_check").all() as { answer: Uint8Array }[];
  return Buffer.from(row?.answer ?? []).toString("utf8");
}

const pragmaValue = (database: Database.Database, name: string): unknown => (database.pragma(name) as Record<string, unknown>[])[0]?.[name];

const corrupt = (folder: string, detail: string): Result<never> =>
  failure(
    "data-folder-corrupt",
    `${join(folder, storeFileName)} is damaged (${oneLine(detail, 200)}); "flexup data restore" puts a backup back, "flexup data rebuild" keeps what is sound`,
  );

function openFailure(folder: string, error: NodeJS.ErrnoException): Result<never> {
  const code = error.code ?? "";
  if (code === "SQLITE_BUSY")
    return failure("data-folder-in-use", `${folder} is in use by another flexup controller; stop it or choose another --data folder`);
  if (code === "SQLITE_FULL" || code === "ENOSPC")
    return failure("data-folder-full", `No space is left in ${folder}; free some and start again`);
  if (isDamage(error)) return corrupt(folder, error.message);
  const detail = oneLine(diskFaultOf(error) ?? error.message, 200);
  return failure("data-folder-unusable", `${folder} cannot be used as data folder: ${detail}; check that it exists and is writable`);
}

/** A text that is no JSON, a table that is not there: the content of a file that SQLite itself can read. */
const isDamage = (error: NodeJS.ErrnoException): boolean =>
  error instanceof SyntaxError || /^SQLITE_(NOTADB|CORRUPT|ERROR|CONSTRAINT|MISMATCH|SCHEMA)/.test(error.code ?? "");
