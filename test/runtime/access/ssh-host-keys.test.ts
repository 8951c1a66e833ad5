import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ssh2 from "ssh2";
import t from "tap";
import { sshHostKeys } from "../../../src/runtime/access/ssh-host-keys.js";
import { temporaryFolder } from "../../support/folder.js";

/** What ssh2 makes once in 256 times: it takes a leading zero octet off the public key. */
function cutKey(): string {
  for (;;) {
    const { private: key } = ssh2.utils.generateKeyPairSync("ed25519");
    if (ssh2.utils.parseKey(key) instanceof Error) return key;
  }
}

t.test("a key that nobody can read is made again and not stored", async (t) => {
  const folder = join(temporaryFolder(t), "ssh");
  const { private: whole } = ssh2.utils.generateKeyPairSync("rsa", { bits: 1024 });
  const made: string[] = [];
  const keys = await sshHostKeys(folder, async (type) => {
    made.push(type);
    return { private: made.length < 3 ? cutKey() : whole };
  });
  t.same(made, ["ed25519", "ed25519", "ed25519", "ecdsa"]);
  t.same(keys, [whole, whole]);
  t.same(
    readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8")),
    [whole, whole],
  );
  const again = await sshHostKeys(folder, () => Promise.reject(new Error("no key is made twice")));
  t.same(again, keys);
});

t.test("a stored key that nobody can read is set aside, and clients remember the new one", async (t) => {
  const folder = temporaryFolder(t);
  const cut = cutKey();
  writeFileSync(join(folder, "host-ed25519"), cut);
  const keys = await sshHostKeys(folder);
  t.notOk(keys.includes(cut));
  t.equal(readFileSync(join(folder, "host-ed25519.unreadable"), "utf8"), cut);
  t.same(await sshHostKeys(folder), keys);
});

t.test("its own keys can be read", async (t) => {
  for (const key of await sshHostKeys(join(temporaryFolder(t), "ssh"))) t.notOk(ssh2.utils.parseKey(key) instanceof Error);
});
