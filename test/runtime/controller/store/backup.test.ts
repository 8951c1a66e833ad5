/** A backup of a store in use, what puts it back, and what makes a store of a damaged one. */
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { AccountStore } from "../../../../src/runtime/access/account-store.js";
import { restoreStore, writeBackup } from "../../../../src/runtime/controller/store/backup.js";
import { openStore } from "../../../../src/runtime/controller/store/open-store.js";
import { rebuildStore } from "../../../../src/runtime/controller/store/rebuild.js";
import type { Store } from "../../../../src/runtime/controller/store/store.js";
import { storeFileName } from "../../../../src/runtime/controller/store/store-failures.js";
import { temporaryFolder } from "../../../support/folder.js";

const formerData = fileURLToPath(new URL("../../../../../test/data/controller/f488cdf", import.meta.url));

function opened(folder: string): Store {
  const result = openStore(folder);
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
}

const keysIn = (folder: string): string[] => {
  const store = opened(folder);
  try {
    return store.records().map(({ key }) => key);
  } finally {
    store.close();
  }
};

/** A folder with the store that an earlier commit wrote, in today's format. */
function withData(folder: string): Store {
  copyFileSync(join(formerData, storeFileName), join(folder, storeFileName));
  return opened(folder);
}

const flip = (path: string, text: string, at: number): void => {
  const bytes = readFileSync(path);
  if (!bytes.includes(text)) throw new Error(`no ${text} in ${path}`);
  // SQLite leaves copies of a row in parts of a page that it no longer uses.
  for (let found = bytes.indexOf(text); found >= 0; found = bytes.indexOf(text, found + 1))
    bytes[found + at] = (bytes[found + at] as number) ^ 1;
  writeFileSync(path, bytes);
};

t.test("a backup is taken while the store is in use, and put back later; the store of then is kept", async (t) => {
  const folder = temporaryFolder(t);
  const store = withData(folder);
  const backup = join(temporaryFolder(t), "backup.db");
  writeBackup(store, backup);
  store.apply([{ key: "group/Empty", value: null }]);
  const accounts = new AccountStore(store);
  accounts.deleteUser("operator");
  t.match(restoreStore(folder, backup), { ok: false, failure: { code: "data-folder-in-use" } });
  store.close();

  const restored = restoreStore(folder, backup);
  t.match(restored, { ok: true, value: { groups: 2, images: 3, former: /\/flexup\.db\.former-\d{8}T\d{6}Z$/ } });
  t.ok(keysIn(folder).includes("group/Empty"));
  const again = opened(folder);
  t.same(
    new AccountStore(again).users().map(({ name }) => name),
    ["admin", "operator"],
  );
  again.close();
  const former = (restored as unknown as { value: { former: string } }).value.former;
  t.match(
    restoreStore(temporaryFolder(t), former),
    { ok: true, value: { groups: 1, former: undefined } },
    "what was replaced is a backup too",
  );
});

t.test("a backup that is damaged, missing or of a newer flexup is refused and changes nothing", async (t) => {
  const folder = temporaryFolder(t);
  const store = withData(folder);
  const backup = join(temporaryFolder(t), "backup.db");
  writeBackup(store, backup);
  store.close();
  const before = keysIn(folder);
  t.match(restoreStore(folder, `${backup}.none`), { ok: false, failure: { code: "backup-unreadable", message: /ENOENT/ } });
  flip(backup, '"name":"Branch 1"', 9);
  const damaged = restoreStore(folder, backup);
  t.match(damaged, {
    ok: false,
    failure: { code: "backup-damaged", message: /backup\.db is not a sound backup \(group\/Branch 1 is not/ },
  });
  writeFileSync(backup, "");
  t.match(restoreStore(folder, backup), { ok: false, failure: { code: "backup-damaged" } });
  writeFileSync(backup, "something else ".repeat(1000));
  t.match(restoreStore(folder, backup), { ok: false, failure: { code: "backup-damaged" } });
  t.same(keysIn(folder), before);
  t.same(readdirSync(folder).sort(), [storeFileName, "reserve"]);
});

t.test("rebuild keeps what is sound of a damaged store and names what is not", async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, storeFileName);
  withData(folder).close();
  const all = keysIn(folder);
  flip(path, '"name":"Empty"', 9);
  flip(path, '"id":1,"group"', 5);
  t.match(openStore(folder), { ok: false, failure: { code: "data-folder-corrupt" } });
  const damaged = readFileSync(path);
  const rebuilt = rebuildStore(folder);
  const members = all.filter((key) => key.startsWith("member/1/"));
  t.match(rebuilt, { ok: true, value: { kept: { record: all.length - 2 - members.length, user: 2, token: 1 } } });
  const { former, lost } = (rebuilt as unknown as { value: { former: string; lost: string[] } }).value;
  t.same([...lost].sort(), ["group/Empty", "run/1", ...members].sort());
  // The header counts openings.
  t.same(readFileSync(former).subarray(100), damaged.subarray(100), "what the damaged file holds is kept");
  t.same(
    keysIn(folder),
    all.filter((key) => !lost.includes(key)),
  );
});

t.test("rebuild: a page in the middle, a log, and a file that is nothing", async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, storeFileName);
  const store = opened(folder);
  store.apply(Array.from({ length: 400 }, (_, index) => ({ key: `group/${index}`, value: { name: "x".repeat(200) } })));
  store.close();
  const bytes = readFileSync(path);
  bytes.fill(0x55, 12 * 4096, 13 * 4096);
  writeFileSync(path, bytes);
  t.match(openStore(folder), { ok: false, failure: { code: "data-folder-corrupt" } });
  const rebuilt = rebuildStore(folder);
  // The rows are no groups that a controller could read, so none is kept; but they were found.
  t.ok(rebuilt.ok && rebuilt.value.lost.length > 200, `found ${rebuilt.ok ? rebuilt.value.lost.length : rebuilt.failure.message}`);
  t.same(keysIn(folder), []);

  const nothing = temporaryFolder(t);
  t.match(rebuildStore(nothing), { ok: false, failure: { code: "nothing-to-rebuild" } });
  writeFileSync(join(nothing, storeFileName), "something else ".repeat(1000));
  t.match(rebuildStore(nothing), { ok: true, value: { kept: { record: 0 }, lost: [] } });
  t.same(keysIn(nothing), []);
});
