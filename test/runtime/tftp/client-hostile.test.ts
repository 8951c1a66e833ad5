/** Garbage at the port of a fetch, from strangers and from the server itself, while blocks arrive. Both engines. */
import { createHash } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import t, { type Test } from "tap";
import { Prng } from "../../../src/base/prng.js";
import { systemClock } from "../../../src/runtime/clock.js";
import { startTftpFetch } from "../../../src/runtime/tftp/client.js";
import { blockOf, encodePacket, opcode, opcodeOf } from "../../../src/wire/tftp/packet.js";
import { hostileDatagram } from "../../support/hostile-datagrams.js";
import { fetchEngines } from "../../support/tftp-engines.js";

const datagramsMax = process.env["FLEXUP_LONG"] === "1" ? 1_000_000 : 12_000;
const BLKSIZE = 512;
const WINDOWSIZE = 8;
const BLOCKS = 2400;
const BURST = 40;
const MEMORY_GROWTH_BYTES_MAX = 64 * 1024 * 1024;
t.setTimeout(3_600_000);

const valid = [
  encodePacket({ type: "read-request", fileName: "image", mode: "octet", options: [{ name: "blksize", value: "512" }] }),
  encodePacket({ type: "data", block: 1, payload: new Uint8Array(BLKSIZE) }),
  encodePacket({ type: "ack", block: 1 }),
  encodePacket({ type: "error", code: 0, message: "stop" }),
  encodePacket({ type: "oack", options: [{ name: "tsize", value: "1" }] }),
];

const bound = (t: Test, address: string): Promise<Socket> =>
  new Promise((resolve) => {
    const socket = createSocket("udp4");
    t.teardown(() => socket.close());
    socket.on("error", () => {});
    socket.bind(0, address, () => resolve(socket));
  });

for (const { engine, skip } of fetchEngines) {
  t.test(`${engine} client`, { skip, timeout: 3_600_000 }, async (t) => {
    const image = new Prng(5).bytes(BLOCKS * BLKSIZE - 100);
    const server = await bound(t, "127.37.0.1");
    const stranger = await bound(t, "127.37.0.2");
    const toStranger = new Set<string>();
    stranger.on("message", (bytes) => toStranger.add(bytes.subarray(0, 4).toString("hex")));

    let port = 0;
    let acked = -1;
    const toServer = new Set<number>();
    let answered = (): void => {};
    server.on("message", (bytes, from) => {
      port = from.port;
      toServer.add(opcodeOf(bytes));
      // Blocks are fewer than 65,536.
      if (opcodeOf(bytes) === opcode.ack) acked = Math.max(acked, blockOf(bytes));
      answered();
    });
    const answer = (ms: number): Promise<void> =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, ms);
        answered = () => {
          clearTimeout(timer);
          resolve();
        };
      });

    const fetch = startTftpFetch({
      server: { address: "127.37.0.1", port: server.address().port },
      fileName: "image",
      engine,
      blksize: BLKSIZE,
      windowsize: WINDOWSIZE,
      settings: { dallyMs: 10 },
      clock: systemClock,
      sink: { write: async () => {} },
      onFatal: (error) => {
        throw error;
      },
    });
    let over = false;
    const ended = fetch.ended.finally(() => {
      over = true;
    });
    await answer(5000);

    const prng = new Prng(9);
    let sent = 0;
    let residentBefore = 0;
    const burst = async (): Promise<void> => {
      if (residentBefore === 0 && sent >= datagramsMax / 10) residentBefore = process.memoryUsage.rss();
      for (let count = 0; count < BURST; count++, sent++) {
        const bytes = hostileDatagram(prng, sent, valid);
        const code = opcodeOf(bytes);
        // DATA and ERROR from the server's own port are its word, mutated or not.
        const fromServer = acked > 0 && prng.below(2) === 0 && code !== opcode.data && code !== opcode.error;
        (fromServer ? server : stranger).send(bytes, port, "127.0.0.1");
      }
      await new Promise((resolve) => setImmediate(resolve));
    };
    const options = [
      { name: "tsize", value: String(image.length) },
      { name: "windowsize", value: String(WINDOWSIZE) },
    ];
    const windowsLeft = (): number => Math.ceil((BLOCKS - Math.max(0, acked)) / WINDOWSIZE);
    for (let asked = 0; !over && acked < BLOCKS; ) {
      if (acked < 0) {
        server.send(encodePacket({ type: "oack", options }), port, "127.0.0.1");
      } else {
        asked = acked;
        for (let block = asked + 1; block <= Math.min(BLOCKS, asked + WINDOWSIZE); block++) {
          const payload = image.subarray((block - 1) * BLKSIZE, block * BLKSIZE);
          server.send(encodePacket({ type: "data", block, payload }), port, "127.0.0.1");
          if (prng.below(WINDOWSIZE) === 0 && sent < datagramsMax) await burst();
        }
      }
      if (acked <= asked) await answer(50);
      for (let more = (datagramsMax - sent) / BURST / Math.max(1, windowsLeft()); more > 0; more--) await burst();
    }
    const { outcome, detail, sha256 } = await ended;
    await fetch.closed;
    t.equal(detail, "");
    t.same([outcome, sha256], ["complete", createHash("sha256").update(image).digest("hex")], `through ${sent} hostile datagrams`);
    t.ok(sent >= datagramsMax);
    t.same([...toStranger], ["00050005"], "strangers get ERROR 5 and nothing else");
    t.same([...toServer].sort(), [opcode.readRequest, opcode.ack], "the server gets what it should");
    const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
    const resident = process.memoryUsage.rss();
    t.ok(
      resident - residentBefore < MEMORY_GROWTH_BYTES_MAX,
      `memory stays flat: ${megabytes(residentBefore)} MiB after a tenth, ${megabytes(resident)} MiB at the end`,
    );
  });
}
