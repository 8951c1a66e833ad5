/** Every route against what its schema does not allow: never a 5xx, never a word to the controller that the schema would refuse. */
import { readdirSync } from "node:fs";
import type { FastifyInstance, InjectOptions } from "fastify";
import t, { type Test } from "tap";
import type { z } from "zod";
import { pathFields, type RoutedOrder, usesQuery } from "../../src/admin/order-paths.js";
import { type Role, roles } from "../../src/admin/roles.js";
import { orderRoutes } from "../../src/admin/routes.js";
import { failure } from "../../src/base/failure.js";
import { bearer, firstPassword, guarded, serving } from "../support/admin.js";
import { operationsOf, pathOf, sampleOf, sampleRequest } from "../support/api-operations.js";
import { FakeOperatorPort } from "../support/fake-operator-port.js";
import fc from "../support/properties.js";

const types = Object.keys(orderRoutes) as RoutedOrder["type"][];

t.test("any path, query and body", async (t) => {
  const operator = new FakeOperatorPort();
  operator.answer = () => failure("unknown-thing", "not here");
  const { app } = await serving(t, { operator });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...types),
      fc.string({ minLength: 1, maxLength: 700, unit: "grapheme" }),
      fc.option(fc.jsonValue(), { nil: undefined }),
      fc.dictionary(fc.constantFrom("group", "release", "enabled", "retryCount", "ap", "wan", "x", "__proto__"), fc.string()),
      async (type, name, body, query) => {
        operator.orders.length = 0;
        const route = orderRoutes[type];
        const path = route.path.replace(/:\w+/g, () => encodeURIComponent(name));
        const response = await app.inject({
          method: route.method,
          url: `/api/v1${path}${usesQuery(route) ? `?${new URLSearchParams(query)}` : ""}`,
          ...(body !== undefined &&
            !usesQuery(route) && { payload: JSON.stringify(body), headers: { "content-type": "application/json" } }),
        });
        t.ok(response.statusCode >= 400 && response.statusCode < 500, `${type}: ${response.statusCode}`);
        t.ok(/^[a-z-]+$/.test(response.json().code), "with a code");
        t.notMatch(response.json().message, /\n/, "in one line");
        for (const { type: _, ...fields } of operator.orders)
          t.ok(orderRoutes[type].fields.safeParse(fields).success, "only what the schema allows");
      },
    ),
    { numRuns: 200 },
  );
});

t.test("a body cannot change what the path names", async (t) => {
  const operator = new FakeOperatorPort();
  const { app } = await serving(t, { operator });
  await app.inject({ method: "PUT", url: "/api/v1/groups/G", payload: { group: "H", type: "group-delete" } });
  t.same(operator.orders, [{ type: "group-add", group: "G" }]);
});

t.test("each field with each wrong type", async (t) => {
  const operator = new FakeOperatorPort();
  const { app } = await serving(t, { operator });
  const wrong = [null, true, "text", -1, 1.5, 1e300, [], {}, [null], "x".repeat(1000)];
  for (const type of types) {
    const route = orderRoutes[type];
    if (usesQuery(route)) continue;
    for (const field of Object.keys(route.fields.shape).filter((name) => !pathFields(route).includes(name))) {
      for (const value of wrong) {
        const allowed = (route.fields.shape[field] as z.ZodType).safeParse(value).success;
        const response = await app.inject({
          method: route.method,
          url: `/api/v1${route.path.replace(/:\w+/g, "x")}`,
          payload: { [field]: value },
        });
        if (!allowed) t.equal(response.statusCode, 400, `${type}.${field} = ${JSON.stringify(value)?.slice(0, 40)}`);
      }
    }
  }
});

t.test("huge and malformed bodies", async (t) => {
  const operator = new FakeOperatorPort();
  const { app } = await serving(t, { operator });
  const send = async (url: string, payload: string): Promise<number> =>
    (await app.inject({ method: "PUT", url, payload, headers: { "content-type": "application/json" } })).statusCode;
  t.equal(await send("/api/v1/groups/G/retry-count", `"${"x".repeat(100_000)}"`), 413);
  t.equal(await send("/api/v1/config", `"${"x".repeat(17 * 2 ** 20)}"`), 413);
  t.equal(await send("/api/v1/config", `${"[".repeat(50_000)}${"]".repeat(50_000)}`), 400);
  t.equal(await send("/api/v1/groups/G/retry-count", '{"__proto__":{"retryCount":5}}'), 400);
  t.equal(await send("/api/v1/groups/G/retry-count", '{"constructor":{"prototype":{}}}'), 400);
  t.same(operator.orders, []);
});

