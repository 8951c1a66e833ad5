import { statSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { MacAddress } from "../../../src/base/mac-address.js";
import { parseMac } from "../../../src/base/mac-address.js";
import { ApCredentials } from "../../../src/runtime/access/ap-credentials.js";
import { CredentialDesk } from "../../../src/runtime/controller/credential-desk.js";
import { openStore } from "../../../src/runtime/controller/store/open-store.js";
import type { Store } from "../../../src/runtime/controller/store/store.js";
import { temporaryFolder } from "../../support/folder.js";

const mac = parseMac("00:0a:b8:00:00:01") as MacAddress;
const other = parseMac("00:0a:b8:00:00:02") as MacAddress;

function opened(t: Test, folder = temporaryFolder(t)): { readonly folder: string; readonly store: Store } {
  const store = openStore(folder);
  if (!store.ok) throw new Error(store.failure.message);
  return { folder, store: store.value };
}

t.test("keys are made, replaced and revoked, and outlive the process", async (t) => {
  const { folder, store } = opened(t);
  const credentials = new ApCredentials(store, undefined, () => 1000);
  const first = credentials.add(mac);
  t.match(first, /^[0-9a-f]{64}$/);
  t.equal(Buffer.from(credentials.keyOf("00-0A-B8-00-00-01") as Uint8Array).toString("hex"), first, "in any spelling");
  const second = credentials.add(mac);
  t.not(second, first);
  t.equal(credentials.keyOf(other), undefined);
  t.equal(credentials.keyOf("no address"), undefined);
  t.notOk(JSON.stringify(credentials.list()).includes(second));
  store.close();
  t.equal(statSync(join(folder, "flexup.db")).mode & 0o777, 0o600);
  const again = opened(t, folder);
  t.teardown(() => again.store.close());
  const kept = new ApCredentials(again.store, undefined, () => 2000);
  t.equal(Buffer.from(kept.keyOf(mac) as Uint8Array).toString("hex"), second);
  t.ok(kept.revoke(mac));
  t.notOk(kept.revoke(mac), "once");
  t.equal(kept.keyOf(mac), undefined);
  t.same(kept.list(), [{ mac, state: "revoked", since: 2000 }]);
});

t.test("a join token lets every AP in but those that were revoked", async (t) => {
  const { store } = opened(t);
  t.teardown(() => store.close());
  const credentials = new ApCredentials(store, "a secret of the whole lab, long enough", () => 1);
  const derived = credentials.keyOf(mac);
  t.equal(derived?.length, 32);
  t.not(Buffer.from(derived ?? []).toString("hex"), Buffer.from(credentials.keyOf(other) ?? []).toString("hex"));
  const own = credentials.add(mac);
  t.equal(Buffer.from(credentials.keyOf(mac) ?? []).toString("hex"), own, "its own key counts alone");
  credentials.revoke(mac);
  t.equal(credentials.keyOf(mac), undefined);
  t.ok(credentials.keyOf(other));
});

t.test("orders: the key is answered once and is in no account of what changed", async (t) => {
  const { store } = opened(t);
  t.teardown(() => store.close());
  const revoked: string[] = [];
  const desk = new CredentialDesk(new ApCredentials(store, undefined, () => 5), (about) => revoked.push(about));
  const added = desk.carryOut({ type: "credential-add", mac: "000ab8000001" });
  t.match(added.result, { ok: true, value: { identity: mac, key: /^[0-9a-f]{64}$/ } });
  t.same(added.changes, [{ kind: "credential", name: mac, change: "added", settings: { state: "active" } }]);
  t.same(desk.carryOut({ type: "credential-list" }).result, { ok: true, value: [{ mac, state: "active", since: 5 }] });
  t.match(desk.carryOut({ type: "credential-delete", mac }).result, { ok: true });
  t.match(desk.carryOut({ type: "credential-delete", mac }).result, { ok: false, failure: { code: "unknown-credential" } });
  t.match(desk.carryOut({ type: "credential-add", mac: "AP1" }).result, { ok: false, failure: { code: "invalid-mac" } });
  t.same(revoked, [mac, mac], "links of the former key end");
});
