import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import t from "tap";
import { AccountStore } from "../../../../src/runtime/access/account-store.js";
import { currentFormat } from "../../../../src/runtime/controller/store/formats.js";
import { openStore } from "../../../../src/runtime/controller/store/open-store.js";
import type { Store } from "../../../../src/runtime/controller/store/store.js";
import { storeFileName } from "../../../../src/runtime/controller/store/store-failures.js";
import { temporaryFolder } from "../../../support/folder.js";

function opened(folder: string): Store {
  const result = openStore(folder);
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
}

t.test("records survive a reopening; null removes", async (t) => {
  const folder = join(temporaryFolder(t), "made", "on demand");
  const first = opened(folder);
  first.apply([
    { key: "group/b", value: { name: "b", aps: ["00:0a:b8:3b:0b:c2"] } },
    { key: "group/a", value: 1 },
    { key: "gone", value: "soon" },
  ]);
  first.apply([
    { key: "gone", value: null },
    { key: "group/a", value: { größe: 2 } },
  ]);
  first.close();
  const second = opened(folder);
  t.teardown(() => second.close());
  t.same(second.records(), [
    { key: "group/a", value: { größe: 2 } },
    { key: "group/b", value: { name: "b", aps: ["00:0a:b8:3b:0b:c2"] } },
  ]);
});

t.test("a batch is applied whole or not at all", async (t) => {
  const store = opened(temporaryFolder(t));
  t.teardown(() => store.close());
  const cyclic: Record<string, unknown> = {};
  cyclic["self"] = cyclic;
  t.throws(() =>
    store.apply([
      { key: "a", value: 1 },
      { key: "b", value: cyclic },
    ]),
  );
  t.same(store.records(), []);
});

t.test("every commit is synced to the disk", async (t) => {
  const store = opened(temporaryFolder(t));
  t.teardown(() => store.close());
  t.same(store.database.pragma("synchronous"), [{ synchronous: 2 }]);
  t.same(store.database.pragma("journal_mode"), [{ journal_mode: "wal" }]);
});

t.test("formats 1 and 2 are brought up to date, and a store of today is left as it is", async (t) => {
  const folder = temporaryFolder(t);
  const former = new Database(join(folder, storeFileName));
  former.exec(`CREATE TABLE record (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    INSERT INTO record VALUES ('format', '1'), ('group/G', '{"name":"G"}'), ('run/3/ap/00:0a:b8:3b:0b:c2', '{"tries":1,"fellBack":true}');
    PRAGMA user_version = 1`);
  former.close();
  const rows = [
    { key: "group/G", value: { name: "G", distribution: "classic", serveBytesPerSecondMax: null, primaryAddress: "advertised" } },
    { key: "member/3/00:0a:b8:3b:0b:c2", value: { tries: 1, wanSentBytes: 0, wanWireBytes: 0, fallbacks: 1 } },
  ];
  for (const turn of ["first", "second"]) {
    const store = opened(folder);
    t.same(store.records(), rows, `${turn} opening`);
    t.same(new AccountStore(store).users(), [], "the tables of format 2 are there");
    t.same(store.database.pragma("user_version"), [{ user_version: currentFormat }]);
    store.close();
  }
});

t.test("a folder and a database that others can read are closed to them", async (t) => {
  const folder = temporaryFolder(t);
  opened(folder).close();
  const path = join(folder, storeFileName);
  chmodSync(folder, 0o755);
  chmodSync(path, 0o644);
  const store = opened(folder);
  t.teardown(() => store.close());
  t.equal(statSync(folder).mode & 0o777, 0o700);
  for (const file of [path, `${path}-wal`, join(folder, "reserve")]) t.equal(statSync(file).mode & 0o777, 0o600, file);
});

t.test("a folder that cannot be used says why in one line", async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, storeFileName);
  const codeAndMessage = (place: string): unknown => {
    const result = openStore(place);
    if (result.ok) result.value.close();
    return result.ok ? "opened" : result.failure;
  };

  const holder = opened(folder);
  t.same(codeAndMessage(folder), {
    code: "data-folder-in-use",
    message: `${folder} is in use by another flexup controller; stop it or choose another --data folder`,
  });
  holder.database.exec("PRAGMA user_version = 99");
  holder.close();
  t.same(codeAndMessage(folder), {
    code: "data-folder-newer",
    message: `${path} was written by a newer flexup (format 99, this one knows ${currentFormat}); use that one`,
  });

  writeFileSync(path, "this is no database, and long enough that SQLite reads a whole header of it; this is no database");
  t.same(codeAndMessage(folder), {
    code: "data-folder-corrupt",
    message: `${path} is damaged (file is not a database); "flexup data restore" puts a backup back, "flexup data rebuild" keeps what is sound`,
  });

  const file = join(temporaryFolder(t), "file");
  writeFileSync(file, "");
  t.match(codeAndMessage(file), {
    code: "data-folder-unusable",
    message: /^\S+ cannot be used as data folder: EEXIST.*; check that it exists and is writable$/,
  });
  if (process.getuid?.() !== 0) {
    const sealed = temporaryFolder(t);
    chmodSync(sealed, 0o500);
    t.match(codeAndMessage(sealed), { code: "data-folder-unusable" });
  }
});

t.test("a damaged page is found at start and not later", async (t) => {
  const folder = temporaryFolder(t);
  const store = opened(folder);
  store.apply(Array.from({ length: 500 }, (_, index) => ({ key: `key/${index}`, value: "x".repeat(200) })));
  store.close();
  const path = join(folder, storeFileName);
  const bytes = readFileSync(path);
  t.ok(bytes.length > 8 * 4096, "there are pages to damage");
  bytes.fill(0x55, 3 * 4096, 6 * 4096);
  writeFileSync(path, bytes);
  const result = openStore(folder);
  if (result.ok) result.value.close();
  t.match(result, { ok: false, failure: { code: "data-folder-corrupt" } });
  t.notOk(!result.ok && result.failure.message.includes("\n"), "one line");
});
