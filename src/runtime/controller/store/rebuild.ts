/** Makes a new store of what is sound in a damaged one. */
import { copyFileSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { failure, type Result, success } from "../../../base/failure.js";
import { oneLine } from "../../../base/one-line.js";
import { readRecords } from "../../../core/controller/read-records.js";
import type { StoredRecord } from "../../../core/controller/records.js";
import { refusalToReplace, replaceStore } from "./backup.js";
import { formatOf } from "./check-database.js";
import { currentFormat, isSealed, migrateStore } from "./formats.js";
import { rowName, type SealedRow, type SealedTable, Seals, sealedTableNames, sealedTables } from "./seals.js";
import { storeFailure, storeFileName } from "./store-failures.js";
import { inTransaction } from "./transaction.js";

export interface Rebuilt {
  /** Path of the damaged store. */
  readonly former: string;
  readonly kept: Readonly<Record<SealedTable, number>>;
  /** What was found and is not sound, as far as it has a name: `group/Branch 1`. What cannot be found has none. */
  readonly lost: readonly string[];
}

/**
 * No controller may be running on the folder. Image files stay; one whose row is lost is set aside at the next start. APs that are not
 * known any more join again by themselves. Failures: `nothing-to-rebuild`, and those of `openStore` but `data-folder-corrupt`.
 */
export function rebuildStore(folder: string): Result<Rebuilt> {
  const path = join(folder, storeFileName);
  const source = join(folder, `${storeFileName}.source`);
  const candidate = join(folder, `${storeFileName}.candidate`);
  try {
    if (!existsSync(path)) return failure("nothing-to-rebuild", `There is no ${path}; name the data folder of a controller`);
    const inUse = refusalToReplace(folder);
    if (inUse !== undefined) return inUse;
    for (const file of [source, candidate]) removeDatabase(file);
    // SQLite changes what it opens; the damaged files stay as they are.
    copyFileSync(path, source);
    if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${source}-wal`);
    const salvaged = salvage(source, candidate);
    return success({ former: replaceStore(folder, candidate) as string, ...salvaged });
  } catch (error) {
    return storeFailure(folder, error as NodeJS.ErrnoException);
  } finally {
    for (const file of [source, candidate]) removeDatabase(file);
  }
}

function removeDatabase(path: string): void {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(path + suffix, { force: true });
}

function salvage(source: string, candidate: string): Pick<Rebuilt, "kept" | "lost"> {
  const kept: Record<SealedTable, number> = { record: 0, user: 0, token: 0, audit: 0, ap_credential: 0 };
  const lost: string[] = [];
  const from = openIfPossible(source);
  const to = new Database(candidate);
  try {
    const format = from === undefined ? currentFormat : knownFormat(from);
    migrateStore(to, 0, format);
    inTransaction(to, () => {
      for (const table of sealedTableNames) {
        const rows = from === undefined ? [] : rowsOf(from, table);
        for (const row of rows) {
          if (isKept(to, table, row, format)) kept[table]++;
          else lost.push(oneLine(rowName(table, row), 128));
        }
      }
    });
    migrateStore(to, format);
    const orphans = removeUnreadable(to);
    kept.record -= orphans.length;
    return { kept, lost: [...lost, ...orphans] };
  } finally {
    from?.close();
    to.close();
  }
}

function openIfPossible(path: string): Database.Database | undefined {
  try {
    const database = new Database(path);
    database.prepare("SELECT count(*) FROM sqlite_schema").get();
    return database;
  } catch {
    return undefined;
  }
}

/** The format that the file says it has; one that cannot be was damaged, and today's is as likely as any. */
function knownFormat(database: Database.Database): number {
  const format = formatOf(database);
  return format > 0 && format <= currentFormat ? format : currentFormat;
}

/** Every row that can be reached from either end of the table: between them lies a page that cannot be read. */
function rowsOf(database: Database.Database, table: SealedTable): SealedRow[] {
  const rows = new Map<string, SealedRow>();
  for (const direction of ["ASC", "DESC"]) {
    try {
      for (const row of new Seals(database).rows(table, `ORDER BY ${sealedTables[table]} ${direction}`)) rows.set(rowName(table, row), row);
    } catch {
      // As far as it goes.
    }
  }
  return [...rows.values()];
}

/** @returns whether the row was sound and is stored now */
function isKept(database: Database.Database, table: SealedTable, { columns, isIntact }: SealedRow, format: number): boolean {
  if (columns === undefined || (isSealed(format) && !isIntact) || (table === "record" && !isJson(columns["value"]))) return false;
  const names = Object.keys(columns);
  const values = Object.values(columns);
  try {
    database.prepare(`INSERT INTO ${table} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`).run(...values);
    if (isSealed(format)) new Seals(database).seal(table, columns[sealedTables[table]] as string | number);
    return true;
  } catch {
    // Columns that the table does not have, or a second row of the same id.
    return false;
  }
}

function isJson(value: unknown): boolean {
  try {
    JSON.parse(String(value));
    return true;
  } catch {
    return false;
  }
}

/** Removes rows that are sound by themselves and mean nothing without one that is lost. @returns their names */
function removeUnreadable(database: Database.Database): string[] {
  const stored = database.prepare("SELECT key, value FROM record").all() as { key: string; value: string }[];
  const keys = new Set(stored.map(({ key }) => key));
  const isOrphan = (key: string): boolean => key.startsWith("member/") && !keys.has(`run/${key.split("/")[1]}`);
  const removed = [...keys].filter(isOrphan);
  let rows = stored.flatMap(({ key, value }): StoredRecord[] => (isOrphan(key) ? [] : [{ key, value: JSON.parse(value) as unknown }]));
  for (let state = readRecords(rows); "unreadable" in state; state = readRecords(rows)) {
    const { key } = state.unreadable;
    removed.push(key);
    rows = rows.filter((row) => row.key !== key);
  }
  const remove = database.prepare("DELETE FROM record WHERE key = ?");
  inTransaction(database, () => {
    for (const key of removed) remove.run(key);
  });
  return removed;
}
