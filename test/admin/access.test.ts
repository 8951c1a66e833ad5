import { connect } from "node:net";
import type { FastifyInstance, InjectOptions } from "fastify";
import t from "tap";
import { AuditedPort } from "../../src/admin/audited-port.js";
import { orderPaths } from "../../src/admin/order-paths.js";
import type { Role } from "../../src/admin/roles.js";
import { orderRoutes } from "../../src/admin/routes.js";
import { failure, success } from "../../src/base/failure.js";
import { bearer, call, guarded, firstPassword as password } from "../support/admin.js";

const denied = { code: "not-logged-in", message: "Log in first: with a password on the page, or with a token (FLEXUP_TOKEN) from scripts" };
const foreign = { code: "csrf-refused", message: "This request comes from another page than the login belongs to; reload the page" };

async function loggedIn(app: FastifyInstance, name = "admin", secret = password) {
  const response = await app.inject({ method: "POST", url: "/api/v1/session", payload: { name, password: secret } });
  const [cookie] = response.cookies;
  return { cookie, headers: { cookie: `${cookie?.name}=${cookie?.value}` }, csrf: { "x-csrf-token": String(response.json().csrfToken) } };
}

t.test("nobody gets anything of the controller without saying who it is", async (t) => {
  const { app, operator } = await guarded(t);
  for (const { method, path } of Object.values(orderPaths)) {
    const url = `/api/v1${path.replace(/:\w+/g, "x")}`;
    t.same(await call(app, { method, url }), [401, denied], `${method} ${url}`);
  }
  for (const url of ["/api/v1/events", "/api/events", "/metrics", "/api/v1/users", "/api/v1/audit", "/api/v1/session"])
    t.same(await call(app, { method: "GET", url }), [401, denied], url);
  t.same(await call(app, { method: "POST", url: "/api/v1/images?version=1&models=a&release=primary" }), [401, denied]);
  t.same(operator.orders, []);
  t.equal((await app.inject("/healthz")).statusCode, 200);
  t.equal((await app.inject("/api/openapi.json")).statusCode, 200);
});

