import { Writable } from "node:stream";
import t from "tap";
import type { MacAddress } from "../../src/base/mac-address.js";
import { apEventLine as apLine } from "../../src/runtime/ap/event-line.js";
import { controllerEventLine as controllerLine } from "../../src/runtime/controller/event-line.js";
import { LimitedLog, Log, type LogLine } from "../../src/runtime/log.js";

function capture(): { lines: Record<string, unknown>[]; raw: string[]; destination: Writable } {
  const lines: Record<string, unknown>[] = [];
  const raw: string[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      raw.push(chunk.toString());
      lines.push(JSON.parse(chunk.toString()));
      done();
    },
  });
  return { lines, raw, destination };
}

t.test("a line is JSON with level name, ISO time, component and event", async (t) => {
  const { lines, destination } = capture();
  new Log({ component: "controller", level: "info", destination }).info("listening", "listening on port 69", { port: 69 });
  t.match(lines[0], { level: "info", component: "controller", event: "listening", port: 69, msg: "listening on port 69" });
  t.match(lines[0], { time: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ });
});

t.test("a kind of warning is written once a second and the rest is counted", async (t) => {
  const { lines, destination } = capture();
  let now = 0;
  const warnings = new LimitedLog(new Log({ component: "ap", level: "info", destination }), { now: () => now });
  for (now = 0; now < 2000; now += 10) warnings.warn("malformed", "dropped a datagram", { from: "192.0.2.1" });
  warnings.warn("other", "another kind has its own second");
  t.same(
    lines.map(({ event, suppressed }) => [event, suppressed]),
    [
      ["malformed", undefined],
      ["malformed", 99],
      ["other", undefined],
    ],
  );
});

t.test("a burst is written in full, then lines come at their rate", async (t) => {
  const { lines, destination } = capture();
  let now = 0;
  const limited = new LimitedLog(new Log({ component: "controller", level: "info", destination }), { now: () => now });
  const join = (): void =>
    limited.write({ level: "info", event: "ap-joined", message: "joined" }, "ap-joined", { burst: 100, perSecond: 5 });
  for (let count = 0; count < 1000; count++) join();
  t.equal(lines.length, 100);
  for (now = 0; now < 10_000; now += 10) join();
  t.ok(lines.length >= 145 && lines.length <= 150, `${lines.length}`);
  t.ok(Number(lines[100]?.["suppressed"]) >= 900);
});

const mac = "00:00:5e:00:53:01" as MacAddress;

/** JSON.parse keeps the last of two equal keys: only the text shows that there were two. */
const topLevelKeys = (line: string): string[] => [...line.matchAll(/[{,]"(\w+)":/g)].map(([, key]) => key as string);

t.test("controller and AP write one schema, and no key twice", async (t) => {
  const { lines, raw, destination } = capture();
  const controller = new Log({ component: "controller", level: "info", destination });
  controller.write(
    controllerLine({ type: "ap-joined", mac, name: "AP1", model: "AIR-AP2802I", from: { address: "192.0.2.1", port: 5000 } }) as LogLine,
  );
  controller.write(controllerLine({ type: "swap-done", mac }) as LogLine);
  new Log({ component: "ap", level: "info", ap: { mac, name: "AP1" }, destination }).write(
    apLine({ name: "joined", controller: { address: "192.0.2.9", port: 5246 } }),
  );
  t.match(lines[0], {
    ...{ component: "controller", event: "ap-joined", ap: { mac, name: "AP1" }, from: "192.0.2.1:5000" },
    msg: "AP1 (AIR-AP2802I) joined from 192.0.2.1:5000",
  });
  t.match(lines[1], { component: "controller", event: "swap-done", ap: { mac } });
  t.match(lines[2], { component: "ap", event: "joined", ap: { mac, name: "AP1" }, msg: "joined 192.0.2.9:5246" });
  for (const line of raw) {
    const keys = topLevelKeys(line);
    t.equal(new Set(keys).size, keys.length, line);
  }
});

t.test("progress in bytes is not logged", async (t) => {
  const bytes = { wanBytes: 0, lanBytes: 0, bytesDone: 1, bytesTotal: 2 };
  t.equal(controllerLine({ type: "ap-progress", runId: 1, mac, path: "wan", ...bytes, tries: 0, nextRetryAt: null }), undefined);
});
