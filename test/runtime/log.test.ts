import { Writable } from "node:stream";
import t from "tap";
import { createLogger, LimitedWarnings } from "../../src/runtime/log.js";

function capture(): { lines: Record<string, unknown>[]; destination: Writable } {
  const lines: Record<string, unknown>[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()));
      done();
    },
  });
  return { lines, destination };
}

t.test("a line is JSON with level name, ISO time and the daemon's name", async (t) => {
  const { lines, destination } = capture();
  createLogger({ name: "ap", level: "info", destination }).info({ port: 69 }, "listening");
  t.match(lines[0], { level: "info", name: "ap", port: 69, msg: "listening", time: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ });
});

t.test("a kind of warning is written once a second and the rest is counted", async (t) => {
  const { lines, destination } = capture();
  let now = 0;
  const warnings = new LimitedWarnings(createLogger({ name: "ap", level: "info", destination }), { now: () => now });
  for (now = 0; now < 2000; now += 10) warnings.warn("malformed", "dropped a datagram", { from: "192.0.2.1" });
  warnings.warn("other", "another kind has its own second");
  t.same(
    lines.map(({ kind, suppressed }) => [kind, suppressed]),
    [
      ["malformed", undefined],
      ["malformed", 99],
      ["other", undefined],
    ],
  );
});
