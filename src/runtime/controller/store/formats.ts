/**
 * The formats of a data folder's database, in the order in which they came. A file's format is its `user_version`; one of an older
 * format is brought up to date at the next start, one step after the other. Formats are only ever appended.
 */
import Database from "libsql";
import { type RowMigration, toFormat3, toFormat6, toFormat8, toFormat9, toFormat10 } from "../../../core/controller/row-migrations.js";
import { Seals } from "./seals.js";
import { inTransaction } from "./transaction.js";

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
  {
    what: "rows are sealed",
    sql: `ALTER TABLE record ADD COLUMN seal INTEGER; ALTER TABLE user ADD COLUMN seal INTEGER;
      ALTER TABLE token ADD COLUMN seal INTEGER; ALTER TABLE audit ADD COLUMN seal INTEGER`,
  },
  {
    what: "credentials of APs; the key is null where it was revoked",
    sql: "CREATE TABLE ap_credential (mac TEXT PRIMARY KEY, key TEXT, since REAL NOT NULL, seal INTEGER) WITHOUT ROWID",
  },
  { what: "images are for models", row: toFormat6 },
  {
    what: "tokens and SSH keys have a maker, an end and a last use; audit entries have a kind and a count",
    sql: `ALTER TABLE token ADD COLUMN owner TEXT; ALTER TABLE token ADD COLUMN expires_at REAL; ALTER TABLE token ADD COLUMN used_at REAL;
      UPDATE user SET ssh_keys = (SELECT json_group_array(json_object('line', value, 'maker', null, 'addedAt', null, 'expiresAt', null,
        'usedAt', null)) FROM json_each(ssh_keys));
      ALTER TABLE audit ADD COLUMN kind TEXT NOT NULL DEFAULT 'act'; ALTER TABLE audit ADD COLUMN count INTEGER NOT NULL DEFAULT 1;
      ALTER TABLE audit ADD COLUMN last_at REAL; CREATE INDEX audit_kind ON audit (kind, id);
      UPDATE audit SET kind = CASE WHEN after LIKE '{"refused":%' THEN 'refused' WHEN what IN ('login', 'ssh login') THEN 'login' ELSE 'act' END`,
  },
  { what: "groups choose how images are distributed", row: toFormat8 },
  { what: "groups limit what an AP gives its LAN", row: toFormat9 },
  { what: "groups choose the address of their primaries", row: toFormat10 },
  { what: "activations of groups: rows of new kinds" },
  { what: "images may have a bundle" },
];

export const currentFormat = formats.length;
/** The first one whose rows carry seals. */
const sealedFormat = 4;

/** Brings a database of format `from` (0: empty) to format `to`; a crash in between leaves the last step that was finished. */
export function migrateStore(database: Database.Database, from: number, to = currentFormat): void {
  for (let next = from + 1; next <= to; next++)
    inTransaction(database, () => {
      const { sql, row } = formats[next - 1] as StoreFormat;
      if (sql !== undefined) database.exec(sql);
      if (row !== undefined) migrateRows(database, row);
      if (next >= sealedFormat) new Seals(database).sealAll();
      database.exec(`PRAGMA user_version = ${next}`);
    });
}

/** Whether the tables are those of the format: a flipped bit in the number or in a table's definition would make others of them. */
export function hasTablesOf(format: number, database: Database.Database): boolean {
  const model = new Database(":memory:");
  for (const { sql } of formats.slice(0, format)) if (sql !== undefined) model.exec(sql);
  const same = definitions(model) === definitions(database);
  model.close();
  return same;
}

function definitions(database: Database.Database): string {
  const rows = database
    .prepare("SELECT CAST(type || name || tbl_name || coalesce(sql, '') AS BLOB) AS definition FROM sqlite_schema")
    .all();
  const texts = (rows as { definition: Uint8Array }[]).map(({ definition }) => Buffer.from(definition).toString("latin1"));
  return texts.join("\n").replace(/\s+/g, " ");
}

/** Whether rows of a database in this format can be checked. */
export const isSealed = (format: number): boolean => format >= sealedFormat;

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