/** Who may use what is no order; `null` is anybody. */
const otherRoutes: Readonly<Record<string, Role | null>> = {
  "log-in": null,
  session: "read-only",
  "log-out": "read-only",
  "password-change": "read-only",
  users: "admin",
  "user-add": "admin",
  "user-change": "admin",
  "user-delete": "admin",
  "user-end-access": "admin",
  tokens: "admin",
  "token-add": "admin",
  "token-delete": "admin",
  audit: "admin",
  events: "read-only",
  "events-snapshot": "read-only",
  "run-report-csv": "read-only",
  "run-report-page": "read-only",
  "image-add": "operator",
};

const neededRole = (id: string): Role | null | undefined =>
  id in orderRoutes ? orderRoutes[id as RoutedOrder["type"]].role : otherRoutes[id];

/** The API behind logins with a controller that refuses everything, all its operations, and what a refused call must leave alone. */
async function everyRoute(t: Pick<Test, "teardown">) {
  const api = await guarded(t);
  api.operator.answer = () => failure("unknown-thing", "not here");
  const state = (): string =>
    JSON.stringify([api.store.users(), api.store.tokens().map(({ usedAt, ...token }) => token), readdirSync(api.imageFolder)]);
  return { ...api, operations: operationsOf(api.app), state, admin: bearer(api.accounts.localToken) };
}

/** Status of a request, with everything that holds for each refusal: a stable code, one bounded line. */
async function answered(t: Test, app: FastifyInstance, request: InjectOptions, about: string): Promise<number> {
  const response = await app.inject(request);
  if (response.statusCode >= 500) t.fail(`${about}: ${response.statusCode} ${response.payload}`, { request });
  if (response.statusCode < 400) return response.statusCode;
  const { code, message } = response.json();
  if (!/^[a-z-]+$/.test(code) || /\n/.test(message) || message.length > 8192) t.fail(`${about}: not a code and a line`, { code, message });
  return response.statusCode;
}

t.test("each documented route is an order or among the others", async (t) => {
  const { operations } = await everyRoute(t);
  t.same(operations.map(({ id }) => id).sort(), [...types, ...Object.keys(otherRoutes)].sort());
});

t.test("no route without a login, nor with one that is none", async (t) => {
  const { app, operations, state, operator, accounts, audit } = await everyRoute(t);
  const gone = accounts.addToken("gone", "admin");
  accounts.deleteToken(gone.id);
  const strangers = [{}, bearer("x"), bearer(gone.token), { cookie: "flexup_session=%zz" }, { authorization: "Basic YWRtaW46YWRtaW4=" }];
  const before = state();
  for (const operation of operations.filter(({ id }) => neededRole(id) !== null)) {
    for (const headers of strangers)
      t.equal(
        await answered(t, app, { ...sampleRequest(operation), headers }, operation.id),
        401,
        `${operation.id} ${Object.keys(headers)}`,
      );
  }
  t.equal(state(), before);
  t.same(operator.orders, []);
  t.same(audit.entries(1), []);
});

t.test("no route with a lower role than it needs", async (t) => {
  const { app, operations, state, operator, accounts } = await everyRoute(t);
  const tokens = roles.map((role) => [role, accounts.addToken(role, role).token] as const);
  const before = state();
  const ranks: readonly Role[] = ["read-only", "operator", "admin"];
  for (const operation of operations) {
    const needed = neededRole(operation.id);
    for (const [role, token] of tokens.filter(([role]) => needed && ranks.indexOf(role) < ranks.indexOf(needed))) {
      const headers = { ...bearer(token), ...(operation.id === "image-add" && { "content-type": "application/octet-stream" }) };
      t.equal(await answered(t, app, { ...sampleRequest(operation), headers }, operation.id), 403, `${operation.id} as ${role}`);
    }
  }
  t.equal(state(), before);
  t.same(operator.orders, []);
});

t.test("each field of a body or query of the other routes with each wrong type", async (t) => {
  const { app, operations, state, admin } = await everyRoute(t);
  const wrong = [null, true, -1, 1.5, 1e300, [], {}, [null], "", "\0", "x".repeat(5000)];
  const before = state();
  for (const operation of operations.filter(({ id }) => id in otherRoutes)) {
    const sample = sampleRequest(operation);
    for (const [field, { type }] of Object.entries(operation.body?.properties ?? {})) {
      const right = (value: unknown): boolean => (Array.isArray(value) ? "array" : typeof value) === type;
      for (const value of wrong.filter((value) => !right(value) || value === "x".repeat(5000) || JSON.stringify(value) === "[null]")) {
        const payload = { ...(sampleOf(operation.body ?? {}) as object), [field]: value };
        const about = `${operation.id}.${field} = ${JSON.stringify(value).slice(0, 40)}`;
        t.equal(await answered(t, app, { ...sample, payload, headers: admin }, about), 400, about);
      }
    }
    const path = pathOf(operation, "1");
    for (const [field, { type }] of Object.entries(operation.query)) {
      for (const value of ["x".repeat(5000), ...(type === "integer" ? ["text", "1.5", "1e300", "NaN"] : [""])]) {
        if (field === "fileName" && value === "") continue;
        const query = new URLSearchParams({ ...Object.fromEntries(new URL(sample.url, "http://x").searchParams), [field]: value });
        const headers = { ...admin, ...(operation.id === "image-add" && { "content-type": "application/octet-stream" }) };
        const about = `${operation.id}?${field}=${value.slice(0, 40)}`;
        t.equal(await answered(t, app, { method: operation.method, url: `${path}?${query}`, headers }, about), 400, about);
      }
    }
  }
  t.equal(state(), before);
});