t.test("another spelling of a path leads no further than the path", async (t) => {
  const { app, operator } = await guarded(t);
  const spellings = (path: string): string[] => [
    path.replace("a", "%61"),
    path.replace("v1", "%761"),
    path.replace("metrics", "%6detrics"),
    path.replace(/[a-z0-9]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  ];
  for (const path of ["/api/v1/users", "/api/v1/aps", "/api/v1/events", "/api/v1/runs/1/report.csv", "/api/events", "/metrics"])
    for (const url of spellings(path).filter((spelling) => spelling !== path))
      t.same(await call(app, { method: "GET", url }), [401, denied], url);
  for (const url of spellings("/api/v1/groups/G")) t.same(await call(app, { method: "PUT", url }), [401, denied], url);
  t.same(operator.orders, []);
});

t.test("each role may do its part and no more", async (t) => {
  const { app, accounts, operator } = await guarded(t);
  operator.answer = () => failure("unknown-thing", "reached the controller");
  const order: readonly Role[] = ["read-only", "operator", "admin"];
  for (const role of order) {
    const { token } = accounts.addToken(`script-${role}`, role);
    const status = async (options: InjectOptions): Promise<number> => (await app.inject({ ...options, headers: bearer(token) })).statusCode;
    const bodies: Record<string, object> = { "group-start": { release: "primary" }, "group-preview": { release: "primary" } };
    for (const type of ["show-boot", "group-preview", "group-start", "ap-swap", "group-add"] as const) {
      const { method, path } = orderPaths[type];
      const allowed = order.indexOf(role) >= order.indexOf(orderRoutes[type].role);
      const payload = bodies[type];
      t.equal(
        await status({ method, url: `/api/v1${path.replace(/:\w+/g, "x")}`, ...(payload && { payload }) }),
        allowed ? 404 : 403,
        `${role}: ${type}`,
      );
    }
    const upload = { method: "POST", url: "/api/v1/images?version=1&models=a&release=primary" } as const;
    t.equal(await status(upload), role === "read-only" ? 403 : 400, `${role}: upload`);
    t.equal(await status({ method: "GET", url: "/api/v1/users" }), role === "admin" ? 200 : 403, `${role}: users`);
  }
  t.same(await call(app, { method: "GET", url: "/api/v1/boot", headers: bearer("guess") }), [
    401,
    { code: "not-logged-in", message: "This token is not valid; an admin can create a new one" },
  ]);
});

t.test("a login is a cookie that scripts cannot read, and acts need the token of its page", async (t) => {
  const { app, operator } = await guarded(t);
  operator.answer = (order) => (order.type === "show-group" ? failure("unknown-group", "none yet") : success(null));
  const { cookie, headers, csrf } = await loggedIn(app);
  t.match(cookie, { name: "flexup_session", httpOnly: true, sameSite: "Strict", path: "/" });
  t.same((await app.inject({ url: "/api/v1/session", headers })).json(), {
    name: "admin",
    role: "admin",
    csrfToken: csrf["x-csrf-token"],
  });
  const act = { method: "PUT", url: "/api/v1/groups/G" } as const;
  t.same(await call(app, { ...act, headers }), [403, foreign]);
  t.same(await call(app, { ...act, headers: { ...headers, "x-csrf-token": "guess" } }), [403, foreign]);
  t.same(await call(app, { ...act, headers: { ...headers, ...csrf, origin: "https://evil.example" } }), [403, foreign]);
  t.same(operator.orders, []);
  t.same(await call(app, { ...act, headers: { ...headers, ...csrf } }), [204, null]);
  t.ok(operator.orders.some(({ type }) => type === "group-add"));
  t.equal((await app.inject({ method: "DELETE", url: "/api/v1/session", headers: { ...headers, ...csrf } })).statusCode, 204);
  t.same(await call(app, { method: "GET", url: "/api/v1/session", headers }), [401, denied]);
});

t.test("a login ends when nobody uses it, and after half a day", async (t) => {
  const { app, clock } = await guarded(t);
  const idle = await loggedIn(app);
  clock.now += 61 * 60_000;
  t.same((await call(app, { url: "/api/v1/session", headers: idle.headers }))[0], 401);
  const busy = await loggedIn(app);
  for (let hour = 0; hour < 12; hour++) {
    clock.now += 59 * 60_000;
    t.equal((await call(app, { url: "/api/v1/session", headers: busy.headers }))[0], 200);
  }
  clock.now += 59 * 60_000;
  t.equal((await call(app, { url: "/api/v1/session", headers: busy.headers }))[0], 401);
});

t.test("--lab needs no login on loopback, but a loopback name", async (t) => {
  const { app, operator } = await guarded(t, { openOnLoopback: true });
  operator.answer = () => success({ primary: null, backup: null });
  const boot = (host: string, remoteAddress = "127.0.0.1") => call(app, { url: "/api/v1/boot", headers: { host }, remoteAddress });
  for (const host of ["127.0.0.1:8080", "localhost:8080", "[::1]:8080"]) t.equal((await boot(host))[0], 200, host);
  t.same(await boot("rebound.example:8080"), [401, denied]);
  t.same(await boot("127.0.0.1:8080", "192.0.2.7"), [401, denied]);
  t.same((await call(app, { url: "/api/v1/session", headers: { host: "localhost" } }))[1], { name: "lab", role: "admin", csrfToken: null });
  const act = { method: "POST", url: "/api/v1/aps/all/reset" } as const;
  t.same(await call(app, { ...act, headers: { host: "localhost:8080", origin: "http://evil.example" } }), [403, foreign]);
});

t.test("users come, change and go; the last admin stays", async (t) => {
  const { app } = await guarded(t);
  const { headers, csrf } = await loggedIn(app);
  const as = { ...headers, ...csrf };
  const users = (method: "GET" | "POST" | "PUT" | "DELETE", path = "", payload?: object) =>
    call(app, { method, url: `/api/v1/users${path}`, headers: as, ...(payload && { payload }) });
  t.same(await users("POST", "", { name: "noc", role: "read-only", password: "noc password" }), [
    201,
    { name: "noc", role: "read-only", sshKeys: [], sshKeyDetails: [] },
  ]);
  t.same(await users("POST", "", { name: "noc", role: "admin", password: "noc password" }), [
    409,
    { code: "user-exists", message: "User noc already exists" },
  ]);
  t.match(await users("POST", "", { name: "a b", role: "admin", password: "long enough" }), [400, { code: "invalid-request" }]);
  t.match(await users("POST", "", { name: "x", role: "admin", password: "short" }), [400, { code: "invalid-request" }]);
  const noc = await loggedIn(app, "noc", "noc password");
  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE noc@host";
  t.match(await users("PUT", "/noc", { role: "operator", sshKeys: [key] }), [200, { name: "noc", role: "operator", sshKeys: [key] }]);
  const useless = [
    "sk-ssh-ed25519@openssh.com AAAA",
    "ssh-dss AAAA",
    "ssh-ed25519",
    `ssh-ed25519 ${"A".repeat(5000)}`,
    "ssh-rsa AAAA a\nssh-rsa BBBB",
  ];
  for (const line of useless) {
    const refused = [400, { message: /^sshKeys\.0: (?:expected an OpenSSH public key|Too big)/ }];
    t.match(await users("PUT", "/noc", { sshKeys: [line] }), refused, line.slice(0, 40));
  }
  t.same((await call(app, { url: "/api/v1/session", headers: noc.headers }))[0], 200, "a new role leaves the login");
  t.same((await users("PUT", "/noc", { password: "another password" }))[0], 200);
  t.same((await call(app, { url: "/api/v1/session", headers: noc.headers }))[0], 401, "a new password ends it");
  const last = { code: "last-admin", message: "admin is the only admin; make another one first" };
  t.same(await users("DELETE", "/admin"), [409, last]);
  t.same(await users("PUT", "/admin", { role: "operator" }), [409, last]);
  t.same(await users("DELETE", "/noc"), [204, null]);
  t.same(await users("DELETE", "/noc"), [404, { code: "unknown-user", message: "There is no user noc" }]);
});

t.test("a user has a name that a path can hold and that means nobody else", async (t) => {
  const { app, accounts } = await guarded(t);
  const add = (name: string) =>
    call(app, {
      method: "POST",
      url: "/api/v1/users",
      headers: bearer(accounts.localToken),
      payload: { name, role: "admin", password: "a password" },
    });
  for (const name of [".", "..", "", "a/b", "a b", "local", "lab", "nobody", "x".repeat(65)]) t.equal((await add(name))[0], 400, name);
  for (const name of ["...", "a.b@c-d_e", "locals", "toString"]) t.equal((await add(name))[0], 201, name);
});

t.test("a token is told from a user of the same name", async (t) => {
  const { app, accounts, operator } = await guarded(t);
  operator.answer = () => success({ runId: operator.orders.length });
  const { headers, csrf } = await loggedIn(app);
  const { id, token } = accounts.addToken("admin", "admin");
  const start = (who: object) =>
    app.inject({
      method: "POST",
      url: "/api/v1/groups/G/run",
      payload: { release: "primary" },
      headers: { "idempotency-key": "first", ...who },
    });
  const answers = [await start({ ...headers, ...csrf }), await start(bearer(token))].map((response) => response.json().runId);
  t.not(answers[0], answers[1], "nor does one get the other's answer to an Idempotency-Key");
  const entries = (await app.inject({ url: "/api/v1/audit?limit=2", headers: bearer(token) })).json();
  t.same(
    entries.map(({ who }: { who: string }) => who),
    [`token admin (${id})`, "admin"],
  );
});

t.test("tokens work until they are deleted, and are stored as digests", async (t) => {
  const { app, store, accounts } = await guarded(t);
  const as = bearer(accounts.localToken);
  const made = (
    await app.inject({ method: "POST", url: "/api/v1/tokens", headers: as, payload: { name: "ci", role: "read-only" } })
  ).json();
  t.equal((await app.inject({ url: "/api/v1/session", headers: bearer(made.token) })).json().name, "ci");
  t.notOk(JSON.stringify(store.tokens()).includes(made.token));
  t.same(await call(app, { method: "DELETE", url: `/api/v1/tokens/${made.id}`, headers: as }), [204, null]);
  t.equal((await app.inject({ url: "/api/v1/session", headers: bearer(made.token) })).statusCode, 401);
  t.same(await call(app, { method: "DELETE", url: `/api/v1/tokens/${made.id}`, headers: as }), [
    404,
    { code: "unknown-token", message: `There is no token ${made.id}` },
  ]);
});

t.test("every answer tells the browser to guess nothing, frame nothing and keep nothing", async (t) => {
  const { app, accounts } = await guarded(t);
  const as = bearer(accounts.localToken);
  for (const url of ["/api/v1/session", "/api/v1/aps", "/metrics", "/api/docs/", "/api/openapi.json", "/healthz", "/nothing", "/%ff"]) {
    const { headers } = await app.inject({ url, headers: as });
    t.match(
      headers,
      {
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "content-security-policy": /frame-ancestors 'none'/,
        "cache-control": /^no-(store|cache)$/,
      },
      url,
    );
  }
});

/** Opens the event stream. @returns resolves when the server has ended it */
async function follow(url: URL, headers: Record<string, string>): Promise<{ ended: Promise<void>; isOpen: () => boolean }> {
  const response = await fetch(new URL("/api/v1/events", url), { headers });
  if (!response.ok) throw new Error(await response.text());
  let open = true;
  const ended = (async () => {
    for await (const _ of response.body as AsyncIterable<Uint8Array>);
    open = false;
  })();
  return { ended, isOpen: () => open };
}

t.test("an event stream ends with the login that it was opened with", async (t) => {
  const { app, url, accounts, operator } = await guarded(t);
  operator.answer = (order) => success(order.type === "show-ap-image" ? { aps: [] } : []);
  const admin = bearer(accounts.localToken);
  await accounts.addUser("noc", "operator", "noc password");
  const login = () => loggedIn(app, "noc", "noc password");
  const ends: Record<string, (opened: Awaited<ReturnType<typeof login>>) => InjectOptions> = {
    "log out": ({ headers, csrf }) => ({ method: "DELETE", url: "/api/v1/session", headers: { ...headers, ...csrf } }),
    "a new password": () => ({ method: "PUT", url: "/api/v1/users/noc", headers: admin, payload: { password: "noc password" } }),
    "no such user": () => ({ method: "DELETE", url: "/api/v1/users/noc", headers: admin }),
  };
  const others = await follow(url, admin);
  for (const [what, request] of Object.entries(ends)) {
    const opened = await login();
    const stream = await follow(url, opened.headers);
    t.ok(stream.isOpen());
    t.ok((await app.inject(request(opened))).statusCode < 300, what);
    await stream.ended;
  }
  const { id, token } = accounts.addToken("wall", "read-only");
  const stream = await follow(url, bearer(token));
  t.equal((await app.inject({ method: "DELETE", url: `/api/v1/tokens/${id}`, headers: admin })).statusCode, 204);
  await stream.ended;
  t.ok(others.isOpen(), "other readers read on");
});

t.test("an upload counts only if its sender is still welcome at its end", async (t) => {
  const { url, accounts, operator } = await guarded(t);
  await accounts.addUser("noc", "operator", "noc password");
  const { id, token } = accounts.addToken("noc", "operator");
  const upload = async (): Promise<unknown> => {
    let more = (_: Uint8Array): void => {};
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(Buffer.from("begun "));
        more = (bytes) => {
          controller.enqueue(bytes);
          controller.close();
        };
      },
    });
    const target = new URL("/api/v1/images?version=1&models=a&release=primary", url);
    const headers = { ...bearer(token), "content-type": "application/octet-stream" };
    const sent = fetch(target, { method: "POST", headers, body, duplex: "half" } as RequestInit);
    await new Promise((resolve) => setTimeout(resolve, 100));
    accounts.deleteToken(id);
    more(Buffer.from("ended"));
    return (await sent).json();
  };
  t.match(await upload(), { code: "not-logged-in" });
  t.same(operator.orders, []);
});

