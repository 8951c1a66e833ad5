import { connect } from "node:net";
import type { Test } from "tap";
import t from "tap";
import { failure, success } from "../../src/base/failure.js";
import type { Order } from "../../src/core/controller/operator/orders.js";
import type { ApImageRow, ApSummaryRow, GroupView } from "../../src/core/controller/operator/views.js";
import { serving } from "../support/admin.js";
import { FakeOperatorPort } from "../support/fake-operator-port.js";

const mac = "00:0a:b8:3b:0b:c2";
const summary = { mac, name: "AP1", state: "Joined" } as unknown as ApSummaryRow;

/** An operator port whose views the test may change between looks. */
class World extends FakeOperatorPort {
  aps: readonly ApSummaryRow[] = [summary];
  image = { mac, name: "AP1", bytesDone: 0, nextRetrySeconds: null } as unknown as ApImageRow;
  groups: readonly string[] = ["G"];

  constructor() {
    super();
    this.answer = (order: Order) => {
      if (order.type === "show-ap-summary") return success(this.aps);
      if (order.type === "show-ap-image") return success({ total: 1, counts: {}, aps: [this.image] });
      if (order.type === "show-group-summary") return success(this.groups.map((name) => ({ name })));
      if (order.type === "show-group") return success({ name: order.group } as unknown as GroupView);
      if (order.type === "show-images") return success([]);
      if (order.type === "show-boot") return success({ primary: null, backup: null });
      return failure("unknown-order", "not here");
    };
  }
}

