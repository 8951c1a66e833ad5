/** How server and client behave beside the transfer itself: addresses, refusals, shares, slots, aborts. On real sockets, both engines. */
import { createSocket, type Socket } from "node:dgram";
import { networkInterfaces } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import t, { type Test } from "tap";
import type { Endpoint } from "../../../src/base/endpoint.js";
import { systemClock } from "../../../src/runtime/clock.js";
import { loadNativeTftp } from "../../../src/runtime/tftp/native-sender.js";
import { openTftpServer, type RunningTftpServer } from "../../../src/runtime/tftp/server.js";
import { CpuWait } from "../../support/cpu-wait.js";
import { tftpEnds } from "../../support/tftp-ends.js";
import { fetchEngines } from "../../support/tftp-engines.js";

t.setTimeout(400_000);
const { image, path, sha256, serve, fetch: fetchWith, exchange, failOnBug } = tftpEnds(t);
const REFUSAL_MS_MAX = 5;

/** A bound socket that asks for the file and then says nothing. */
async function silentPeer(t: Test, server: Endpoint, address = "127.35.9.1") {
  const socket = createSocket("udp4");
  let open = true;
  socket.on("close", () => {
    open = false;
  });
  t.teardown(() => open && socket.close());
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  socket.send("\0\x01image\0octet\0", server.port, server.address);
  return socket;
}

for (const [index, engine] of (["auto", "plain"] as const).entries()) {
  const skip = engine === "auto" && loadNativeTftp() === undefined ? "the native sender is not built here" : false;
  t.test(`engine ${engine}`, { skip }, async (t) => {
    const fetch: typeof fetchWith = (server, options) => fetchWith(server, { engine, ...options });
    const address = (last: number): string => `127.35.${index}.${last}`;

    t.test("replies and transfers leave from the address that was asked, on every address of the host", async (t) => {
      const server = await serve(t, engine, "0.0.0.0");
      const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses?.filter(({ family }) => family === "IPv4") ?? []);
      t.comment(own.map(({ address }) => address).join(", "));
      for (const { address } of own) {
        const asked = { address, port: server.local.port };
        const [refusal] = await exchange(asked, "\0\x01none\0octet\0", address);
        t.same(refusal?.from, asked, `the refusal comes from ${address}`);
        // The client takes its first reply from the asked address alone.
        t.match(await fetch(asked).ended, { outcome: "complete", sha256 }, `the file comes from ${address}`);
      }
    });

    t.test("IPv6, and both families on one port", async (t) => {
      const opened = await openTftpServer({ listen: { address: "::", port: 0 }, engine, clock: systemClock, onFatal: failOnBug });
      const v6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === "::1"));
      if (!opened.ok || !v6) return void t.pass("no IPv6 here", { skip: "this host has no IPv6 loopback" });
      t.teardown(() => opened.value.close());
      await opened.value.offer("image", { path });
      const { port } = opened.value.local;
      t.match(await fetch({ address: "0:0:0:0:0:0:0:1", port }).ended, { outcome: "complete", sha256 });
      t.match(await fetch({ address: "127.0.0.1", port }).ended, { outcome: "complete", sha256 });
    });

    t.test(`one more than the cap is refused in under ${REFUSAL_MS_MAX} ms while the others run`, async (t) => {
      const server = await serve(t, engine, address(2), { sessionRateBytesPerSecond: 400_000, requestsPerSecondMax: 1000 });
      const running = [1, 2, 3].map(() => fetch(server.local));
      while (server.serving().sessions.length < 3) await pause(5);
      const cpuWait = new CpuWait([]);
      const peer = createSocket("udp4");
      t.teardown(() => peer.close());
      // The address of those that run: one that has no slot would be given one of theirs.
      await new Promise<void>((resolve) => peer.bind(0, "127.0.0.1", resolve));
      const times: number[] = [];
      for (let count = 0; count < 31; count++) {
        const askedAt = performance.now();
        const answer = await new Promise<Buffer>((resolve) => {
          peer.once("message", resolve);
          peer.send("\0\x01image\0octet\0", server.local.port, server.local.address);
        });
        times.push(performance.now() - askedAt);
        if (answer.toString("latin1") !== "\0\x05\0\0busy: all 3 sessions are in use, try again later\0") t.fail(answer.toString("latin1"));
        await pause(3);
      }
      times.sort((a, b) => a - b);
      const [fastest, median] = [times[0] as number, times[15] as number];
      cpuWait.judge(t, median < REFUSAL_MS_MAX, `fastest ${fastest.toFixed(2)} ms, median ${median.toFixed(2)} ms`);
      for (const { abort, ended } of running) {
        abort();
        t.match(await ended, { outcome: "aborted", sha256: undefined });
      }
    });

    t.test("a total rate is kept, and each transfer has its share of it", async (t) => {
      const rate = 1_200_000;
      const server = await serve(t, engine, address(3), { rateBytesPerSecond: rate });
      const cpuWait = new CpuWait([]);
      const startedAt = performance.now();
      const seconds = await Promise.all(
        [1, 2, 3].map(async () => {
          t.match(await fetch(server.local).ended, { outcome: "complete", sha256 });
          return (performance.now() - startedAt) / 1000;
        }),
      );
      const due = (3 * image.length) / rate;
      const [first, last] = [Math.min(...seconds), Math.max(...seconds)];
      t.ok(last > 0.9 * due, `all three took ${last.toFixed(2)} s, at the rate ${due.toFixed(2)} s are due`);
      cpuWait.judge(t, first > 0.8 * last, `the first ended after ${first.toFixed(2)} s: none was ahead`);
    });

    t.test("a peer that says nothing frees its slot, and one that is gone frees it sooner", async (t) => {
      /** How long a peer had a slot, from its request on. */
      const slotTaken = async (server: RunningTftpServer, leave: (socket: Socket) => void): Promise<number> => {
        const startedAt = performance.now();
        const peer = await silentPeer(t, server.local);
        while (server.serving().sessions.length === 0) await pause(2);
        leave(peer);
        while (server.serving().sessions.length > 0) await pause(5);
        return performance.now() - startedAt;
      };
      const cpuWait = new CpuWait([]);
      const hasty = await serve(t, engine, address(4), { idleMsMax: 1000 });
      const idleMs = await slotTaken(hasty, () => {});
      t.ok(idleMs >= 1000, `${idleMs.toFixed(0)} ms of silence`);
      t.equal(hasty.serving().sessionsFailed, 1);
      cpuWait.judge(t, idleMs < 5000, `no more than ${idleMs.toFixed(0)} ms`);
      // A socket of the plain engine is not connected and does not hear that nobody is there.
      if (engine === "plain") return;
      const patient = await serve(t, engine, address(5), { idleMsMax: 60_000 });
      const goneMs = await slotTaken(patient, (peer) => peer.close());
      t.ok(goneMs < 60_000, `${goneMs.toFixed(0)} ms of nobody`);
      t.equal(patient.serving().sessionsFailed, 1);
    });
  });
}

