import type Database from "libsql";
import { currentFormat, hasTablesOf, isSealed } from "./formats.js";
import { Seals } from "./seals.js";

export type DatabaseVerdict =
  | { readonly type: "sound"; readonly format: number }
  | { readonly type: "newer"; readonly format: number }
  | { readonly type: "damaged"; readonly detail: string };

const damaged = (detail: string): DatabaseVerdict => ({ type: "damaged", detail });

/** Reads everything once and changes nothing. Format 0 is an empty file. @throws what SQLite cannot even open */
export function checkDatabase(database: Database.Database): DatabaseVerdict {
  const health = quickCheck(database);
  if (health !== "ok") return damaged(health);
  const format = formatOf(database);
  if (format > currentFormat) return { type: "newer", format };
  if (!hasTablesOf(format, database)) return damaged(`its tables are not those of format ${format}`);
  const row = isSealed(format) ? new Seals(database).damaged() : undefined;
  return row === undefined ? { type: "sound", format } : damaged(`${row} is not as it was written`);
}

export const formatOf = (database: Database.Database): number =>
  Number((database.pragma("user_version") as { user_version: number }[])[0]?.user_version);

/** "ok", or what is wrong with the structure of the file. The answer may quote the file, and not in UTF-8. */
function quickCheck(database: Database.Database): string {
  const [row] = database.prepare("SELECT CAST(quick_check AS BLOB) AS answer FROM pragma_quick_check").all() as { answer: Uint8Array }[];
  return Buffer.from(row?.answer ?? []).toString("utf8");
}
