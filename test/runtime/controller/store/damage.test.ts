/** Damage of what is stored: it is named, or nothing is lost. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { Prng } from "../../../../src/base/prng.js";
import { AccountStore } from "../../../../src/runtime/access/account-store.js";
import { AuditStore } from "../../../../src/runtime/access/audit-store.js";
import { openStore } from "../../../../src/runtime/controller/store/open-store.js";
import type { Store } from "../../../../src/runtime/controller/store/store.js";
import { storeFileName } from "../../../../src/runtime/controller/store/store-failures.js";
import { isWalDamaged } from "../../../../src/runtime/controller/store/wal-check.js";
import { temporaryFolder } from "../../../support/folder.js";

const wal = `${storeFileName}-wal`;

function opened(folder: string): Store {
  const result = openStore(folder);
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
}

/** A store with rows in every table. */
function filled(folder: string): Store {
  const store = opened(folder);
  const accounts = new AccountStore(store);
  const key = { line: "ssh-ed25519 AAAA", maker: null, addedAt: 1.5, expiresAt: null, usedAt: null };
  for (let number = 0; number < 40; number++)
    store.apply([{ key: `group/G${number}`, value: { name: `G${number}`, aps: ["00:0a:b8:3b:0b:c2"], note: "x".repeat(100) } }]);
  accounts.putUser({ name: "admin", role: "admin", password: "scrypt$…", sshKeys: [key] });
  accounts.addToken({ name: "monitoring", role: "read-only", createdAt: 1.5, owner: "admin", expiresAt: null }, "a".repeat(64));
  const act = { at: 2.5, who: "admin", from: "local", what: "group-add G1", before: null, after: { name: "G1" }, kind: "act" } as const;
  new AuditStore(store).write(act);
  return store;
}

const contentOf = (store: Store): unknown => {
  const accounts = new AccountStore(store);
  return [store.records(), accounts.users(), accounts.tokens(), new AuditStore(store).entries(10)];
};

/** What a start on `folder` comes to: its content, or the code of the refusal. */
function started(t: Test, folder: string): unknown {
  const result = openStore(folder);
  if (!result.ok) {
    t.notMatch(result.failure.message, /\n/, "one line");
    return result.failure.code;
  }
  try {
    return contentOf(result.value);
  } finally {
    result.value.close();
  }
}

t.test("a flipped bit anywhere in the file is refused, or changes nothing", async (t) => {
  const folder = temporaryFolder(t);
  const store = filled(folder);
  const content = contentOf(store);
  store.close();
  const good = readFileSync(join(folder, storeFileName));
  const prng = new Prng(1);
  const seen = { refused: 0, harmless: 0 };
  for (let turn = 0; turn < 150; turn++) {
    const bytes = Buffer.from(good);
    const at = prng.below(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << prng.below(8));
    // Its own folder: the lock of a refused file lasts as long as the process.
    const place = join(folder, String(turn));
    mkdirSync(place);
    writeFileSync(join(place, storeFileName), bytes);
    const outcome = started(t, place);
    rmSync(place, { recursive: true });
    if (typeof outcome === "string") {
      seen.refused++;
      t.match(outcome, /^data-folder-(?:corrupt|newer)$/, `octet ${at}`);
    } else {
      seen.harmless++;
      t.same(outcome, content, `octet ${at}`);
    }
  }
  t.ok(seen.refused > 30 && seen.harmless > 10, `some of each kind: ${JSON.stringify(seen)}`);
});

t.test("a value that was changed is named by its row, in each table", async (t) => {
  for (const [change, row] of [
    ["UPDATE record SET value = replace(value, 'G7', 'G8') WHERE key = 'group/G7'", "group/G7"],
    ["UPDATE record SET value = '{' WHERE key = 'group/G7'", "group/G7"],
    ["UPDATE record SET value = CAST(value AS BLOB) WHERE key = 'group/G7'", "group/G7"],
    ["UPDATE user SET role = 'read-only'", "user/admin"],
    ["UPDATE token SET role = 'admin'", "token/1"],
    ["UPDATE audit SET who = 'nobody'", "audit/1"],
  ] as const) {
    const folder = temporaryFolder(t);
    const store = filled(folder);
    store.database.exec(change);
    store.close();
    const result = openStore(folder);
    t.match(result, { ok: false, failure: { code: "data-folder-corrupt", message: `(${row} is not as it was written)` } });
  }
});

t.test("a log that is damaged before its end is refused and left as it is; a torn end is what a power cut leaves", async (t) => {
  const folder = temporaryFolder(t);
  const store = filled(folder);
  const copy = (name: string): string => {
    const to = join(temporaryFolder(t), name);
    mkdirSync(to);
    for (const file of [storeFileName, wal]) copyFileSync(join(folder, file), join(to, file));
    return to;
  };
  // As a kill leaves it: the log is not folded in.
  t.ok(statSync(join(folder, wal)).size > 40 * 4096, "there is a log");
  const content = contentOf(store);
  t.same(started(t, copy("sound")), content);
  const size = statSync(join(folder, wal)).size;
  const frame = 24 + 4096;
  for (const at of [0, 9, 20, 30, 32, 36, 40, 50, 5000, 32 + 20 * frame + 3, 32 + 20 * frame + 2000]) {
    const place = copy(`octet-${at}`);
    const bytes = readFileSync(join(place, wal));
    bytes[at] = (bytes[at] as number) ^ 1;
    writeFileSync(join(place, wal), bytes);
    t.equal(started(t, place), "data-folder-corrupt", `octet ${at} of ${size}`);
    t.same(readFileSync(join(place, wal)), bytes, "nothing is changed");
  }
  const torn = copy("torn");
  writeFileSync(join(torn, wal), readFileSync(join(torn, wal)).subarray(0, size - 100));
  t.equal(isWalDamaged(join(torn, wal)), false);
  t.ok(Array.isArray(started(t, torn)), "it opens without its last transaction");
  store.close();
});

t.test("a second after the last write the log is folded into the file", async (t) => {
  const folder = temporaryFolder(t);
  const store = filled(folder);
  t.teardown(() => store.close());
  await sleep(1500);
  t.equal(statSync(join(folder, wal)).size, 0);
  t.ok(existsSync(join(folder, storeFileName)));
  store.apply([{ key: "group/G1", value: null }]);
  t.ok(statSync(join(folder, wal)).size > 0, "a write is in the log first");
  await sleep(1500);
  t.equal(statSync(join(folder, wal)).size, 0, "and folded in again");
});