t.test("a body that never comes holds nothing for long", async (t) => {
  const { url } = await guarded(t, { bodyMsMax: 100 });
  const socket = connect(Number(url.port), url.hostname);
  t.teardown(() => socket.destroy());
  const drip = setInterval(() => socket.write(" "), 20);
  t.teardown(() => clearInterval(drip));
  socket.write("POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n");
  socket.on("error", () => {});
  await new Promise<void>((resolve) => socket.on("close", () => resolve()));
});

t.test("numbers in paths and queries are decimal", async (t) => {
  const { app, accounts } = await guarded(t);
  const as = bearer(accounts.localToken);
  const { id } = accounts.addToken("ci", "read-only");
  t.equal(id, 1);
  for (const number of ["0x1", "1e0", "1.0", "01", "+1", "%201", "1%20", "-1", "1n", "%D9%A1", "9007199254740993", "", "true"]) {
    if (number !== "") {
      t.equal((await call(app, { method: "DELETE", url: `/api/v1/tokens/${number}`, headers: as }))[0], 400, `token ${number}`);
      for (const path of ["", "/report.csv", "/report.html"])
        t.equal((await call(app, { url: `/api/v1/runs/${number}${path}`, headers: as }))[0], 400, `run ${number}${path}`);
    }
    t.equal((await call(app, { url: `/api/v1/audit?limit=${number}`, headers: as }))[0], 400, `limit ${number}`);
    t.equal((await call(app, { url: `/api/v1/audit?before=${number}`, headers: as }))[0], 400, `before ${number}`);
  }
  t.equal(accounts.tokens().length, 1);
  t.match(await call(app, { url: "/api/v1/audit?limit=1001", headers: as }), [400, { code: "invalid-request" }]);
  t.equal((await call(app, { method: "DELETE", url: "/api/v1/tokens/1", headers: as }))[0], 204);
});

