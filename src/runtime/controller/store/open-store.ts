import { chmodSync, closeSync, existsSync, mkdirSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { type Result, success } from "../../../base/failure.js";
import { checkDatabase } from "./check-database.js";
import { migrateStore } from "./formats.js";
import { Reserve } from "./reserve.js";
import { closeDatabase, SqliteStore, type Store } from "./store.js";
import { corruptStore, newerStore, storeFailure, storeFileName } from "./store-failures.js";
import { isWalDamaged } from "./wal-check.js";

/**
 * Opens or creates the store of a data folder, and the folder itself. A store that is damaged anywhere is left as it is.
 * Failures: `data-folder-unusable`, `data-folder-full`, `data-folder-in-use`, `data-folder-corrupt`, `data-folder-newer`.
 */
export function openStore(folder: string): Result<Store> {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    keepFolderToOwner(folder);
    const reserve = new Reserve(folder);
    const opened = openDatabase(folder);
    // On a full disk, opening needs some of the reserve.
    const usable = !opened.ok && opened.failure.code === "data-folder-full" && reserve.release() ? openDatabase(folder) : opened;
    return usable.ok ? success(new SqliteStore(usable.value, reserve)) : usable;
  } catch (error) {
    return storeFailure(folder, error as NodeJS.ErrnoException);
  }
}

/** Closes a folder that an earlier start or a person left open to others. One that belongs to somebody else stays: its files are closed. */
function keepFolderToOwner(folder: string): void {
  const { mode, uid } = statSync(folder);
  if ((mode & 0o077) !== 0 && uid === process.getuid?.()) chmodSync(folder, mode & 0o700);
}

/** The file holds the APs' keys; SQLite gives its log the same mode. Creates it where it is not there. */
function keepToOwner(path: string): void {
  closeSync(openSync(path, "a", 0o600));
  for (const file of [path, `${path}-wal`]) if (existsSync(file)) chmodSync(file, 0o600);
}

/** The database of a data folder, locked for this process, checked and of the current format. Failures: those of `openStore`. */
export function openDatabase(folder: string): Result<Database.Database> {
  const path = join(folder, storeFileName);
  // Before SQLite opens it: closing the file again would fold in what is readable and delete the rest.
  if (isWalDamaged(`${path}-wal`)) return corruptStore(path, `${storeFileName}-wal holds changes that cannot be read`);
  keepToOwner(path);
  let database: Database.Database | undefined;
  try {
    database = new Database(path);
    // The lock comes first, so that a second daemon reads nothing that the first is about to change.
    database.pragma("locking_mode = EXCLUSIVE");
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.exec("BEGIN EXCLUSIVE; COMMIT");
    const verdict = checkDatabase(database);
    if (verdict.type === "sound") {
      migrateStore(database, verdict.format);
      return success(database);
    }
    closeDatabase(database);
    return verdict.type === "newer" ? newerStore(path, verdict.format) : corruptStore(path, verdict.detail);
  } catch (error) {
    if (database !== undefined) closeDatabase(database);
    return storeFailure(folder, error as NodeJS.ErrnoException);
  }
}
