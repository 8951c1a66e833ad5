/** Tokens and SSH keys do not outlive their makers: owner, expiry, last use, the lower of two roles, the end of all access. */
import t from "tap";
import { bearer, call, guarded } from "../support/admin.js";

const key = Buffer.from("ssh key bytes");
const line = `ssh-ed25519 ${key.toString("base64")} eve@home`;

/** An admin `eve` who is logged in, and has made an admin token. */
async function withEve(t: Parameters<typeof guarded>[0]) {
  const world = await guarded(t);
  const { app, accounts } = world;
  await accounts.addUser("eve", "admin", "eves password");
  const login = await app.inject({ method: "POST", url: "/api/v1/session", payload: { name: "eve", password: "eves password" } });
  const eve = { cookie: String(login.headers["set-cookie"]).split(";")[0] as string, "x-csrf-token": login.json().csrfToken as string };
  const [, made] = await call(app, { method: "POST", url: "/api/v1/tokens", headers: eve, payload: { name: "script", role: "admin" } });
  const { id, token } = made as { id: number; token: string };
  const as = bearer(accounts.localToken);
  const roleOf = async (headers: Record<string, string>): Promise<string | number> => {
    const answer = await app.inject({ url: "/api/v1/session", headers });
    return answer.statusCode === 200 ? (answer.json().role as string) : answer.statusCode;
  };
  const user = (method: "PUT" | "DELETE", path: string, payload?: object) =>
    call(app, { method, url: `/api/v1/users/${path}`, headers: as, ...(payload !== undefined && { payload }) });
  return { ...world, eve, script: bearer(token), scriptId: id, as, roleOf, user };
}

t.test("a token has the lower of its own role and its owner's", async (t) => {
  const { script, roleOf, user, accounts } = await withEve(t);
  t.equal(await roleOf(script), "admin");
  t.match(accounts.tokens(), [{ name: "script", owner: "eve" }]);
  await user("PUT", "eve", { role: "read-only" });
  t.equal(await roleOf(script), "read-only");
  await user("PUT", "eve", { role: "operator" });
  t.equal(await roleOf(script), "operator");
});

t.test("a token that a token made belongs to the same user", async (t) => {
  const { app, script, roleOf, user } = await withEve(t);
  const [, second] = await call(app, {
    method: "POST",
    url: "/api/v1/tokens",
    headers: script,
    payload: { name: "second", role: "admin" },
  });
  t.match(second, { owner: "eve" });
  t.equal((await user("DELETE", "eve"))[0], 204);
  t.equal(await roleOf(bearer((second as { token: string }).token)), 401);
});

t.test("who is deleted takes tokens along, and keys added to others", async (t) => {
  const { app, eve, script, roleOf, user, accounts } = await withEve(t);
  await call(app, { method: "PUT", url: "/api/v1/users/admin", headers: eve, payload: { sshKeys: [line] } });
  t.match(accounts.bySshKey("admin", key), { name: "admin", role: "admin", owner: "eve" });
  await user("PUT", "eve", { role: "read-only" });
  t.match(accounts.bySshKey("admin", key), { role: "read-only" }, "a key has the lower role, too");
  await user("DELETE", "eve");
  t.equal(await roleOf(script), 401);
  t.equal(accounts.bySshKey("admin", key), undefined);
  t.same(accounts.tokens(), []);
});

t.test("a password from an admin ends logins, tokens and keys; one's own ends logins", async (t) => {
  const { app, eve, script, roleOf, user, accounts } = await withEve(t);
  await call(app, { method: "PUT", url: "/api/v1/users/eve", headers: eve, payload: { sshKeys: [line] } });
  const own = { current: "eves password", password: "eves second password" };
  t.equal((await call(app, { method: "PUT", url: "/api/v1/session/password", headers: eve, payload: own }))[0], 204);
  t.same([await roleOf(eve), await roleOf(script)], [401, "admin"]);
  t.ok(accounts.bySshKey("eve", key));
  await user("PUT", "eve", { password: "from the admin" });
  t.same([await roleOf(script), accounts.bySshKey("eve", key)], [401, undefined]);
});

t.test("all access of a user can be ended, shells included", async (t) => {
  const { eve, script, roleOf, user, accounts, audit } = await withEve(t);
  const shell = accounts.standing({ name: "eve" });
  t.match(shell(), { role: "admin" });
  t.match(await user("DELETE", "eve/access"), [200, { name: "eve", sshKeys: [] }]);
  t.same([await roleOf(eve), await roleOf(script), shell()], [401, 401, undefined]);
  t.match(await accounts.logIn("eve", "eves password", "192.0.2.1"), { ok: true }, "the password stays");
  t.equal(audit.entries(1)[0]?.what, "user-end-access eve");
  t.equal((await user("DELETE", "nobody-here/access"))[0], 404);
});

t.test("tokens and keys end at their time, and show their last use", async (t) => {
  const { app, eve, as, roleOf, accounts, clock } = await withEve(t);
  const expiresAt = clock.now + 60_000;
  const [, made] = await call(app, {
    method: "POST",
    url: "/api/v1/tokens",
    headers: as,
    payload: { name: "short", role: "operator", expiresAt },
  });
  t.match(made, { owner: null, expiresAt, usedAt: null });
  const short = bearer((made as { token: string }).token);
  t.equal(await roleOf(short), "operator");
  t.equal(accounts.tokens().at(-1)?.usedAt, clock.now);
  const payload = { sshKeys: [{ line, expiresAt }] };
  t.equal((await call(app, { method: "PUT", url: "/api/v1/users/eve", headers: eve, payload }))[0], 200);
  t.ok(accounts.bySshKey("eve", key));
  accounts.sshKeyUsed("eve", key);
  t.match(accounts.users()[1]?.sshKeyDetails, [{ line, maker: "eve", addedAt: clock.now, expiresAt, usedAt: clock.now }]);
  clock.now = expiresAt;
  t.equal(await roleOf(short), 401);
  t.equal(accounts.bySshKey("eve", key), undefined);
  const again = { sshKeys: [line] };
  await call(app, { method: "PUT", url: "/api/v1/users/eve", headers: eve, payload: again });
  t.match(accounts.users()[1]?.sshKeyDetails, [{ expiresAt }], "a key that is given again keeps its end");
});

t.test("the role is checked before the body, and the refusal is in the audit log once", async (t) => {
  const { app, accounts, audit } = await guarded(t);
  const { token, id } = accounts.addToken("noc", "read-only");
  for (let number = 0; number < 50; number++) {
    const answer = await call(app, {
      method: "PUT",
      url: `/api/v1/groups/g${number}/retry-count`,
      headers: bearer(token),
      payload: { nonsense: 1 },
    });
    t.match(answer, [403, { code: "not-allowed" }]);
  }
  const who = `token noc (${id})`;
  t.match(audit.entries(10), [{ who, what: "group-retry-count g0", after: { refused: "not-allowed" }, kind: "refused", count: 50 }]);
  t.equal(audit.entries(10).length, 1);
});

t.test("a login from another site's page is refused", async (t) => {
  const { app } = await guarded(t);
  const login = (origin: string) =>
    call(app, {
      method: "POST",
      url: "/api/v1/session",
      headers: { origin, host: "wlc.example:8080" },
      payload: { name: "admin", password: "first password" },
    });
  t.match(await login("http://evil.example"), [403, { code: "csrf-refused" }]);
  t.match(await login("null"), [403, { code: "csrf-refused" }]);
  t.equal((await login("http://wlc.example:8080"))[0], 200);
});
