/** Server and client on real sockets, with the native sender and without: what arrives, and who is told what. */

import { createSocket } from "node:dgram";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { Endpoint } from "../../../src/base/endpoint.js";
import { systemClock } from "../../../src/runtime/clock.js";
import { loadNativeTftp } from "../../../src/runtime/tftp/native-sender.js";
import { openTftpServer } from "../../../src/runtime/tftp/server.js";
import { tftpEnds } from "../../support/tftp-ends.js";
import { fetchEngines } from "../../support/tftp-engines.js";

t.setTimeout(400_000);
const { folder, image, sha256, serve, fetch: fetchWith, exchange, failOnBug } = tftpEnds(t);

for (const engine of ["auto", "plain"] as const) {
  const skip = engine === "auto" && loadNativeTftp() === undefined ? "the native sender is not built here" : false;
  t.test(`engine ${engine}`, { skip }, async (t) => {
    const fetch: typeof fetchWith = (server, options) => fetchWith(server, { engine, ...options });

    t.test("files arrive whole, one after the other and three at once", async (t) => {
      const server = await serve(t, engine, "127.31.0.1");
      for (const [blksize, windowsize] of [
        [512, 1],
        [1428, 32],
        [8192, 8],
        [65464, 4],
      ] as const) {
        for (const { engine } of fetchEngines) {
          const one = fetch(server.local, { engine, blksize, windowsize, sizeBytes: image.length });
          t.match(
            await one.ended,
            { outcome: "complete", bytesDone: image.length, sha256 },
            `${blksize} × ${windowsize}, ${engine} client`,
          );
          t.ok(one.bytes().equals(image));
        }
      }
      // The last one's slot is free when its last ACK has reached the server, a moment after the client has all.
      while (server.serving().sessions.length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
      const three = await Promise.all([1, 2, 3].map(() => fetch(server.local).ended));
      t.same(
        three.map((end) => end.sha256),
        [sha256, sha256, sha256],
      );
      while (server.serving().sessions.length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
      t.match(server.serving(), { sessionsComplete: 11, bytesServed: 11 * image.length, refusals: 0 });
    });

    t.test("the fourth is refused while three run, and comes in when one has ended", async (t) => {
      const server = await serve(t, engine, "127.31.0.2", { sessionRateBytesPerSecond: 300_000 });
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

    t.test("a name that is withdrawn while its file is being opened is not offered after all", async (t) => {
      const server = await serve(t, engine, "127.31.0.9");
      await server.withdraw("image");
      const offered = server.offer("image", { path: join(folder, "image") });
      await server.withdraw("image");
      t.match(await offered, { ok: true, value: { offered: false } }, "it was, and is no more");
      t.match(await fetch(server.local).ended, { outcome: "refused" });
      const both = [server.offer("image", { path: join(folder, "image") }), server.offer("image", { path: join(folder, "image") })];
      t.match(await Promise.all(both), [{ value: { offered: false } }, { value: { offered: true } }]);
      t.match(await fetch(server.local).ended, { outcome: "complete" }, "the last of two offers counts");
      const late = server.offer("image", { path: join(folder, "image") });
      await server.close();
      await late;
    });

    t.test("a file that is written to during its transfer ends it", async (t) => {
      const server = await serve(t, engine, "127.31.0.10", { sessionRateBytesPerSecond: 200_000 });
      const path = join(folder, `changing-${engine}`);
      writeFileSync(path, image);
      await server.offer("changing", { path });
      const changed = fetch(server.local, {
        fileName: "changing",
        onProgress: () => writeFileSync(path, image.subarray(0, 1000)),
      });
      t.match(await changed.ended, { outcome: "error", detail: "server's error 0: the file changed during the transfer" });
      const got = changed.bytes();
      t.ok(got.equals(image.subarray(0, got.length)), "what went out before is the old content");
    });

    t.test("a stranger at a transfer's port gets ERROR 5, and the transfer continues", async (t) => {
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
      // Block 1 may have been repeated meanwhile.
      const second = new Promise<Buffer>((resolve) => socket.on("message", (bytes) => bytes[3] !== 1 && resolve(bytes)));
      socket.send(Uint8Array.of(0, 4, 0, 1), transfer.port, transfer.address);
      t.same((await second).subarray(0, 4), Buffer.from([0, 3, 0, 2]), "the peer's own ACK brings block 2");
    });
  });
}

t.test("single-port mode: everything comes from the listening port", async (t) => {
  const server = await serve(t, "auto", "127.31.0.5", { singlePort: true });
  t.equal(server.engine, "plain");
  const [answer] = await exchange(server.local, "\0\x01image\0octet\0");
  t.same(answer?.from, server.local);
  t.match(await fetchWith(server.local).ended, { outcome: "complete", sha256 });
});

for (const { engine, skip } of fetchEngines) {
  const fetch: typeof fetchWith = (server, options) => fetchWith(server, { engine, ...options });

  t.test(`a slow sink slows the transfer down and bounds what waits (${engine} client)`, { skip }, async (t) => {
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

  t.test(`a full disk, a dead server, an address of somebody else (${engine} client)`, { skip }, async (t) => {
    const server = await serve(t, "auto", "127.31.0.7");
    const full = fetch(server.local, { sink: { write: () => Promise.reject(new Error("ENOSPC: no space left on device")) } });
    t.match(await full.ended, { outcome: "storage", detail: "ENOSPC: no space left on device" });
    const nobody = fetch({ address: "127.31.0.8", port: 9 }, { settings: { idleMsMax: 300, firstTimeoutMs: 100 } });
    t.match(await nobody.ended, { outcome: "timeout", detail: "no answer from 127.31.0.8:9" });
    const foreign = fetch(server.local, { localAddress: "192.0.2.1" });
    t.match(await foreign.ended, { outcome: "error", detail: /192\.0\.2\.1 is not an address of this host/, bytesDone: 0 });
    await foreign.closed;
  });
}

t.test("a taken port, a file that is not there", async (t) => {
  const server = await serve(t, "auto", "127.31.0.9");
  const taken = await openTftpServer({ listen: server.local, clock: systemClock, onFatal: failOnBug });
  t.equal(!taken.ok && taken.failure.code, "port-in-use");
  const missing = await server.offer("x", { path: join(folder, "missing") });
  t.equal(!missing.ok && missing.failure.code, "unreadable-file");
});