interface Received {
  readonly id: string;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** Reads a stream until `done` says enough, then hangs up. */
async function read(url: URL, done: (all: readonly Received[]) => boolean, lastId?: string): Promise<readonly Received[]> {
  const abort = new AbortController();
  const response = await fetch(new URL(`/api/v1/events${url.search}`, url), {
    signal: abort.signal,
    headers: lastId === undefined ? {} : { "last-event-id": lastId },
  });
  const all: Received[] = [];
  let text = "";
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    const blocks = text.split("\n\n");
    text = blocks.pop() as string;
    for (const block of blocks) {
      const fields = new Map(block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
      if (fields.has("event"))
        all.push({ id: fields.get("id") as string, event: fields.get("event") as string, data: JSON.parse(fields.get("data") as string) });
    }
    if (done(all)) break;
  }
  abort.abort();
  return all;
}

async function streaming(t: Pick<Test, "teardown">) {
  const operator = new World();
  return { operator, ...(await serving(t, { operator })) };
}

t.test("a snapshot, then changes in order: rows that are new whole, of others what changed", async (t) => {
  const { operator, url, feed } = await streaming(t);
  const reading = read(url, (all) => {
    if (all.length === 1) {
      operator.image = { ...operator.image, bytesDone: 5 };
      operator.groups = ["H"];
      feed.note({ type: "swap-done", mac: mac as never });
    }
    return all.length === 2;
  });
  const [first, second] = await reading;
  t.match(first, {
    event: "snapshot",
    data: { aps: [{ mac }], groups: [{ name: "G" }], catalogue: [], boot: { primary: null }, events: [] },
  });
  t.match(second, {
    event: "change",
    data: { images: [{ mac, bytesDone: 5 }], groups: [{ name: "H" }], groupsGone: ["G"], events: [{ event: { type: "swap-done" } }] },
  });
  t.notOk("aps" in (second?.data ?? {}), "what is as it was is not repeated");
  t.strictSame(second?.data["images"], [{ mac, bytesDone: 5 }], "nor is a field of a row");
  t.notOk("boot" in (second?.data ?? {}));
});

t.test("an AP that the controller has forgotten is told as gone", async (t) => {
  const { operator, url } = await streaming(t);
  const [, second] = await read(url, (all) => {
    if (all.length === 1) operator.aps = [];
    return all.length === 2;
  });
  t.match(second, { event: "change", data: { apsGone: [mac] } });
});

t.test("a reader resumes after the last id that it has, and a stranger's id gets a snapshot", async (t) => {
  const { operator, url } = await streaming(t);
  const [snapshot] = await read(url, (all) => all.length === 1);
  operator.image = { ...operator.image, bytesDone: 7 };
  const [resumed] = await read(url, (all) => all.length === 1, snapshot?.id);
  t.match(resumed, { event: "change", data: { images: [{ bytesDone: 7 }] } });
  for (const id of ["other-1", "garbage", `${snapshot?.id}9999`])
    t.match(await read(url, (all) => all.length === 1, id), [{ event: "snapshot", data: { images: [{ bytesDone: 7 }] } }], id);
});

t.test("the snapshot is to be had as one answer, from which the stream continues", async (t) => {
  const { app, operator, url } = await streaming(t);
  const { id, snapshot } = (await app.inject("/api/v1/events/snapshot")).json();
  t.match(snapshot, { aps: [{ mac }], groups: [{ name: "G" }], boot: { primary: null }, events: [] });
  operator.image = { ...operator.image, bytesDone: 8 };
  const after = (text: string): URL => new URL(`/x/?after=${text}`, url);
  t.match(await read(after(id), (all) => all.length === 1), [{ event: "change", data: { images: [{ bytesDone: 8 }] } }]);
  const [first] = await read(after("00000000-1"), (all) => all.length === 1);
  t.match(first, { event: "snapshot", data: { images: [{ bytesDone: 8 }] } });
  operator.image = { ...operator.image, bytesDone: 9 };
  t.match(
    await read(after("00000000-1"), (all) => all.length === 1, first?.id),
    [{ event: "change", data: { images: [{ bytesDone: 9 }] } }],
    "the header is newer than the address",
  );
});

t.test("a reader that missed nothing is answered all the same: its browser calls the stream open then", async (t) => {
  const { url } = await streaming(t);
  const [snapshot] = await read(url, (all) => all.length === 1);
  const hangUp = new AbortController();
  const headers = { "last-event-id": snapshot?.id ?? "" };
  // Well before the first heartbeat, which would bring the head along.
  const patience = setTimeout(() => hangUp.abort(), 10_000);
  const response = await fetch(new URL("/api/v1/events", url), { signal: hangUp.signal, headers });
  clearTimeout(patience);
  t.equal(response.status, 200);
  hangUp.abort();
});

t.test("a countdown alone is no change", async (t) => {
  const { operator, url, feed } = await streaming(t);
  operator.image = { ...operator.image, nextRetrySeconds: 100 };
  const all = await read(url, (all) => {
    if (all.length === 1) {
      operator.image = { ...operator.image, nextRetrySeconds: 99 };
      feed.note({ type: "swap-done", mac: mac as never });
    }
    return all.length === 2;
  });
  t.match(all[1], { event: "change", data: { events: [{}] } });
  t.notOk("images" in (all[1]?.data ?? {}));
});

t.test("a countdown that begins again at the same number is told", async (t) => {
  const { operator, url } = await streaming(t);
  operator.image = { ...operator.image, nextRetrySeconds: 3 };
  // The stream looks each second; the number stays while time passes, as after one more try that failed.
  const all = await read(url, (all) => all.length === 2);
  t.strictSame(all[1]?.data["images"], [{ mac, nextRetrySeconds: 3 }]);
});

t.test("ten thousand events cost a look or two, not ten thousand", async (t) => {
  const { operator, url, feed } = await streaming(t);
  const looks = (): number => operator.orders.filter(({ type }) => type === "show-ap-image").length;
  await read(url, (all) => {
    if (all.length === 1) {
      operator.orders.length = 0;
      operator.image = { ...operator.image, bytesDone: 9 };
      for (let event = 0; event < 10_000; event++) feed.note({ type: "swap-done", mac: mac as never });
    }
    return all.length === 2;
  });
  t.ok(looks() <= 2, `${looks()} looks`);
});

t.test("a reader that takes nothing holds up nobody and catches up later", async (t) => {
  const { operator, url, feed } = await streaming(t);
  operator.aps = Array.from({ length: 2000 }, (_, index) => ({ ...summary, mac: `${index}`, serial: "x".repeat(1000) }));
  const slow = connect(Number(url.port), url.hostname);
  t.teardown(() => slow.destroy());
  slow.write(`GET /api/v1/events HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`);
  await new Promise((resolve) => slow.once("data", resolve));
  slow.pause();
  let changes = 0;
  await read(url, (all) => {
    if (all.length > changes) {
      changes = all.length;
      operator.aps = operator.aps.map((ap) => ({ ...ap, runningVersion: String(changes) }));
      feed.note({ type: "swap-done", mac: mac as never });
    }
    return all.length === 4;
  });
  t.equal(changes, 4, "the quick reader had its changes");
  let text = "";
  slow.on("data", (chunk) => {
    text += chunk.toString();
  });
  slow.resume();
  await new Promise<void>((resolve) => {
    const look = setInterval(() => {
      if (!text.includes('"runningVersion":"4"')) return;
      clearInterval(look);
      resolve();
    }, 20);
    t.teardown(() => clearInterval(look));
  });
  t.pass("the slow one too, once it read");
});

t.test("readers that take nothing hold one snapshot together, not one each", async (t) => {
  const { operator, url } = await streaming(t);
  const megabytes = 24;
  operator.aps = Array.from({ length: megabytes }, (_, index) => ({ ...summary, mac: `${index}`, serial: "x".repeat(1e6) }));
  const before = process.memoryUsage().rss;
  const readers = Array.from({ length: 30 }, () => {
    const socket = connect(Number(url.port), url.hostname);
    t.teardown(() => socket.destroy());
    socket.write(`GET /api/v1/events HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`);
    return new Promise<void>((resolve) =>
      socket.once("data", () => {
        socket.pause();
        resolve();
      }),
    );
  });
  await Promise.all(readers);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const grown = Math.round((process.memoryUsage().rss - before) / 1e6);
  t.ok(grown < 20 * megabytes, `${grown} MB more for 30 readers of ${megabytes} MB`);
});

t.test("changes are kept for who comes back, but not without end", async (t) => {
  const { operator, feed } = await streaming(t);
  const changed = async (length: number): Promise<void> => {
    operator.aps = [{ ...summary, serial: `${length}`.padEnd(length) }];
    // The feed looks again after a quarter of a second.
    await new Promise((resolve) => setTimeout(resolve, 260));
  };
  const { number } = await feed.snapshot();
  for (let change = 1; change <= 3; change++) {
    await changed(3e6 + change);
    await feed.snapshot();
  }
  t.equal(await feed.changesAfter(number), undefined, "nine million characters are too many");
  t.equal((await feed.changesAfter(number + 1))?.length, 2);
});

t.test("closing the server ends every stream", async (t) => {
  const { app, url } = await streaming(t);
  const response = await fetch(new URL("/api/events", url));
  t.equal(response.headers.get("content-type"), "text/event-stream");
  await app.close();
  const text = await response.text();
  t.match(text, /event: snapshot/);
});

t.test("health, readiness and metrics", async (t) => {
  const { app, operator } = await streaming(t);
  t.same((await app.inject("/healthz")).json(), { status: "ok" });
  t.equal((await app.inject("/readyz")).statusCode, 200);
  operator.answer = () => failure("controller-stopping", "stopping");
  const notReady = await app.inject("/readyz");
  t.equal(notReady.statusCode, 503);
  t.same(notReady.json(), { code: "controller-stopping", message: "stopping" });
  const metrics = await app.inject("/metrics");
  t.match(metrics.headers["content-type"], /^text\/plain/);
  t.match(metrics.payload, /flexup_nodejs_eventloop_lag_seconds\{daemon="controller"\}/);
});
