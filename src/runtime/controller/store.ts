import { mkdirSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { failure, type Result, success } from "../../base/failure.js";
import type { StoredRecord } from "../../core/controller/records.js";
import { currentFormat, migrateStore } from "./store-formats.js";

/**
 * The one SQLite file of a data folder. Every write is on the disk when the call returns (WAL, synchronous=FULL),
 * and the file is locked for this process alone: a second daemon on the same folder is refused, a killed one leaves no lock.
 */
export interface Store {
  readonly database: Database.Database;
  /** All records of the machine, by key. */
  records(): StoredRecord[];
  /** Applies all or none; durable on return. */
  apply(records: readonly StoredRecord[]): void;
  close(): void;
}

export const storeFileName = "flexup.db";

/**
 * Opens or creates the store of a data folder, and the folder itself.
 * Failures: `data-folder-unusable`, `data-folder-in-use`, `data-folder-corrupt`, `data-folder-newer`.
 */
export function openStore(folder: string): Result<Store> {
  const path = join(folder, storeFileName);
  let database: Database.Database | undefined;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    database = new Database(path);
    // In the order that matters: the lock first, so that a second daemon reads nothing that the first is about to change.
    database.pragma("locking_mode = EXCLUSIVE");
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.exec("BEGIN EXCLUSIVE; COMMIT");
    const health = pragmaValue(database, "quick_check");
    if (health !== "ok") return closed(database, corrupt(path, String(health)));
    const version = Number(pragmaValue(database, "user_version"));
    if (version > currentFormat)
      return closed(
        database,
        failure(
          "data-folder-newer",
          `${path} was written by a newer flexup (format ${version}, this one knows ${currentFormat}); use that one`,
        ),
      );
    migrateStore(database, version);
    return success(new SqliteStore(database));
  } catch (error) {
    return closed(database, openFailure(folder, path, error as NodeJS.ErrnoException));
  }
}

class SqliteStore implements Store {
  readonly database: Database.Database;
  readonly apply: (records: readonly StoredRecord[]) => void;

  constructor(database: Database.Database) {
    this.database = database;
    const put = database.prepare("INSERT INTO record (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value");
    const remove = database.prepare("DELETE FROM record WHERE key = ?");
    this.apply = database.transaction((records: readonly StoredRecord[]) => {
      for (const { key, value } of records) {
        if (value === null) remove.run(key);
        else put.run(key, JSON.stringify(value));
      }
    });
  }

  records(): StoredRecord[] {
    const rows = this.database.prepare("SELECT key, value FROM record ORDER BY key").all() as { key: string; value: string }[];
    return rows.map(({ key, value }) => ({ key, value: JSON.parse(value) as unknown }));
  }

  close(): void {
    closeDatabase(this.database);
  }
}

/**
 * Prepared statements keep a closed database alive until they are collected, and with it the lock. Leaving WAL mode folds the log into
 * the one file and lets the lock go now.
 */
function closeDatabase(database: Database.Database): void {
  database.pragma("journal_mode = DELETE");
  database.pragma("locking_mode = NORMAL");
  database.prepare("SELECT count(*) FROM sqlite_schema").get();
  database.close();
}

const pragmaValue = (database: Database.Database, name: string): unknown => (database.pragma(name) as Record<string, unknown>[])[0]?.[name];

function closed(database: Database.Database | undefined, result: Result<never>): Result<never> {
  if (database !== undefined) {
    try {
      closeDatabase(database);
    } catch {
      // It was never ours to unlock, or is too damaged to: what `result` says.
      database.close();
    }
  }
  return result;
}

const corrupt = (path: string, detail: string): Result<never> =>
  failure("data-folder-corrupt", `${path} is damaged (${detail}); restore it from a backup, or move it away to start empty`);

function openFailure(folder: string, path: string, error: NodeJS.ErrnoException): Result<never> {
  switch (error.code) {
    case "SQLITE_BUSY":
      return failure("data-folder-in-use", `${folder} is in use by another flexup controller; stop it or choose another --data folder`);
    case "SQLITE_NOTADB":
    case "SQLITE_CORRUPT":
      return corrupt(path, error.message);
    default:
      return failure(
        "data-folder-unusable",
        `${folder} cannot be used as data folder: ${error.message}; check that it exists and is writable`,
      );
  }
}
