import t from "tap";
import type { Machine, Wake } from "../../src/base/machine.js";
import type { Instant } from "../../src/base/time.js";
import { at, partition, powerLoss } from "../../src/sim/faults.js";
import { KeyValueStore, type KeyValueStore as Store } from "../../src/sim/key-value-store.js";
import { Link, Network, perfectLink } from "../../src/sim/network.js";
import { SimNode } from "../../src/sim/node-host.js";
import { World } from "../../src/sim/world.js";

type CounterInput = { readonly type: "ping" } | Wake;
type CounterEffect = { readonly type: "save"; readonly count: number } | { readonly type: "pong"; readonly count: number };

/** Counts pings, saves the count, answers; says it again every second. */
class Counter implements Machine<CounterInput, CounterEffect> {
  #count: number;
  #repeatAt: Instant | undefined;

  constructor(count: number) {
    this.#count = count;
  }

  step(now: Instant, input: CounterInput, out: CounterEffect[]): void {
    if (input.type === "ping") out.push({ type: "save", count: ++this.#count });
    out.push({ type: "pong", count: this.#count });
    this.#repeatAt = now + 1000;
  }

  nextWakeAt(): Instant | undefined {
    return this.#repeatAt;
  }
}

const client = { address: "10.0.0.1", port: 1 };
const server = { address: "10.0.0.2", port: 1 };

function lab(syncMs: number) {
  const world = new World(3);
  const link = new Link("line", { ...perfectLink, latencyMs: 5 });
  const network = new Network(world, () => link);
  const store: Store = new KeyValueStore(world, "server", syncMs);
  const heard: string[] = [];
  const stored = () => (store.records()[0]?.value ?? 0) as number;
  network.bind(client, ({ bytes }) => {
    heard.push(`${world.elapsedMs} pong ${bytes[0]}, ${stored()} stored`);
  });
  const node = new SimNode(
    world,
    "server",
    (life) => {
      const host = life.host<CounterInput, CounterEffect>("counter", new Counter(stored()), {
        save: ({ count }) => store.persist([{ key: "count", value: count }]),
        pong: ({ count }) => {
          network.send(server, client, Uint8Array.of(count));
          return undefined;
        },
      });
      life.bind(network, server, () => host.take({ type: "ping" }));
    },
    () => store.crash(),
  );
  const ping = () => network.send(client, server, Uint8Array.of(0));
  return { world, network, node, ping, heard, store };
}

t.test("what follows a barrier happens after it, inputs are taken meanwhile", async (t) => {
  const { world, node, ping, heard } = lab(20);
  node.start();
  ping();
  world.runFor(10);
  ping();
  world.runFor(100);
  t.same(heard, ["30 pong 1, 1 stored", "50 pong 2, 2 stored"]);
});

t.test("one timer, which follows the machine's deadline", async (t) => {
  const { world, node, ping, heard } = lab(0);
  node.start();
  ping();
  world.runFor(900);
  ping();
  world.runFor(1200);
  t.same(heard, ["10 pong 1, 1 stored", "910 pong 2, 2 stored", "1910 pong 2, 2 stored"]);
});

t.test("a power cut ends machines, timers and sockets; the disk stays", async (t) => {
  const { world, network, node, ping, heard } = lab(0);
  node.start();
  ping();
  powerLoss(world, { afterMs: 50 }, node, 3000);
  world.runFor(100);
  ping();
  world.runFor(2960);
  t.equal(network.unclaimed, 1, "nobody listens while the node is down");
  t.ok(node.alive);
  t.equal(heard.length, 1, "no timer of the first life fires");
  ping();
  world.runFor(100);
  t.same(heard.slice(1), ["3070 pong 2, 2 stored"]);
  t.equal(node.boots, 2);
});

t.test("a power cut before the fsync keeps the record or loses it, and never answers", async (t) => {
  const outcomes = new Set<number>();
  for (let seed = 0; seed < 20; seed++) {
    const world = new World(seed);
    const store = new KeyValueStore(world, "node", 20);
    store.persist([
      { key: "one", value: 1 },
      { key: "two", value: 2 },
    ]);
    world.runFor(10);
    store.crash();
    world.runFor(100);
    outcomes.add(store.records().length);
  }
  t.same([...outcomes].sort(), [0, 2]);
});

t.test("records: the last value stands and null removes", async (t) => {
  const world = new World(1);
  const store = new KeyValueStore(world, "node", 1);
  store.persist([{ key: "a", value: { deep: [1] } }]);
  store.persist([
    { key: "b", value: 2 },
    { key: "a", value: null },
  ]);
  world.runFor(10);
  t.same(store.records(), [{ key: "b", value: 2 }]);
});

t.test("a fault strikes once, when its condition first holds", async (t) => {
  const { world, network, node, ping, heard } = lab(0);
  node.start();
  let strikes = 0;
  at(world, { when: () => heard.length >= 2 }, () => strikes++);
  partition(
    world,
    { when: () => heard.length >= 1 },
    network,
    (address) => address === client.address,
    (address) => address === server.address,
    100,
  );
  ping();
  world.runFor(20);
  ping();
  world.runFor(100);
  t.equal(network.cutOff, 1);
  ping();
  ping();
  world.runFor(3000);
  t.equal(strikes, 1);
  t.ok(heard.length > 2);
});
