/** A store on a disk that takes no more. SQLite's own bound on pages stands in for the disk: it fails as a full one does. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import type { StorageView } from "../../../../src/core/controller/operator/views.js";
import { AccountStore } from "../../../../src/runtime/access/account-store.js";
import { openStore } from "../../../../src/runtime/controller/store/open-store.js";

import { temporaryFolder } from "../../../support/folder.js";

t.test("a full disk: rows are kept in memory, the rest is refused, and all is stored once there is room", async (t) => {
  const folder = temporaryFolder(t);
  const result = openStore(folder);
  if (!result.ok) throw new Error(result.failure.message);
  const store = result.value;
  t.teardown(() => store.close());
  const reserve = join(folder, "reserve");
  t.ok(existsSync(reserve), "space is kept from the start");
  const states: StorageView[] = [];
  store.onStorage((state) => states.push(state));
  const large = (mark: string): string => mark.repeat(20_000);
  store.apply([{ key: "group/old", value: "old" }]);
  const pages = (store.database.pragma("page_count") as { page_count: number }[])[0]?.page_count ?? 0;
  store.database.pragma(`max_page_count = ${pages}`);

  store.apply([{ key: "group/a", value: large("a") }]);
  store.apply([
    { key: "group/a", value: large("A") },
    { key: "group/b", value: large("b") },
  ]);
  const reason = "no space is left";
  t.match(states.at(-1), { state: "read-only", reason, unsavedRows: 2 });
  t.notOk(existsSync(reserve), "the reserve was given up");
  t.same(
    store.records().map(({ key }) => key),
    ["group/old"],
  );
  const user = { name: "admin", role: "admin", password: large("p"), sshKeys: [] };
  const accounts = new AccountStore(store);
  t.throws(() => accounts.putUser(user), { message: reason });
  t.same(accounts.users(), []);

  store.database.pragma("max_page_count = 10000");
  for (let turn = 0; turn < 100 && store.storage.state !== "writable"; turn++) await sleep(50);
  t.same(states.at(-1), { state: "writable" });
  t.same(store.records(), [
    { key: "group/a", value: large("A") },
    { key: "group/b", value: large("b") },
    { key: "group/old", value: "old" },
  ]);
  t.ok(existsSync(reserve), "and space is kept again");
  accounts.putUser(user);
  t.equal(accounts.users().length, 1);
});
