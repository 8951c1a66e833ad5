import { X509Certificate } from "node:crypto";
import { createServer as createHttpServer, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import t from "tap";
import { AdminClient } from "../../src/admin/client.js";
import { type RoutedOrder, requestOf } from "../../src/admin/order-paths.js";
import { orderRoutes } from "../../src/admin/routes.js";
import { failure, success } from "../../src/base/failure.js";
import { ownTlsIdentity } from "../../src/runtime/access/own-certificate.js";
import { serving } from "../support/admin.js";
import { FakeOperatorPort } from "../support/fake-operator-port.js";
import { temporaryFolder } from "../support/folder.js";
import fc from "../support/properties.js";

const name = fc.string({ minLength: 1, maxLength: 60, unit: "grapheme" }).filter((text) => text !== "." && text !== "..");
const release = fc.constantFrom("primary" as const, "backup" as const);
const flag = fc.boolean();
const seconds = fc.integer({ min: 1, max: 3600 });
const group = { group: name };
const ap = { ap: name };

const activationRequest = {
  batch: fc.constantFrom(
    { kind: "count", aps: 3 },
    { kind: "percent", percent: 12.5 },
    {
      kind: "phases",
      phases: [
        { percent: 1, failuresMax: 0 },
        { percent: 100, failuresMax: 5 },
      ],
    },
  ),
  pauseSeconds: fc.integer({ min: 0, max: 86_400 }),
  failuresMax: fc.integer({ min: 0, max: 6000 }),
  order: fc.constantFrom("name", "random"),
  canary: fc.array(name, { maxLength: 3 }),
  force: flag,
};

const listed = { version: "9.0", models: ["ap3g2"], fileName: "ap3g2.img", sizeBytes: 1000, sha256: "a".repeat(64) };
const releases = { primary: [listed], backup: [] };

/** Every routed order with fields of any legal content. */
const fieldsOf: { [T in RoutedOrder["type"]]: Record<string, fc.Arbitrary<unknown>> } = {
  "group-add": group,
  "group-delete": group,
  "group-ap-add": { ...group, mac: name },
  "group-ap-delete": { ...group, mac: name },
  "group-set": { ...group, settings: fc.record({ retryCount: fc.integer({ min: 1, max: 63 }), predownload: flag }, { requiredKeys: [] }) },
  "group-predownload": { ...group, enabled: flag },
  "group-primary-add": { ...group, ...ap },
  "group-primary-remove": { ...group, ...ap },
  "group-subordinate-add": { ...group, ...ap },
  "group-subordinate-remove": { ...group, ...ap },
  "group-retry-count": { ...group, retryCount: fc.integer({ min: 1, max: 63 }) },
  "group-backoff": { ...group, minSeconds: seconds, maxSeconds: seconds },
  "group-wave2-refetch": { ...group, enabled: flag },
  "group-wan": {
    ...group,
    wan: fc.record(
      { fallback: fc.constantFrom("fallback", "wait", "fail"), transfersMax: fc.integer({ min: 1, max: 200 }) },
      { requiredKeys: [] },
    ),
  },
  "group-preview": { ...group, release, link: fc.constant({ wanBytesPerSecond: 1e6, lanBytesPerSecond: 1e8 }) },
  "group-start": { ...group, release, force: flag },
  "group-abort": group,
  "group-activate": { ...group, at: fc.integer({ min: 0, max: 2 ** 40 }), ...activationRequest },
  "group-activation-preview": { ...group, ...activationRequest },
  "group-activation-pause": group,
  "group-activation-resume": group,
  "group-activation-abort": group,
  "show-activation": group,
  "ap-predownload": { ...ap, release, force: flag },
  "ap-predownload-abort": ap,
  "ap-swap": { ...ap, force: flag },
  "ap-reset": ap,
  "ap-forget": ap,
  "image-remove": { imageId: name },
  "credential-add": { mac: name },
  "credential-delete": { mac: name },
  "credential-list": {},
  "show-ap-image": ap,
  "show-ap-summary": {},
  "show-group-summary": {},
  "show-group": group,
  "config-replace": { releases: fc.constant(releases), groups: fc.constant([]), check: flag },
  "show-config": {},
  "show-boot": {},
  "show-images": {},
  "show-peer": {},
  "show-system": {},
  "show-runs": { group: fc.option(name), limit: fc.integer({ min: 1, max: 200 }), before: fc.nat() },
  "show-run-summary": {},
  "show-run": { run: fc.nat() },
};
const anyOrder = fc.oneof(
  ...Object.entries(fieldsOf).map(([type, fields]) => fc.record({ type: fc.constant(type), ...fields }) as fc.Arbitrary<unknown>),
) as fc.Arbitrary<RoutedOrder>;

t.test("every order arrives at the port as it left the client", async (t) => {
  const operator = new FakeOperatorPort();
  const { url } = await serving(t, { operator });
  const client = new AdminClient(url);
  operator.answer = () => failure("unknown-thing", "not this time");
  await fc.assert(
    fc.asyncProperty(anyOrder, async (order) => {
      operator.orders.length = 0;
      t.same(await client.order(order), failure("unknown-thing", "not this time"));
      t.same(operator.orders, [order]);
    }),
    { numRuns: 300 },
  );
});

t.test("no two orders share a request", async (t) => {
  const places = Object.values(orderRoutes).map(({ method, path }) => `${method} ${path.replace(/:\w+/g, ":")}`);
  t.equal(new Set(places).size, places.length);
});

t.test("a name with any character makes one path segment", async (t) => {
  t.same(requestOf({ type: "group-retry-count", group: "Grp 1/ä?#", retryCount: 5 }), {
    method: "PUT",
    path: "/api/v1/groups/Grp%201%2F%C3%A4%3F%23/retry-count",
    body: { retryCount: 5 },
  });
});

t.test("refusals carry the status that their code says", async (t) => {
  const operator = new FakeOperatorPort();
  const { app } = await serving(t, { operator });
  for (const [code, status] of [
    ["unknown-group", 404],
    ["invalid-backoff", 400],
    ["run-active", 409],
  ] as const) {
    operator.answer = () => failure(code, "because");
    const response = await app.inject({ method: "GET", url: "/api/v1/groups/G" });
    t.equal(response.statusCode, status);
    t.same(response.json(), { code, message: "because" });
  }
});

async function refused(app: FastifyInstance, method: "GET" | "PUT" | "POST", url: string, payload?: string, type = "application/json") {
  const response = await app.inject({ method, url, ...(payload !== undefined && { payload, headers: { "content-type": type } }) });
  return [response.statusCode, response.json()];
}

t.test("requests that make no sense are told what was wrong and never reach the port", async (t) => {
  const operator = new FakeOperatorPort();
  const { app } = await serving(t, { operator });
  const invalid = (status: number, message: string) => [status, { code: "invalid-request", message }];
  t.same(
    await refused(app, "PUT", "/api/v1/groups/G/retry-count", '{"retryCount":64}'),
    invalid(400, "retryCount: Too big: expected number to be <=63"),
  );
  t.same(
    await refused(app, "PUT", "/api/v1/groups/G/retry-count", '{"retryCount":"5"}'),
    invalid(400, "retryCount: Invalid input: expected number, received string"),
  );
  t.same(await refused(app, "PUT", "/api/v1/groups/G/retry-count", '{"retryCount":5,"more":1}'), invalid(400, 'Unrecognized key: "more"'));
  t.same(
    await refused(app, "PUT", "/api/v1/groups/G/retry-count", "{"),
    invalid(400, "Body is not valid JSON but content-type is set to 'application/json'"),
  );
  t.same(
    await refused(app, "POST", "/api/v1/groups/G/run", "x", "text/plain"),
    invalid(415, "Unsupported Content-Type: send JSON as application/json, an image as application/octet-stream"),
  );
  t.same(
    await refused(app, "POST", "/api/v1/groups/G/run"),
    invalid(400, "This request needs a body: send JSON with Content-Type: application/json"),
  );
  t.same(await refused(app, "POST", "/api/v1/groups/G/run", ""), invalid(400, "The body is empty; send JSON, or omit the Content-Type"));
  t.same(
    await refused(app, "PUT", "/api/v1/groups/G/retry-count", JSON.stringify("x".repeat(70_000))),
    invalid(413, "Request body is too large"),
  );
  t.same(await refused(app, "GET", "/api/v1/nothing?x=1"), [
    404,
    { code: "unknown-route", message: "There is no GET /api/v1/nothing; /api/openapi.json lists all routes" },
  ]);
  t.same(operator.orders, []);
});

t.test("a configuration is taken whole: an image without a digest is no image, and a refusal is passed on", async (t) => {
  const operator = new FakeOperatorPort();
  const { app } = await serving(t, { operator });
  const { sha256: _, ...undigested } = listed;
  t.match(await refused(app, "PUT", "/api/v1/config", JSON.stringify({ releases: { primary: [undigested], backup: [] }, groups: [] })), [
    400,
    { code: "invalid-request", message: /^releases\.primary\.0\.sha256: / },
  ]);
  t.same(operator.orders, []);
  operator.answer = () => failure("image-missing", "add it");
  t.same(await refused(app, "PUT", "/api/v1/config", JSON.stringify({ releases, groups: [] })), [
    409,
    { code: "image-missing", message: "add it" },
  ]);
  t.same(operator.orders, [{ type: "config-replace", releases, groups: [], check: false }]);
  operator.answer = () => success({ releases, groups: [] });
  t.same(await refused(app, "GET", "/api/v1/config"), [200, { releases, groups: [] }]);
});

t.test("a start repeated under one Idempotency-Key happens once", async (t) => {
  const operator = new FakeOperatorPort();
  const { app } = await serving(t, { operator });
  let runs = 0;
  operator.answer = () => success({ runId: ++runs });
  const start = (release: string, key: string) =>
    app.inject({ method: "POST", url: "/api/v1/groups/G/run", payload: { release }, headers: { "idempotency-key": key } });
  const [first, second] = await Promise.all([start("primary", "k1"), start("primary", "k1")]);
  t.same(first?.json(), { runId: 1 });
  t.same(second?.json(), { runId: 1 });
  const other = await start("backup", "k1");
  t.equal(other.statusCode, 422);
  t.same(other.json(), { code: "idempotency-key-reused", message: "This Idempotency-Key was used for another request; use a new one" });
  t.same((await start("primary", "k2")).json(), { runId: 2 });
  t.equal(operator.orders.length, 2);
});

t.test("the OpenAPI document has every route with its schemas", async (t) => {
  const { app } = await serving(t, { operator: new FakeOperatorPort() });
  const document = (await app.inject({ method: "GET", url: "/api/openapi.json" })).json();
  const operations = Object.values(document.paths as Record<string, Record<string, { operationId: string }>>).flatMap((path) =>
    Object.values(path).map(({ operationId }) => operationId),
  );
  for (const type of [...Object.keys(orderRoutes), "image-add"]) t.ok(operations.includes(type), type);
  t.equal((await app.inject({ method: "GET", url: "/api/docs/" })).statusCode, 200);
});

t.test("what answers without being a controller, or hides behind a strange certificate, is told from silence", async (t) => {
  const { cert, key } = ownTlsIdentity(join(temporaryFolder(t), "tls"), ["127.50.0.6"]);
  t.equal(new X509Certificate(cert).checkIP("127.50.0.6"), "127.50.0.6", "it names the address by which it is reached");
  const proxy = createHttpServer((_request, response) =>
    response.writeHead(502, { "content-type": "text/html" }).end("<h1>Bad gateway</h1>"),
  );
  const secret = createHttpsServer({ cert, key }, (_request, response) => response.end());
  await Promise.all([proxy, secret].map((server) => new Promise<void>((resolve) => server.listen(0, "127.50.0.6", () => resolve()))));
  t.teardown(() => {
    for (const server of [proxy, secret]) server.close();
  });
  const at = (scheme: string, server: Server): URL => new URL(`${scheme}://127.50.0.6:${(server.address() as AddressInfo).port}`);
  t.match(await new AdminClient(at("http", proxy)).order({ type: "show-boot" }), {
    failure: { code: "unexpected-answer", message: /answered HTTP 502 with something other than JSON; is it a flexup controller\?/ },
  });
  t.match(await new AdminClient(at("https", secret)).order({ type: "show-boot" }), {
    failure: { code: "certificate-unknown", message: /NODE_EXTRA_CA_CERTS/ },
  });
});

t.test("an unreachable controller is one line", async (t) => {
  const client = new AdminClient(new URL("http://127.50.0.2:50999"));
  t.same(
    await client.order({ type: "show-boot" }),
    failure(
      "controller-unreachable",
      'No controller answers at http://127.50.0.2:50999 (connect ECONNREFUSED 127.50.0.2:50999); start one with "flexup controller" or name another with --admin',
    ),
  );
});
