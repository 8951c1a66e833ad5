import { crc32 } from "node:zlib";
import type Database from "libsql";

/** The tables whose rows are sealed, with the column that identifies a row. */
const sealedTables = { record: "key", user: "name", token: "id", audit: "id" } as const;
export type SealedTable = keyof typeof sealedTables;
const tables = Object.entries(sealedTables) as [SealedTable, string][];

type Value = string | number | null;
/** The columns of a row but its seal, in their order. */
type Columns = readonly Value[];

/** CRC-32 over the columns of a row. SQLite's own check does not see bits that flip within a value. */
export const sealOf = (columns: Columns): number => crc32(JSON.stringify(columns));

export interface DamagedRow {
  readonly table: SealedTable;
  readonly id: string;
}

/** Seals rows after they were written, within the same transaction, and finds those that changed since. */
export class Seals {
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    this.#database = database;
  }

  /** Seals one row as it is now. */
  seal(table: SealedTable, id: string | number): void {
    for (const row of this.#rows(table, id)) this.#store(table, row);
  }

  /** Seals every row of every table, after a migration. */
  sealAll(): void {
    for (const [table] of tables) for (const row of this.#rows(table)) this.#store(table, row);
  }

  /** The first row that is not as it was written. */
  damaged(): DamagedRow | undefined {
    for (const [table] of tables)
      for (const { id, columns, seal } of this.#rows(table))
        if (columns === undefined || sealOf(columns) !== seal) return { table, id: String(id ?? "?") };
    return undefined;
  }

  #store(table: SealedTable, { id, columns }: SealedRow): void {
    if (columns === undefined || id === undefined) throw new SyntaxError(`a text in ${table} is not UTF-8`);
    this.#database.prepare(`UPDATE ${table} SET seal = ? WHERE ${sealedTables[table]} = ?`).run(sealOf(columns), id);
  }

  #rows(table: SealedTable, id?: string | number): SealedRow[] {
    const names = this.#columnNames(table);
    const only = id === undefined ? "" : `WHERE ${sealedTables[table]} = ?`;
    const statement = this.#database.prepare(`SELECT ${names.map(octetsOf).join(", ")} FROM ${table} ${only}`).raw();
    const rows = (id === undefined ? statement.all() : statement.all(id)) as unknown[][];
    return rows.map((row) => {
      const values = row.map(valueIn);
      const at = (name: string): Value | undefined => values[names.indexOf(name)];
      const columns = values.filter((_, index) => names[index] !== "seal");
      const isWhole = columns.every((value) => value !== undefined);
      return { id: at(sealedTables[table]) ?? undefined, columns: isWhole ? (columns as Columns) : undefined, seal: at("seal") };
    });
  }

  #columnNames(table: SealedTable): string[] {
    const rows = this.#database.prepare(`SELECT CAST(name AS BLOB) AS name FROM pragma_table_info('${table}') ORDER BY cid`).all();
    return (rows as { name: Uint8Array }[]).map(({ name }) => Buffer.from(name).toString("latin1"));
  }
}

interface SealedRow {
  readonly id: string | number | undefined;
  /** Undefined where a text is not UTF-8. */
  readonly columns: Columns | undefined;
  readonly seal: Value | undefined;
}

/** A text as octets: the driver aborts the process on one that is not UTF-8. */
const octetsOf = (column: string): string => `CASE typeof("${column}") WHEN 'text' THEN CAST("${column}" AS BLOB) ELSE "${column}" END`;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function valueIn(value: unknown): Value | undefined {
  if (value === null || typeof value === "number") return value;
  try {
    return utf8.decode(value as Uint8Array);
  } catch {
    return undefined;
  }
}