t.test("every act is in the audit log: who, from where, what, before and after", async (t) => {
  const { app, operator, accounts } = await guarded(t);
  operator.answer = (order) => ("group" in order && order.group === "H" ? failure("unknown-group", "no") : success(null));
  operator.changes = (order) =>
    order.type === "group-retry-count" && order.group === "G"
      ? [{ kind: "group", name: "G", change: "set", setting: "retryCount", before: 44, after: order.retryCount }]
      : [];
  const { token, id } = accounts.addToken("noc", "operator");
  const noc = `token noc (${id})`;
  const put = (group: string) =>
    app.inject({ method: "PUT", url: `/api/v1/groups/${group}/retry-count`, payload: { retryCount: 20 }, headers: bearer(token) });
  await put("G");
  await put("H");
  const reader = accounts.addToken("watch", "read-only");
  await app.inject({ method: "DELETE", url: "/api/v1/groups/G", headers: bearer(reader.token) });
  await app.inject({ method: "POST", url: "/api/v1/session", payload: { name: "admin", password: "wrong" } });
  const entries = (await app.inject({ url: "/api/v1/audit?limit=10", headers: bearer(accounts.localToken) })).json();
  t.same(
    entries.map(({ who, from, what, before, after }: Record<string, unknown>) => ({ who, from, what, before, after })),
    [
      { who: "admin", from: "127.0.0.1", what: "login", before: null, after: { refused: "wrong-password" } },
      { who: `token watch (${reader.id})`, from: "127.0.0.1", what: "group-delete G", before: null, after: { refused: "not-allowed" } },
      { who: noc, from: "127.0.0.1", what: "group-retry-count H", before: null, after: { refused: "unknown-group" } },
      { who: noc, from: "127.0.0.1", what: "group-retry-count G", before: { retryCount: 44 }, after: { retryCount: 20 } },
    ],
  );
  const older = await app.inject({ url: `/api/v1/audit?before=${entries[2].id}`, headers: bearer(accounts.localToken) });
  t.equal(older.json().length, 1);
});

