/** Server and client on real sockets, with the native sender and without. */
import { createHash, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { Endpoint } from "../../src/base/endpoint.js";
import type { ServerSettings } from "../../src/core/tftp/contract.js";
import { systemClock } from "../../src/runtime/clock.js";
import { startTftpFetch, type TftpFetchOptions } from "../../src/runtime/tftp-client.js";
import { loadNativeTftp } from "../../src/runtime/tftp-native.js";
import { openTftpServer, type TftpServer } from "../../src/runtime/tftp-server.js";
import { temporaryFolder } from "../support/folder.js";

t.setTimeout(120_000);
const failOnBug = (error: unknown): void => {
  throw error;
};
const folder = temporaryFolder(t);
const image = randomBytes(600_000);
const sha256 = createHash("sha256").update(image).digest("hex");
const path = join(folder, "image");
writeFileSync(path, image);

async function serve(t: Test, engine: "auto" | "plain", address: string, settings: Partial<ServerSettings> = {}): Promise<TftpServer> {
  const opened = await openTftpServer({ listen: { address, port: 0 }, engine, settings, clock: systemClock, onFatal: failOnBug });
  if (!opened.ok) throw new Error(opened.failure.message);
  t.teardown(() => opened.value.close());
  const offered = await opened.value.offer("image", { path });
  if (!offered.ok) throw new Error(offered.failure.message);
  return opened.value;
}

/** Fetches into memory. */
function fetch(server: Endpoint, options: Partial<TftpFetchOptions> = {}) {
  const chunks: Uint8Array[] = [];
  const running = startTftpFetch({
    server,
    fileName: "image",
    clock: systemClock,
    settings: { dallyMs: 10 },
    sink: { write: async (_offset, more) => void chunks.push(...more) },
    onFatal: failOnBug,
    ...options,
  });
  return { ...running, bytes: () => Buffer.concat(chunks) };
}

/** One datagram and the answers to it within a moment. */
async function exchange(to: Endpoint, bytes: Uint8Array | string, from = "127.0.0.1"): Promise<{ bytes: Buffer; from: Endpoint }[]> {
  const socket = createSocket(to.address.includes(":") ? "udp6" : "udp4");
  const answers: { bytes: Buffer; from: Endpoint }[] = [];
  socket.on("message", (answer, { address, port }) => answers.push({ bytes: answer, from: { address, port } }));
  await new Promise<void>((resolve) => socket.bind(0, to.address.includes(":") ? "::1" : from, resolve));
  socket.send(bytes, to.port, to.address);
  for (let time = 0; time < 20 && answers.length === 0; time++) await new Promise((resolve) => setTimeout(resolve, 10));
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return answers;
}

for (const engine of ["auto", "plain"] as const) {
  const skip = engine === "auto" && loadNativeTftp() === undefined ? "the native sender is not built here" : false;
  t.test(`engine ${engine}`, { skip }, async (t) => {
    t.test("files arrive whole, one after the other and three at once", async (t) => {
      const server = await serve(t, engine, "127.31.0.1");
      for (const [blksize, windowsize] of [
        [512, 1],
        [1428, 32],
        [8192, 8],
        [65464, 4],
      ] as const) {
        const one = fetch(server.local, { blksize, windowsize, sizeBytes: image.length });
        t.match(await one.ended, { outcome: "complete", bytesDone: image.length, sha256 }, `${blksize} × ${windowsize}`);
        t.ok(one.bytes().equals(image));
      }
      const three = await Promise.all([1, 2, 3].map(() => fetch(server.local).ended));
      t.same(
        three.map((end) => end.sha256),
        [sha256, sha256, sha256],
      );
      while (server.serving().sessions.length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
      t.match(server.serving(), { sessionsComplete: 7, bytesServed: 7 * image.length, refusals: 0 });
    });

    t.test("the fourth is refused while three run, and comes in when one has ended", async (t) => {
      const server = await serve(t, engine, "127.31.0.2", { sessionRateBytesPerSecond: 600_000 });
      const running = [1, 2, 3].map(() => fetch(server.local));
      while (server.serving().sessions.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
      t.match(await fetch(server.local).ended, { outcome: "busy", bytesDone: 0, sha256: undefined });
      running[0]?.abort();
      t.match(await running[0]?.ended, { outcome: "aborted" });
      while (server.serving().sessions.length === 3) await new Promise((resolve) => setTimeout(resolve, 5));
      t.match(await fetch(server.local).ended, { outcome: "complete" });
      t.same(await Promise.all(running.slice(1).map(async ({ ended }) => (await ended).outcome)), ["complete", "complete"]);
    });

    t.test("withdrawing ends transfers at both ends; a file that shrinks does not end the process", async (t) => {
      const server = await serve(t, engine, "127.31.0.3", { sessionRateBytesPerSecond: 200_000 });
      const running = fetch(server.local);
      while (server.serving().sessions.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
      await server.withdraw("image");
      t.match(await running.ended, { outcome: "error", detail: "server's error 0: the file was withdrawn" });
      t.match(await fetch(server.local).ended, { outcome: "refused" });
      const shrinking = join(folder, "shrinking");
      writeFileSync(shrinking, image);
      await server.offer("shrinking", { path: shrinking });
      writeFileSync(shrinking, "");
      const end = await fetch(server.local, { fileName: "shrinking", settings: { dallyMs: 10, idleMsMax: 500 } }).ended;
      t.not(end.outcome, "complete");
      t.match(await fetch(server.local, { fileName: "none" }).ended, { outcome: "refused" });
    });

    t.test("a stranger at a transfer's port gets ERROR 5, and the transfer goes on", async (t) => {
      const server = await serve(t, engine, "127.31.0.4", { sessionRateBytesPerSecond: 500_000 });
      const socket = createSocket("udp4");
      t.teardown(() => socket.close());
      await new Promise<void>((resolve) => socket.bind(0, "127.31.9.9", resolve));
      const transfer = await new Promise<Endpoint>((resolve) => {
        socket.on("message", (_bytes, { address, port }) => resolve({ address, port }));
        socket.send("\0\x01image\0octet\0", server.local.port, server.local.address);
      });
      t.not(transfer.port, server.local.port);
      const [answer] = await exchange(transfer, Uint8Array.of(0, 4, 0, 1), "127.31.9.10");
      t.same(answer?.bytes.subarray(0, 4), Buffer.from([0, 5, 0, 5]));
      t.equal(server.serving().sessions.length, 1);
      const second = new Promise<Buffer>((resolve) => socket.once("message", resolve));
      socket.send(Uint8Array.of(0, 4, 0, 1), transfer.port, transfer.address);
      t.same((await second).subarray(0, 4), Buffer.from([0, 3, 0, 2]), "the peer's own ACK brings block 2");
    });
  });
}

t.test("replies leave from the address that was asked", async (t) => {
  const server = await serve(t, "auto", "0.0.0.0");
  const [refusal] = await exchange({ address: "127.0.0.1", port: server.local.port }, "\0\x01none\0octet\0");
  t.equal(refusal?.from.address, "127.0.0.1");
  t.match(await fetch({ address: "127.0.0.1", port: server.local.port }).ended, { outcome: "complete", sha256 });
});

t.test("IPv6", async (t) => {
  const opened = await openTftpServer({ listen: { address: "::1", port: 0 }, clock: systemClock, onFatal: failOnBug });
  if (!opened.ok) return void t.pass("no IPv6 here", { skip: "this host has no IPv6 loopback" });
  t.teardown(() => opened.value.close());
  await opened.value.offer("image", { path });
  const { port } = opened.value.local;
  t.match(await fetch({ address: "0:0:0:0:0:0:0:1", port }).ended, { outcome: "complete", sha256 });
});

t.test("single-port mode: everything comes from the listening port", async (t) => {
  const server = await serve(t, "auto", "127.31.0.5", { singlePort: true });
  t.equal(server.engine, "plain");
  const [answer] = await exchange(server.local, "\0\x01image\0octet\0");
  t.same(answer?.from, server.local);
  t.match(await fetch(server.local).ended, { outcome: "complete", sha256 });
});

t.test("a slow sink slows the transfer down and bounds what waits", async (t) => {
  const server = await serve(t, "auto", "127.31.0.6");
  let taken = 0;
  let largest = 0;
  const { ended } = fetch(server.local, {
    windowsize: 8,
    settings: { dallyMs: 10, backlogBytesMax: 50_000 },
    sink: {
      write: async (_offset, chunks) => {
        const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
        largest = Math.max(largest, bytes);
        taken += bytes;
        await new Promise((resolve) => setTimeout(resolve, 5));
      },
    },
  });
  t.match(await ended, { outcome: "complete" });
  t.equal(taken, image.length);
  t.ok(largest <= 50_000 + 8 * 1428, `${largest} octets waited at most`);
});

t.test("a full disk, a dead server, a taken port", async (t) => {
  const server = await serve(t, "auto", "127.31.0.7");
  const full = fetch(server.local, { sink: { write: () => Promise.reject(new Error("ENOSPC: no space left on device")) } });
  t.match(await full.ended, { outcome: "storage", detail: "ENOSPC: no space left on device" });
  const nobody = fetch({ address: "127.31.0.8", port: 9 }, { settings: { idleMsMax: 300, firstTimeoutMs: 100 } });
  t.match(await nobody.ended, { outcome: "timeout", detail: "no answer from 127.31.0.8:9" });
  const taken = await openTftpServer({ listen: server.local, clock: systemClock, onFatal: failOnBug });
  t.equal(!taken.ok && taken.failure.code, "port-in-use");
  const missing = await server.offer("x", { path: join(folder, "missing") });
  t.equal(!missing.ok && missing.failure.code, "unreadable-file");
});