t.test("huge and malformed bodies at every route", async (t) => {
  const { app, operations, state, operator, admin } = await everyRoute(t);
  const before = state();
  const json = { ...admin, "content-type": "application/json" };
  for (const operation of operations.filter(({ method }) => method !== "GET")) {
    const { method, url } = sampleRequest(operation);
    const send = (payload: string, headers: InjectOptions["headers"] = json): Promise<number> =>
      answered(t, app, { method, url, payload, headers }, operation.id);
    const isUpload = operation.id === "image-add";
    if (operation.id !== "config-replace" && !isUpload) t.equal(await send(`{"name":"${"x".repeat(100_000)}"}`), 413, operation.id);
    t.equal(await send('{"name":'), isUpload ? 415 : 400, `${operation.id}: half a body`);
    t.equal(await send('{"__proto__":{"role":"admin"}}'), isUpload ? 415 : 400, `${operation.id}: a prototype`);
    t.equal(await send("name=x", { ...admin, "content-type": "text/plain" }), 415, `${operation.id}: plain text`);
    t.equal(await send("name=x", { ...admin, "content-type": "nonsense" }), 415, `${operation.id}: no content type`);
    if (isUpload) t.equal(await send("{}"), 415, "an image is no JSON");
    if (isUpload) t.equal(await send("x".repeat(1_000_001), { ...admin, "content-type": "application/octet-stream" }), 413, "a huge image");
  }
  t.equal(state(), before);
  t.same(operator.orders, []);
});

t.test("any path, query, body and headers at every route", async (t) => {
  const { app, operations, state, admin } = await everyRoute(t);
  const asked = operations.filter(({ id }) => id !== "events");
  const text = fc.string({ maxLength: 300, unit: "binary-ascii" });
  const rawPath = fc.oneof(
    text.map((name) => encodeURIComponent(name)),
    fc.constantFrom("%zz", "%ff", "%00", "..", "1e999", "-1", "x".repeat(3000)),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...asked),
      rawPath,
      fc.dictionary(fc.constantFrom("before", "limit", "version", "models", "release", "fileName", "group", "__proto__"), text),
      fc.option(fc.jsonValue(), { nil: undefined }),
      fc.constantFrom(
        {},
        { origin: "null" },
        { origin: "http://x" },
        { host: "[" },
        { cookie: ";=;flexup_session=" },
        { "idempotency-key": "" },
      ),
      async (operation, parameter, query, body, odd) => {
        const before = state();
        const status = await answered(
          t,
          app,
          {
            method: operation.method,
            url: `${operation.path.replace(/\{\w+\}/g, () => parameter)}?${new URLSearchParams(query)}`,
            headers: { ...admin, ...odd, ...(body !== undefined && { "content-type": "application/json" }) },
            ...(body !== undefined && operation.method !== "GET" && { payload: JSON.stringify(body) }),
          },
          `${operation.method} ${operation.id}`,
        );
        if (status >= 400) t.equal(state(), before, `${operation.id}: ${status} changes nothing`);
      },
    ),
    { numRuns: 300 },
  );
});

t.test("a login with any name and password", async (t) => {
  const { app, state, accounts } = await everyRoute(t);
  const before = state();
  const text = fc.string({ maxLength: 70, unit: "binary" });
  await fc.assert(
    fc.asyncProperty(text, text, async (name, password) => {
      const request = { method: "POST", url: "/api/v1/session", payload: { name, password } } as const;
      const allowed = name.length <= 64 ? 401 : 400;
      t.equal(await answered(t, app, request, "log-in"), allowed);
    }),
    { numRuns: 4 },
  );
  t.equal(state(), before);
  t.equal((await accounts.logIn("admin", firstPassword, "elsewhere")).ok, true);
});

t.test("an event stream with any Last-Event-ID", async (t) => {
  const { url, admin } = await everyRoute(t);
  for (const lastId of ["", "-", "0-0", "x-1", "-1", "00000000-999999999999999", "x".repeat(4000), "a-1-2"]) {
    const hangUp = new AbortController();
    const response = await fetch(new URL("/api/v1/events", url), { headers: { ...admin, "last-event-id": lastId }, signal: hangUp.signal });
    t.equal(response.status, 200, lastId.slice(0, 40));
    t.equal(response.headers.get("content-type"), "text/event-stream");
    hangUp.abort();
  }
  const head = await fetch(new URL("/api/v1/events", url), { method: "HEAD", headers: admin });
  t.equal(head.status, 404, "a stream without a body would never end");
});
