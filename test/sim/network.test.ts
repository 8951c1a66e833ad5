import t from "tap";
import { InvariantError } from "../../src/base/invariant.js";
import { Link, type LinkQuality, Network, perfectLink } from "../../src/sim/network.js";
import { World } from "../../src/sim/world.js";

const a = { address: "10.0.0.1", port: 1000 };
const b = { address: "10.0.0.2", port: 69 };

function pair(quality: Partial<LinkQuality>) {
  const world = new World(7);
  const link = new Link("line", { ...perfectLink, ...quality });
  const network = new Network(world, (from, to) => (from === to ? undefined : link));
  const arrivals: { atMs: number; first: number | undefined; from: string }[] = [];
  const socket = network.bind(b, ({ from, bytes }) => {
    arrivals.push({ atMs: Number(world.elapsedMs.toFixed(3)), first: bytes[0], from: `${from.address}:${from.port}` });
  });
  const send = (...firsts: number[]) => {
    for (const first of firsts) network.send(a, b, Uint8Array.of(first, ...new Uint8Array(953)));
  };
  return { world, link, network, arrivals, send, socket };
}

t.test("latency and bandwidth", async (t) => {
  const { world, arrivals, send } = pair({ latencyMs: 50, bitsPerSecond: 8_000_000 });
  send(1, 2);
  world.runFor(1000);
  t.same(arrivals, [
    { atMs: 51, first: 1, from: "10.0.0.1:1000" },
    { atMs: 52, first: 2, from: "10.0.0.1:1000" },
  ]);
});

t.test("a full queue drops what comes next and serves on when it has drained", async (t) => {
  const { world, link, arrivals, send } = pair({ bitsPerSecond: 8_000_000, queueBytes: 1000 });
  send(1, 2, 3, 4);
  world.runFor(10);
  send(5);
  world.runFor(10);
  t.same(
    arrivals.map(({ first }) => first),
    [1, 2, 5],
  );
  t.equal(link.counters.overflowed, 2);
});

t.test("loss, duplication and reordering come at their rates", async (t) => {
  const { world, link, arrivals, send } = pair({ loss: 0.1, duplication: 0.05, reordering: 0.05, reorderMsMax: 5 });
  for (let index = 0; index < 2000; index++) {
    send(index % 256);
    world.runFor(1);
  }
  world.runFor(10);
  const { lost, duplicated, reordered } = link.counters;
  t.ok(lost > 140 && lost < 260, `${lost} lost`);
  t.ok(duplicated > 50 && duplicated < 140, `${duplicated} duplicated`);
  t.ok(reordered > 50 && reordered < 150, `${reordered} reordered`);
  t.equal(arrivals.length, 2000 - lost + duplicated);
  t.ok(arrivals.some(({ first }, index) => index > 0 && first === ((arrivals[index - 1]?.first as number) + 255) % 256));
});

t.test("a cut stops what it names until it is healed", async (t) => {
  const { world, network, arrivals, send } = pair({});
  const heal = network.cut((from) => from === a.address);
  send(1);
  heal();
  send(2);
  world.runFor(1);
  t.same(
    arrivals.map(({ first }) => first),
    [2],
  );
  t.equal(network.cutOff, 1);
});

t.test("endpoints", async (t) => {
  const { world, network, arrivals, send, socket } = pair({});
  t.throws(() => network.bind(b, () => {}), InvariantError);
  const one = network.bind({ address: a.address, port: 0 }, () => {});
  const two = network.bind({ address: a.address, port: 0 }, () => {});
  t.not(one.local.port, two.local.port);
  t.ok(one.local.port >= 49152);
  socket.close();
  send(1);
  network.send(a, a, new Uint8Array(1));
  network.send(a, b, new Uint8Array(70_000));
  world.runFor(1);
  t.same(arrivals, []);
  t.equal(network.unclaimed, 3, "nobody listens, no route, too long for a datagram");
});
