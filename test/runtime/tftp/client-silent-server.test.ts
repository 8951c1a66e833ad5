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
