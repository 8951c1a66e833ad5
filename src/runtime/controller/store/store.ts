import type Database from "libsql";
import type { Failure } from "../../../base/failure.js";
import { refuse } from "../../../core/controller/operator/refusals.js";
import type { StorageView } from "../../../core/controller/operator/views.js";
import type { StoredRecord } from "../../../core/controller/records.js";
import type { Reserve } from "./reserve.js";
import { sealOf } from "./seals.js";
import { inTransaction } from "./transaction.js";

/**
 * The one SQLite file of a data folder. Every write is on the disk when the call returns (WAL, synchronous=FULL),
 * and the file is locked for this process alone: a second daemon on the same folder is refused, a killed one leaves no lock.
 */
export interface Store {
  readonly database: Database.Database;
  /** Whether changes reach the disk. Rows that could not be written are kept in memory until they can. */
  readonly storage: StorageView;
  /** Called with every change of `storage`. */
  onStorage(listener: (storage: StorageView) => void): void;
  /** All records of the machine, by key. */
  records(): StoredRecord[];
  /** Applies all or none; durable on return, unless the disk cannot take them: then as soon as it can. */
  apply(records: readonly StoredRecord[]): void;
  /** Runs `work` as one transaction, durable on return. @throws StoreReadOnly where the disk cannot take it */
  write<T>(work: () => T): T;
  close(): void;
}

/** Nothing of the write was stored. */
export class StoreReadOnly extends Error {
  readonly failure: Failure;

  constructor(reason: string) {
    super(reason);
    this.failure = refuse.storageReadOnly(reason).failure;
  }
}

/** The log is folded into the file so soon after a write: until then damage of the log would cost what is in it. */
const foldMs = 1000;
/** How often a read-only store tries again. */
const retryMs = 2000;

/** What the disk answers, as opposed to what we did wrong. */
const diskFault = /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN)/;

export const diskFaultOf = (error: unknown): string | undefined => {
  const { code = "" } = error as { code?: string };
  if (code === "SQLITE_FULL" || code === "ENOSPC" || code === "EDQUOT") return "no space is left";
  return diskFault.test(code) || code === "EROFS" || code === "EIO" ? (error as Error).message : undefined;
};

export class SqliteStore implements Store {
  readonly database: Database.Database;
  readonly #reserve: Reserve;
  readonly #listeners: ((storage: StorageView) => void)[] = [];
  /** By key; the last value. */
  readonly #unsaved = new Map<string, StoredRecord>();
  readonly #put: Database.Statement;
  readonly #remove: Database.Statement;
  #storage: StorageView = { state: "writable" };
  #foldTimer: NodeJS.Timeout | undefined;
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(database: Database.Database, reserve: Reserve) {
    this.database = database;
    this.#reserve = reserve;
    this.#put = database.prepare(
      "INSERT INTO record (key, value, seal) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, seal = excluded.seal",
    );
    this.#remove = database.prepare("DELETE FROM record WHERE key = ?");
    if (!reserve.hold()) this.#becomeReadOnly("no space is left");
  }

  get storage(): StorageView {
    return this.#storage;
  }

  onStorage(listener: (storage: StorageView) => void): void {
    this.#listeners.push(listener);
  }

  records(): StoredRecord[] {
    const rows = this.database.prepare("SELECT key, value FROM record ORDER BY key").all() as { key: string; value: string }[];
    return rows.map(({ key, value }) => ({ key, value: JSON.parse(value) as unknown }));
  }

  apply(records: readonly StoredRecord[]): void {
    const all = this.#unsaved.size === 0 ? records : this.#withUnsaved(records);
    try {
      this.write(() => this.#putAll(all));
      this.#unsaved.clear();
    } catch (error) {
      if (!(error instanceof StoreReadOnly)) throw error;
      for (const record of records) this.#unsaved.set(record.key, record);
      this.#becomeReadOnly(error.message);
    }
  }

  write<T>(work: () => T): T {
    try {
      return this.#written(work);
    } catch (error) {
      const reason = diskFaultOf(error);
      if (reason === undefined) throw error;
      this.#becomeReadOnly(reason);
      if (!this.#reserve.release()) throw new StoreReadOnly(reason);
    }
    try {
      return this.#written(work);
    } catch (error) {
      const reason = diskFaultOf(error);
      throw reason === undefined ? error : new StoreReadOnly(reason);
    }
  }

  close(): void {
    clearTimeout(this.#foldTimer);
    clearTimeout(this.#retryTimer);
    closeDatabase(this.database);
  }

  #written<T>(work: () => T): T {
    const result = inTransaction(this.database, work);
    this.#foldTimer ??= setTimeout(() => this.#fold(), foldMs).unref();
    return result;
  }

  #putAll(records: readonly StoredRecord[]): void {
    for (const { key, value } of records) {
      if (value === null) this.#remove.run(key);
      else {
        const text = JSON.stringify(value);
        this.#put.run(key, text, sealOf([key, text]));
      }
    }
  }

  #withUnsaved(records: readonly StoredRecord[]): readonly StoredRecord[] {
    const all = new Map(this.#unsaved);
    for (const record of records) all.set(record.key, record);
    return [...all.values()];
  }

  #fold(): void {
    this.#foldTimer = undefined;
    try {
      this.database.pragma("wal_checkpoint(TRUNCATE)");
    } catch (error) {
      // The log stays as it is; the next write folds it in.
      if (diskFaultOf(error) === undefined) throw error;
    }
  }

  #becomeReadOnly(reason: string): void {
    this.#set({ state: "read-only", reason, unsavedRows: this.#unsaved.size });
    this.#retryTimer ??= setTimeout(() => this.#retry(), retryMs).unref();
  }

  #retry(): void {
    this.#retryTimer = undefined;
    const { reason } = this.#storage as StorageView & { state: "read-only" };
    if (!this.#reserve.hold() || !this.#saveUnsaved()) this.#becomeReadOnly(reason);
    else this.#set({ state: "writable" });
  }

  #saveUnsaved(): boolean {
    try {
      this.#written(() => this.#putAll([...this.#unsaved.values()]));
    } catch (error) {
      if (diskFaultOf(error) === undefined) throw error;
      return false;
    }
    this.#unsaved.clear();
    return true;
  }

  #set(storage: StorageView): void {
    const isSame = JSON.stringify(storage) === JSON.stringify(this.#storage);
    this.#storage = storage;
    if (!isSame) for (const listener of this.#listeners) listener(storage);
  }
}

/**
 * Prepared statements keep a closed database alive until they are collected, and with it the lock. Leaving WAL mode folds the log into
 * the one file and releases the lock now.
 */
export function closeDatabase(database: Database.Database): void {
  try {
    database.pragma("journal_mode = DELETE");
    database.pragma("locking_mode = NORMAL");
    database.prepare("SELECT count(*) FROM sqlite_schema").get();
  } catch {
    // A full disk, a damaged file or another process's lock: the log stays for the next start, and the lock ends with this process.
  }
  database.close();
}
