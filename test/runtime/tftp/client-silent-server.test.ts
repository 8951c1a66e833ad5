/** A server that answers for a while and then falls silent: the fetch must end by its own clock, wherever it was. Both engines. */
import { createSocket, type Socket } from "node:dgram";
import t, { type Test } from "tap";
import type { Endpoint } from "../../../src/base/endpoint.js";
import { systemClock } from "../../../src/runtime/clock.js";
import { startTftpFetch } from "../../../src/runtime/tftp/client.js";
import { blockOf, encodePacket, opcode, opcodeOf } from "../../../src/wire/tftp/packet.js";
import { fetchEngines } from "../../support/tftp-engines.js";

const BLKSIZE = 1428;
const WINDOWSIZE = 8;
const IDLE_MS = 1500;
const ENDED_MS_MAX = 20_000;

/** Answers each ACK `delayMs` late with a window, `windows` times. */
async function silentAfter(t: Test, address: string, delayMs: number, windows: number): Promise<Endpoint> {
  const bound = (): Promise<Socket> =>
    new Promise((resolve) => {
      const socket = createSocket("udp4");
      t.teardown(() => socket.close());
      socket.bind(0, address, () => resolve(socket));
    });
  const [asked, transfer] = [await bound(), await bound()];
  let left = windows;
  let sizeTold = false;
  const later = (run: () => void): void => void setTimeout(run, delayMs);
  asked.on("message", (_bytes, { port, address }) => {
    if (sizeTold) return;
    sizeTold = true;
    const options = Object.entries({ tsize: 4 << 20, blksize: BLKSIZE, windowsize: WINDOWSIZE });
    const oack = encodePacket({ type: "oack", options: options.map(([name, value]) => ({ name, value: `${value}` })) });
    later(() => transfer.send(oack, port, address));
  });
  transfer.on("message", (bytes, { port, address }) => {
    if (opcodeOf(bytes) !== opcode.ack || left-- <= 0) return;
    const first = blockOf(bytes) + 1;
    later(() => {
      for (let block = first; block < first + WINDOWSIZE; block++)
        transfer.send(encodePacket({ type: "data", block, payload: new Uint8Array(BLKSIZE) }), port, address);
    });
  });
  return { address, port: asked.address().port };
}

for (const { engine, skip } of fetchEngines) {
  t.test(`${engine} client`, { skip, timeout: 60_000 }, async (t) => {
    const cases = [0, 60, 100, 200, 250, 400].flatMap((delayMs) => [0, 1, 4, 5, 6, 7, 8, 9].map((windows) => ({ delayMs, windows })));
    const outcomes = cases.map(async ({ delayMs, windows }, index) => {
      const server = await silentAfter(t, `127.38.0.${index + 1}`, delayMs, windows);
      const fetch = startTftpFetch({
        server,
        fileName: "image",
        engine,
        blksize: BLKSIZE,
        windowsize: WINDOWSIZE,
        settings: { idleMsMax: IDLE_MS, dallyMs: 10 },
        clock: systemClock,
        sink: { write: async () => {} },
        onFatal: (error) => {
          throw error;
        },
      });
      const hangs = setTimeout(() => fetch.abort(), ENDED_MS_MAX);
      const { outcome } = await fetch.ended;
      clearTimeout(hangs);
      return `${outcome} (delay ${delayMs} ms, silent after ${windows} windows)`;
    });
    t.same(
      await Promise.all(outcomes),
      cases.map(({ delayMs, windows }) => `timeout (delay ${delayMs} ms, silent after ${windows} windows)`),
    );
  });
}

/** Agrees to any block size and sends only blocks that fit a path of 1,000 octets. */
async function behindNarrowPath(t: Test, address: string, image: Uint8Array): Promise<Endpoint> {
  const socket = createSocket("udp4");
  t.teardown(() => socket.close());
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  socket.on("message", (request, { port, address }) => {
    if (opcodeOf(request) !== opcode.readRequest) return;
    const blksize = Number(/blksize\0(\d+)/.exec(request.toString("latin1"))?.[1] ?? 512);
    const transfer = createSocket("udp4");
    t.teardown(() => transfer.close());
    const asked = blksize === 512 ? [] : [{ name: "blksize", value: `${blksize}` }];
    const oack = encodePacket({ type: "oack", options: [{ name: "tsize", value: `${image.length}` }, ...asked] });
    transfer.bind(0, (socket.address() as { address: string }).address, () => transfer.send(oack, port, address));
    transfer.on("message", (bytes) => {
      if (opcodeOf(bytes) !== opcode.ack || blksize > 1000) return;
      const block = blockOf(bytes) + 1;
      const payload = image.subarray((block - 1) * blksize, block * blksize);
      if ((block - 1) * blksize <= image.length) transfer.send(encodePacket({ type: "data", block, payload }), port, address);
    });
  });
  return { address, port: socket.address().port };
}

for (const { engine, skip } of fetchEngines) {
  t.test(`a path that loses large packets (${engine} client)`, { skip, timeout: 60_000 }, async (t) => {
    const image = Uint8Array.from({ length: 20_000 }, (_, index) => index * 7);
    const chunks: Uint8Array[] = [];
    const fetch = startTftpFetch({
      server: await behindNarrowPath(t, "127.38.1.1", image),
      fileName: "image",
      engine,
      windowsize: 1,
      settings: { dallyMs: 10 },
      clock: systemClock,
      sink: { write: async (_offset, more) => void chunks.push(...more.map((chunk) => Uint8Array.from(chunk))) },
      onFatal: (error) => {
        throw error;
      },
    });
    t.match(await fetch.ended, { outcome: "complete", bytesDone: image.length });
    t.ok(Buffer.concat(chunks).equals(image));
  });
}
