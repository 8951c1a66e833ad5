/**
 * The formats of a data folder's database, in the order in which they came. A file's format is its `user_version`; one of an older
 * format is brought up to date at the next start, one step after the other. Formats are only ever appended.
 */
import type Database from "libsql";
import { type RowMigration, toFormat3 } from "../../core/controller/row-migrations.js";

interface StoreFormat {
  readonly what: string;
  /** Changes of the tables. */
  readonly sql?: string;
  /** What becomes of each row of the machine. */
  readonly row?: RowMigration;
}

/** Format 1 is the first. */
const formats: readonly StoreFormat[] = [
  { what: "rows of the machine", sql: "CREATE TABLE record (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID" },
  {
    what: "users, API tokens, audit log",
    sql: `CREATE TABLE user (name TEXT PRIMARY KEY, role TEXT NOT NULL, password TEXT NOT NULL, ssh_keys TEXT NOT NULL DEFAULT '[]') WITHOUT ROWID;
      CREATE TABLE token (id INTEGER PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, sha256 TEXT NOT NULL UNIQUE, created_at REAL NOT NULL);
      CREATE TABLE audit (id INTEGER PRIMARY KEY, at REAL NOT NULL, who TEXT NOT NULL, origin TEXT NOT NULL, what TEXT NOT NULL,
        before TEXT NOT NULL, after TEXT NOT NULL)`,
  },
  { what: "one format number; members have a kind of their own", row: toFormat3 },
];

export const currentFormat = formats.length;

/** Brings a database of `format` (0: empty) up to date; a crash in between leaves the last step that was finished. */
export function migrateStore(database: Database.Database, format: number): void {
  const step = database.transaction((next: number) => {
    const { sql, row } = formats[next - 1] as StoreFormat;
    if (sql !== undefined) database.exec(sql);
    if (row !== undefined) migrateRows(database, row);
    database.exec(`PRAGMA user_version = ${next}`);
  });
  for (let next = format + 1; next <= currentFormat; next++) step(next);
}

function migrateRows(database: Database.Database, migrate: RowMigration): void {
  const rows = database.prepare("SELECT key, value FROM record").all() as { key: string; value: string }[];
  const remove = database.prepare("DELETE FROM record WHERE key = ?");
  const put = database.prepare("INSERT INTO record (key, value) VALUES (?, ?)");
  for (const { key, value } of rows) {
    const migrated = migrate({ key, value: JSON.parse(value) as unknown });
    remove.run(key);
    if (migrated !== null) put.run(migrated.key, JSON.stringify(migrated.value));
  }
}
