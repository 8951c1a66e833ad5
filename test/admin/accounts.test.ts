/** A password takes some tens of milliseconds to compute; what an admin does meanwhile must hold. */
import t from "tap";
import { guarded, firstPassword as password } from "../support/admin.js";

t.test("a user who is deleted while the password is computed is not brought back", async (t) => {
  const { accounts } = await guarded(t);
  await accounts.addUser("noc", "operator", "noc password");
  const changing = accounts.changeUser("noc", { password: "another password" });
  accounts.deleteUser("noc");
  t.match(await changing, { failure: { code: "unknown-user" } });
  t.equal(accounts.roleOf("noc"), undefined);
});

t.test("a role that is taken while the password is computed stays taken", async (t) => {
  const { accounts } = await guarded(t);
  await accounts.addUser("noc", "admin", "noc password");
  const own = accounts.changePassword("noc", "noc password", "another password", "192.0.2.1");
  const byAdmin = accounts.changeUser("noc", { password: "third password" });
  await accounts.changeUser("noc", { role: "read-only" });
  await Promise.all([own, byAdmin]);
  t.equal(accounts.roleOf("noc"), "read-only");
});

t.test("two admins who take each other's role at one moment leave one", async (t) => {
  const { accounts } = await guarded(t);
  await accounts.addUser("second", "admin", "second password");
  const ends = ["admin", "second"].map((name) => accounts.changeUser(name, { role: "operator", password: "a new password" }));
  t.same((await Promise.all(ends)).map(({ ok }) => ok).sort(), [false, true]);
  t.ok(accounts.users().some(({ role }) => role === "admin"));
});

t.test("a name is given once, however many ask at one moment", async (t) => {
  const { accounts } = await guarded(t);
  const added = await Promise.all(
    ["first", "second"].map((who) => accounts.addUser("noc", who === "first" ? "operator" : "admin", `${who} password`)),
  );
  t.same(added.map(({ ok }) => ok).sort(), [false, true]);
});

/** Lets what was begun come to its first computation, which takes longer. */
const begun = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

t.test("a login by a password that is replaced meanwhile is none", async (t) => {
  const { accounts, store } = await guarded(t);
  const [stored] = store.users();
  if (stored === undefined) throw new Error("no first user");
  const entering = accounts.logIn("admin", password, "192.0.2.1");
  await begun();
  store.putUser({ ...stored, password: "scrypt$16384$8$1$another$one" });
  t.match(await entering, { failure: { code: "wrong-password" } });
});

t.test("whoever knows the old password does not undo an admin's new one", async (t) => {
  const { accounts, store } = await guarded(t);
  const [stored] = store.users();
  if (stored === undefined) throw new Error("no first user");
  const own = accounts.changePassword("admin", password, "kept by the thief", "192.0.2.1");
  await begun();
  store.putUser({ ...stored, password: "scrypt$16384$8$1$another$one" });
  t.match(await own, { failure: { code: "wrong-password" } });
  t.equal(store.users()[0]?.password, "scrypt$16384$8$1$another$one");
});