for (const { engine, skip } of fetchEngines) {
  t.test(`progress is told as it is written, the size before it; an abort is one at any time (${engine} client)`, { skip }, async (t) => {
    const fetch: typeof fetchWith = (server, options) => fetchWith(server, { engine, ...options });
    const server = await serve(t, "auto", "127.35.2.1");
    const told: number[] = [];
    let size: number | undefined;
    const { ended } = fetch(server.local, {
      onSize: (bytes) => {
        size = bytes;
        t.same(told, [], "the size comes first");
      },
      onProgress: (bytes) => told.push(bytes),
    });
    t.match(await ended, { outcome: "complete", bytesDone: image.length });
    t.equal(size, image.length);
    t.same(
      told,
      [...told].sort((a, b) => a - b),
    );
    t.equal(told.at(-1), image.length);

    const early = fetch(server.local);
    early.abort();
    t.match(await early.ended, { outcome: "aborted", bytesDone: 0 });
    await early.closed;
    let written = 0;
    const midway = fetch(server.local, {
      onProgress: (bytes) => {
        written = bytes;
        midway.abort();
      },
    });
    t.match(await midway.ended, { outcome: "aborted", sha256: undefined });
    t.ok(written < image.length);
    const late = fetch(server.local);
    t.match(await late.ended, { outcome: "complete" });
    late.abort();
    await late.closed;
    while (server.serving().sessions.length > 0) await pause(5);
  });
}
