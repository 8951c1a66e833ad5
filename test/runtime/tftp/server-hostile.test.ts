/** Garbage at the listening port and at a transfer's port, from strangers and from the peer itself, while a transfer runs. */
import { createHash } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import t from "tap";
import { Prng } from "../../../src/base/prng.js";
import { systemClock } from "../../../src/runtime/clock.js";
import { openTftpServer } from "../../../src/runtime/tftp/server.js";
import { blockOf, encodePacket, opcode, opcodeOf } from "../../../src/wire/tftp/packet.js";
import { temporaryFolder } from "../../support/folder.js";
import { hostileDatagram } from "../../support/hostile-datagrams.js";

const datagramsMax = process.env["FLEXUP_LONG"] === "1" ? 1_000_000 : 12_000;
const BLOCKS = 600;
const BURST = 40;
interface Memory {
  readonly resident: number;
  readonly live: number;
}
const MEMORY_GROWTH_BYTES_MAX: Memory = { resident: 64 * 1024 * 1024, live: 8 * 1024 * 1024 };
t.setTimeout(3_600_000);

const valid = [
  encodePacket({ type: "read-request", fileName: "image", mode: "octet", options: [{ name: "blksize", value: "1428" }] }),
  encodePacket({ type: "write-request", fileName: "image", mode: "octet", options: [] }),
  encodePacket({ type: "data", block: 1, payload: new Uint8Array(512) }),
  encodePacket({ type: "ack", block: 1 }),
  encodePacket({ type: "error", code: 0, message: "stop" }),
  encodePacket({ type: "oack", options: [{ name: "tsize", value: "1" }] }),
];

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
/** Without what nobody holds any more, however late this process would have collected it. */
function memory(): Memory {
  collectGarbage();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss, live: heapUsed + external };
}

const bound = (address: string): Promise<Socket> =>
  new Promise((resolve) => {
    const socket = createSocket("udp4");
    t.teardown(() => socket.close());
    socket.on("error", () => {});
    socket.bind(0, address, () => resolve(socket));
  });

for (const engine of ["auto", "plain"] as const) {
  t.test(`engine ${engine}`, { timeout: 3_600_000 }, async (t) => {
    const folder = temporaryFolder(t);
    const image = new Prng(5).bytes(BLOCKS * 512 - 100);
    writeFileSync(join(folder, "image"), image);
    const address = engine === "auto" ? "127.33.0.1" : "127.33.0.2";
    const opened = await openTftpServer({
      listen: { address, port: 0 },
      engine,
      clock: systemClock,
      onFatal: (error) => {
        throw error;
      },
    });
    if (!opened.ok) throw new Error(opened.failure.message);
    const server = opened.value;
    t.teardown(() => server.close());
    await server.offer("image", { path: join(folder, "image") });

    // A plain client by hand: it takes one block after each burst, so that the garbage falls on a running transfer.
    const peer = await bound("127.33.9.1");
    const stranger = await bound("127.33.9.2");
    const got: Uint8Array[] = [];
    let transferPort = 0;
    let arrived = (): void => {};
    peer.on("message", (bytes, { port }) => {
      if (opcodeOf(bytes) !== opcode.data || (transferPort !== 0 && port !== transferPort) || port === server.local.port) return;
      transferPort = port;
      if (blockOf(bytes) === got.length + 1) got.push(Uint8Array.from(bytes.subarray(4)));
      arrived();
    });
    /** The next block, asked again every 100 ms. */
    const nextBlock = async (ask: () => void): Promise<void> => {
      for (const due = got.length + 1; got.length < due; ) {
        ask();
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, 100);
          arrived = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    };
    await nextBlock(() => peer.send("\0\x01image\0octet\0", server.local.port, address));

    const prng = new Prng(9);
    const startedAt = performance.now();
    /** After the first tenth, when buffers and compiled code are there. */
    let before: Memory | undefined;
    let sent = 0;
    const pause = Math.ceil(datagramsMax / BURST / BLOCKS);
    for (let burst = 0; sent < datagramsMax; burst++) {
      if (sent >= datagramsMax / 10) before ??= memory();
      for (let count = 0; count < BURST; count++, sent++) {
        const bytes = hostileDatagram(prng, sent, valid);
        const code = opcodeOf(bytes);
        const port = prng.below(2) === 0 ? server.local.port : transferPort;
        // From the peer's own port an ACK or ERROR is the peer's word, mutated or not; to everything else applies what a stranger's gets.
        const fromPeer =
          prng.below(2) === 0 && !(port === transferPort && (code === opcode.ack || code === opcode.error)) && code !== opcode.readRequest;
        (fromPeer ? peer : stranger).send(bytes, port, address);
      }
      if (burst % pause === 0 && got.length < BLOCKS - 1) {
        await nextBlock(() => peer.send(encodePacket({ type: "ack", block: got.length }), transferPort, address));
      } else {
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    while (got.length < BLOCKS) await nextBlock(() => peer.send(encodePacket({ type: "ack", block: got.length }), transferPort, address));
    peer.send(encodePacket({ type: "ack", block: got.length }), transferPort, address);
    const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
    t.equal(sha256(Buffer.concat(got)), sha256(image), `the transfer went through ${sent} hostile datagrams`);
    const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
    const after = memory();
    for (const kind of ["resident", "live"] as const) {
      const [from, to] = [before?.[kind] ?? Number.NaN, after[kind]];
      const growth = `${kind} memory stays flat: ${megabytes(from)} MiB after a tenth, ${megabytes(to)} MiB at the end`;
      t.ok(to - from < MEMORY_GROWTH_BYTES_MAX[kind], growth);
    }
    const { sessions, datagramsDropped, refusals } = server.serving();
    t.ok(sessions.length <= 3, "the cap holds");
    t.ok(datagramsDropped > sent / 10, "the server saw them");
    t.comment(
      `engine ${server.engine}: ${sent} datagrams in ${((performance.now() - startedAt) / 1000).toFixed(0)} s, ${datagramsDropped} counted as useless, ${refusals} refusals`,
    );
  });
}
