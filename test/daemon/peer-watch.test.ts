import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { PeerWatch } from "../../src/daemon/peer-watch.js";

t.test("an operator who tries again and again does not keep the peer from being asked", async (t) => {
  let asked = 0;
  const server = createServer((_, answer) => {
    asked++;
    answer.writeHead(503).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  let answers = 0;
  const watch = new PeerWatch({
    peer: { url: new URL(`http://127.0.0.1:${port}/`), token: undefined, certificate: undefined },
    onAnswer: () => answers++,
    everyMs: 60_000,
  });
  t.teardown(() => watch.close());
  while (answers === 0) await sleep(10);
  const failure = { code: "peer-differs", message: "" };
  let tries = 0;
  for (; asked < 2 && tries < 100; tries++) {
    watch.note({ type: "order-refused", order: "group-start", failure });
    await sleep(100);
  }
  t.ok(asked > 1, `asked ${asked} times while an operator tried ${tries} times`);
});
