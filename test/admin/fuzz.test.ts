/** Every route against what its schema does not allow: never a 5xx, never a word to the controller that the schema would refuse. */
import fc from "fast-check";
import t from "tap";
import type { z } from "zod";
import { pathFields, type RoutedOrder, usesQuery } from "../../src/admin/order-paths.js";
import { orderRoutes } from "../../src/admin/routes.js";
import { failure } from "../../src/base/failure.js";
import { serving } from "../support/admin.js";
import { FakeDoor } from "../support/door.js";

const types = Object.keys(orderRoutes) as RoutedOrder["type"][];

t.test("any path, query and body", async (t) => {
  const door = new FakeDoor();
  door.answer = () => failure("unknown-thing", "not here");
  const { app } = await serving(t, { door });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...types),
      fc.string({ minLength: 1, maxLength: 700, unit: "grapheme" }),
      fc.option(fc.jsonValue(), { nil: undefined }),
      fc.dictionary(fc.constantFrom("group", "release", "enabled", "retryCount", "ap", "wan", "x", "__proto__"), fc.string()),
      async (type, name, body, query) => {
        door.orders.length = 0;
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
        for (const { type: _, ...fields } of door.orders)
          t.ok(orderRoutes[type].fields.safeParse(fields).success, "only what the schema allows");
      },
    ),
    { numRuns: 200 },
  );
});

t.test("a body cannot change what the path names", async (t) => {
  const door = new FakeDoor();
  const { app } = await serving(t, { door });
  await app.inject({ method: "PUT", url: "/api/v1/groups/G", payload: { group: "H", type: "group-delete" } });
  t.same(door.orders, [{ type: "group-add", group: "G" }]);
});

t.test("each field with each wrong type", async (t) => {
  const door = new FakeDoor();
  const { app } = await serving(t, { door });
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
  const door = new FakeDoor();
  const { app } = await serving(t, { door });
  const send = async (url: string, payload: string): Promise<number> =>
    (await app.inject({ method: "PUT", url, payload, headers: { "content-type": "application/json" } })).statusCode;
  t.equal(await send("/api/v1/groups/G/retry-count", `"${"x".repeat(100_000)}"`), 413);
  t.equal(await send("/api/v1/config", `"${"x".repeat(17 * 2 ** 20)}"`), 413);
  t.equal(await send("/api/v1/config", `${"[".repeat(50_000)}${"]".repeat(50_000)}`), 400);
  t.equal(await send("/api/v1/groups/G/retry-count", '{"__proto__":{"retryCount":5}}'), 400);
  t.equal(await send("/api/v1/groups/G/retry-count", '{"constructor":{"prototype":{}}}'), 400);
  t.same(door.orders, []);
});
