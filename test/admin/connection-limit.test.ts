import t from "tap";
import { ConnectionLimit } from "../../src/admin/connection-limit.js";

function limit(over: Partial<ConstructorParameters<typeof ConnectionLimit>[0]> = {}) {
  const closed: string[] = [];
  const all = new ConnectionLimit<string>(
    { connectionsMax: 6, strangersPerNetworkMax: 3, connectionsPerUserMax: 2, ...over },
    (connection) => closed.push(connection),
  );
  return { all, closed };
}

t.test("a network keeps its newest connections, and one in use outlives an idle one", async (t) => {
  const { all, closed } = limit();
  for (const name of ["a", "b", "c"]) all.open(name, "192.0.2.1");
  all.touch("a");
  all.open("d", "192.0.2.1");
  t.same(closed, ["b"]);
  all.open("other", "192.0.2.2");
  t.same(closed, ["b"], "another network has places of its own");
});

t.test("an IPv6 /64 is one network", async (t) => {
  const { all, closed } = limit();
  for (const end of [1, 2, 3, 4]) all.open(`x${end}`, `2001:db8::${end}`);
  t.same(closed, ["x1"]);
});

t.test("when all places are taken, the network with the most connections gives one up", async (t) => {
  const { all, closed } = limit({ strangersPerNetworkMax: 10 });
  all.open("honest", "192.0.2.9");
  for (const name of ["a", "b", "c", "d", "e"]) all.open(name, "192.0.2.1");
  all.open("admin", "192.0.2.8");
  t.same(closed, ["a"]);
});

t.test("strangers never displace users", async (t) => {
  const { all, closed } = limit({ connectionsMax: 2 });
  all.open("u1", "192.0.2.1");
  all.logIn("u1", "noc");
  all.open("u2", "192.0.2.1");
  all.logIn("u2", "admin");
  all.open("stranger", "192.0.2.7");
  t.same(closed, ["stranger"]);
});

t.test("a user's connections compete with each other, from wherever they come", async (t) => {
  const { all, closed } = limit();
  for (const [index, name] of ["v1", "v2", "v3"].entries()) {
    all.open(name, `192.0.2.${index + 1}`);
    all.logIn(name, "viewer");
  }
  t.same(closed, ["v1"]);
  all.touch("v2");
  all.open("v4", "192.0.2.4");
  all.logIn("v4", "viewer");
  t.same(closed, ["v1", "v3"]);
});

t.test("a place is free again after its connection closed", async (t) => {
  const { all, closed } = limit();
  for (const name of ["a", "b", "c"]) all.open(name, "192.0.2.1");
  all.closed("a");
  all.closed("a");
  all.open("d", "192.0.2.1");
  t.same(closed, []);
  t.equal(all.size, 3);
  all.logIn("gone", "noc");
  all.touch("gone");
  t.equal(all.size, 3);
});
