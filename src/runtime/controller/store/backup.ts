import { closeSync, copyFileSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import Database from "libsql";
import { failure, type Result, success } from "../../../base/failure.js";
import { oneLine } from "../../../base/one-line.js";
import { syncFolder } from "../../lasting-file.js";
import { checkDatabase } from "./check-database.js";
import { openDatabase } from "./open-store.js";
import { closeDatabase, diskFaultOf, type Store, StoreReadOnly } from "./store.js";
import { newerStore, storeFailure, storeFileName } from "./store-failures.js";

/**
 * Writes everything that the store holds into a new file, as of now and while it is in use: rows, users, tokens, audit log. Images and keys
 * are files of their own. It takes 3 ms for each megabyte.
 * @throws StoreReadOnly where there is no room for it
 */
export function writeBackup({ database }: Pick<Store, "database">, path: string): void {
  try {
    database.prepare("VACUUM INTO ?").run(path);
    const file = openSync(path, "r");
    fsyncSync(file);
    closeSync(file);
  } catch (error) {
    rmSync(path, { force: true });
    const reason = diskFaultOf(error);
    throw reason === undefined ? error : new StoreReadOnly(reason);
  }
}

export interface Restored {
  /** Path of the database that was there before; undefined where there was none. */
  readonly former: string | undefined;
  readonly groups: number;
  readonly images: number;
}

/**
 * Puts the backup at `path` in the place of a data folder's store, which is kept beside it. No controller may be running on the folder.
 * Failures: `backup-unreadable`, `backup-damaged`, and those of `openStore` but `data-folder-corrupt`.
 */
export function restoreStore(folder: string, path: string): Result<Restored> {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const inUse = refusalToReplace(folder);
    if (inUse !== undefined) return inUse;
    const candidate = join(folder, `${storeFileName}.candidate`);
    const copied = copyIn(path, candidate);
    if (!copied.ok) return copied;
    const counts = checkBackup(candidate, path);
    if (!counts.ok) {
      rmSync(candidate, { force: true });
      return counts;
    }
    return success({ former: replaceStore(folder, candidate), ...counts.value });
  } catch (error) {
    return storeFailure(folder, error as NodeJS.ErrnoException);
  }
}

/** Why another file must not take the place of the store. A damaged store may be replaced. */
export function refusalToReplace(folder: string): Result<never> | undefined {
  if (!existsSync(join(folder, storeFileName))) return undefined;
  const opened = openDatabase(folder);
  if (opened.ok) closeDatabase(opened.value);
  return !opened.ok && !/^data-folder-(?:corrupt|newer)$/.test(opened.failure.code) ? opened : undefined;
}

/**
 * Renames `candidate`, a complete database in the folder, to the store's name.
 * @returns the path under which the former store is kept
 */
export function replaceStore(folder: string, candidate: string): string | undefined {
  const path = join(folder, storeFileName);
  const former = existsSync(path) ? formerName(path) : undefined;
  // The log goes first: SQLite would apply it to whatever database it lies beside.
  if (former !== undefined && existsSync(`${path}-wal`)) renameSync(`${path}-wal`, `${former}-wal`);
  if (former !== undefined) copyFileSync(path, former);
  syncFolder(folder);
  renameSync(candidate, path);
  syncFolder(folder);
  return former;
}

function formerName(path: string): string {
  const base = `${path}.former-${new Date().toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
  for (let turn = 1; ; turn++) {
    const name = turn === 1 ? base : `${base}-${turn}`;
    if (!existsSync(name)) return name;
  }
}

function copyIn(path: string, candidate: string): Result<null> {
  try {
    rmSync(candidate, { force: true });
    copyFileSync(path, candidate);
    return success(null);
  } catch (error) {
    rmSync(candidate, { force: true });
    if ((error as NodeJS.ErrnoException).code === "ENOSPC") throw error;
    return failure("backup-unreadable", `${path} cannot be read: ${oneLine((error as Error).message, 200)}`);
  }
}

/** @param path as the operator knows it */
export function checkBackup(candidate: string, path: string): Result<{ readonly groups: number; readonly images: number }> {
  const damagedBackup = (detail: string): Result<never> =>
    failure("backup-damaged", `${basename(path)} is not a sound backup (${oneLine(detail, 200)}); use another one`);
  let database: Database.Database | undefined;
  try {
    database = new Database(candidate);
    const verdict = checkDatabase(database);
    if (verdict.type === "damaged") return damagedBackup(verdict.detail);
    if (verdict.type === "newer") return newerStore(path, verdict.format);
    if (verdict.format === 0) return damagedBackup("it is empty");
    return success({ groups: countOf(database, "group"), images: countOf(database, "image") });
  } catch (error) {
    return damagedBackup((error as Error).message);
  } finally {
    database?.close();
  }
}

const countOf = (database: Database.Database, kind: string): number =>
  (database.prepare("SELECT count(*) AS count FROM record WHERE key LIKE ?").get(`${kind}/%`) as { count: number }).count;
