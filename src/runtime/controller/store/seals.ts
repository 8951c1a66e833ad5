import { crc32 } from "node:zlib";
import type Database from "libsql";

/** The tables whose rows are sealed, with the column that identifies a row. */
export const sealedTables = { record: "key", user: "name", token: "id", audit: "id", ap_credential: "mac" } as const;
export type SealedTable = keyof typeof sealedTables;
export const sealedTableNames = Object.keys(sealedTables) as SealedTable[];

type Value = string | number | null;

export interface SealedRow {
  readonly id: string | number | undefined;
  /** All but the seal, in their order; undefined where a text is not UTF-8. */
  readonly columns: Readonly<Record<string, Value>> | undefined;
  readonly isIntact: boolean;
}

/** CRC-32 over the columns of a row. SQLite's own check does not see bits that flip within a value. */
export const sealOf = (columns: readonly Value[]): number => crc32(JSON.stringify(columns));

/** `group/Branch 1` for a row of the machine, else table and id. */
export const rowName = (table: SealedTable, { id }: Pick<SealedRow, "id">): string => {
  const name = String(id ?? "?");
  return table === "record" ? name : `${table}/${name}`;
};

/** Seals rows after they were written, within the same transaction, and finds those that changed since. */
export class Seals {
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    this.#database = database;
  }

  /** Seals one row as it is now. */
  seal(table: SealedTable, id: string | number): void {
    for (const row of this.rows(table, `WHERE ${sealedTables[table]} = ?`, id)) this.#store(table, row);
  }

  /** Seals every row of every table, after a migration. */
  sealAll(): void {
    for (const table of sealedTableNames) for (const row of [...this.rows(table)]) this.#store(table, row);
  }

  /** The name of the first row that is not as it was written. */
  damaged(): string | undefined {
    for (const table of sealedTableNames) for (const row of this.rows(table)) if (!row.isIntact) return rowName(table, row);
    return undefined;
  }

  /** Texts are read as octets: the driver aborts the process on one that is not UTF-8. @param clause SQL behind the table's name */
  *rows(table: SealedTable, clause = "", ...parameters: readonly (string | number)[]): Generator<SealedRow> {
    const names = this.#columnNames(table);
    // A database of a format before the table's own.
    if (names.length === 0) return;
    const statement = this.#database.prepare(`SELECT ${names.map(octetsOf).join(", ")} FROM ${table} ${clause}`).raw();
    for (const row of statement.iterate(...parameters) as IterableIterator<unknown[]>) {
      const values = row.map(valueIn);
      const { seal, ...columns } = Object.fromEntries(names.map((name, index) => [name, values[index]]));
      const isWhole = Object.values(columns).every((value) => value !== undefined);
      const whole = isWhole ? (columns as Record<string, Value>) : undefined;
      yield {
        id: columns[sealedTables[table]] ?? undefined,
        columns: whole,
        isIntact: whole !== undefined && sealOf(Object.values(whole)) === seal,
      };
    }
  }

  #store(table: SealedTable, { id, columns }: SealedRow): void {
    if (columns === undefined || id === undefined) throw new SyntaxError(`a text in ${table} is not UTF-8`);
    this.#database.prepare(`UPDATE ${table} SET seal = ? WHERE ${sealedTables[table]} = ?`).run(sealOf(Object.values(columns)), id);
  }

  #columnNames(table: SealedTable): string[] {
    const rows = this.#database.prepare(`SELECT CAST(name AS BLOB) AS name FROM pragma_table_info('${table}') ORDER BY cid`).all();
    return (rows as { name: Uint8Array }[]).map(({ name }) => Buffer.from(name).toString("latin1"));
  }
}

/** No column holds octets: a blob is a text whose type was damaged, and comes as a string, which `valueIn` refuses. */
const octetsOf = (column: string): string =>
  `CASE typeof("${column}") WHEN 'text' THEN CAST("${column}" AS BLOB) WHEN 'blob' THEN 'blob' ELSE "${column}" END`;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function valueIn(value: unknown): Value | undefined {
  if (value === null || typeof value === "number") return value;
  if (typeof value === "string") return undefined;
  try {
    return utf8.decode(value as Uint8Array);
  } catch {
    return undefined;
  }
}
