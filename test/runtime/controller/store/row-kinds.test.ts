/** The row table's `since`, held against the rows that an early flexup wrote. */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "libsql";
import t from "tap";
import { type RowKind, rowKinds } from "../../../../src/core/controller/row-table.js";
import { currentFormat } from "../../../../src/runtime/controller/store/formats.js";
import { temporaryFolder } from "../../../support/folder.js";

const formerDatabase = fileURLToPath(new URL("../../../../../test/data/controller/f488cdf/flexup.db", import.meta.url));

t.test("rows of format 2 have today's shape where the table says so", async (t) => {
  const copy = join(temporaryFolder(t), "flexup.db");
  copyFileSync(formerDatabase, copy);
  const database = new Database(copy);
  t.teardown(() => database.close());
  const { user_version: format } = database.prepare("PRAGMA user_version").get() as { user_version: number };
  t.equal(format, 2);
  const rows = database.prepare("SELECT key, value FROM record").all() as { key: string; value: string }[];
  const seen = new Set<RowKind>();
  for (const { key, value } of rows) {
    const [name = "", ...id] = key.split("/");
    if (!Object.hasOwn(rowKinds, name)) continue;
    const kind = rowKinds[name as RowKind];
    if (kind.id.parse(id.join("/")) === undefined) continue;
    const fits = kind.row.fault(JSON.parse(value)) === undefined;
    if (fits) seen.add(name as RowKind);
    t.equal(fits, kind.since <= format, `${key}: of today's shape since format ${kind.since}`);
  }
  const unseen = (Object.keys(rowKinds) as RowKind[]).filter((name) => rowKinds[name].since <= format && !seen.has(name));
  t.same(unseen, [], "every kind of that format was there");
});

t.test("no kind comes from a later format than the last", async (t) => {
  for (const [name, { since }] of Object.entries(rowKinds)) t.ok(since >= 1 && since <= currentFormat, name);
});