t.test("a terminal that stays open may do what its user may now, and nothing once its login has ended", async (t) => {
  const { accounts, store, operator } = await guarded(t);
  await accounts.addUser("noc", "operator", "noc password");
  const key = "ssh-ed25519 AAAA noc";
  await accounts.changeUser("noc", { sshKeys: [key] });
  const entries: unknown[] = [];
  const terminal = () => new AuditedPort(operator, accounts.standing({ name: "noc" }), "192.0.2.1", (entry) => entries.push(entry));
  const act = async (opened: AuditedPort) => {
    const answer = await opened.order({ type: "ap-reset", ap: "all" });
    return answer.ok ? "done" : answer.failure.code;
  };
  operator.answer = () => success(null);
  const opened = terminal();
  t.equal(await act(opened), "done");
  await accounts.changeUser("noc", { role: "read-only", sshKeys: [key, "ssh-ed25519 BBBB other"] });
  t.equal(await act(opened), "not-allowed");
  t.equal(entries.length, 2);
  for (const change of [{ sshKeys: [] }, { password: "another password" }]) {
    const before = terminal();
    t.ok((await before.order({ type: "show-boot" })).ok);
    await accounts.changeUser("noc", change);
    t.match(await before.order({ type: "show-boot" }), { failure: { code: "not-logged-in" } });
  }
  const last = terminal();
  store.deleteUser("noc");
  t.equal(await act(last), "not-logged-in");
});

t.test("SSH keys are compared by their key, whatever stands after it", async (t) => {
  const { accounts } = await guarded(t);
  const key = Buffer.from("ssh key bytes");
  await accounts.changeUser("admin", { sshKeys: [`ssh-ed25519 ${key.toString("base64")} me@home`] });
  t.same(accounts.bySshKey("admin", key), { name: "admin", role: "admin" });
  t.equal(accounts.bySshKey("admin", Buffer.from("another")), undefined);
  t.equal(accounts.bySshKey("nobody", key), undefined);
});
