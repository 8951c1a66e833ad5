/**
 * Transfers over a link that loses, doubles and reorders, on real sockets. Between flexup and flexup every one must arrive; with others
 * none may hang or deliver wrong content. `npm run test:long`: 10 MB, 20 runs for each cell.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { Prng } from "../../src/base/prng.js";
import { systemClock } from "../../src/runtime/clock.js";
import { startTftpFetch } from "../../src/runtime/tftp-client.js";
import { openTftpServer } from "../../src/runtime/tftp-server.js";
import { temporaryFolder } from "../support/folder.js";
import { type Impairment, openImpairedLink } from "../support/impaired-link.js";
import { foreignClients, foreignServers, isAbsent, runProgram, startServer } from "../support/tftp-peers.js";

const long = process.env["FLEXUP_LONG"] === "1";
const { bytes, runs, foreignRuns } = long ? { bytes: 10_000_000, runs: 20, foreignRuns: 20 } : { bytes: 150_000, runs: 1, foreignRuns: 1 };
const LIMIT_MS = long ? 600_000 : 60_000;
/** Foreign programs wait seconds for each lost packet: they get less to carry. */
const foreignBytes = long ? 1_000_000 : 30_000;
t.setTimeout(long ? 14_400_000 : 300_000);

const impairments: Readonly<Record<string, Impairment>> = {
  "1 % loss": { loss: 0.01 },
  "5 % reordering": { reorder: 0.05 },
  "2 % duplicates": { duplicate: 0.02 },
  "all three": { loss: 0.01, reorder: 0.05, duplicate: 0.02 },
};
const windowsizes = [1, 4, 16, 64];

const folder = temporaryFolder(t);
const files = { image: new Prng(1).bytes(bytes), small: new Prng(2).bytes(foreignBytes) };
const sha256Of = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");
const digests = { image: sha256Of(files.image), small: sha256Of(files.small) };
for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
const failOnBug = (error: unknown): void => {
  throw error;
};

async function serve(t: Test, address: string) {
  const settings = { sessionsMax: 64, requestsPerSecondMax: 10_000 };
  const opened = await openTftpServer({ listen: { address, port: 0 }, settings, clock: systemClock, onFatal: failOnBug });
  if (!opened.ok) throw new Error(opened.failure.message);
  t.teardown(() => opened.value.close());
  for (const name of Object.keys(files)) await opened.value.offer(name, { path: join(folder, name) });
  return opened.value;
}

const fetch = (server: { address: string; port: number }, fileName: string, windowsize: number) =>
  startTftpFetch({
    server,
    fileName,
    windowsize,
    settings: { dallyMs: 300 },
    clock: systemClock,
    sink: { write: async () => {} },
    onFatal: failOnBug,
  });

t.test("flexup and flexup: every transfer arrives", { timeout: LIMIT_MS * 20 }, async (t) => {
  const server = await serve(t, "127.32.0.1");
  for (const [name, impairment] of Object.entries(impairments)) {
    for (let run = 0; run < runs; run++) {
      await Promise.all(
        windowsizes.map(async (windowsize) => {
          const link = await openImpairedLink(server.local, "127.32.0.2", impairment, 100 * run + windowsize);
          const running = fetch(link.endpoint, "image", windowsize);
          const end = await running.ended;
          if (end.outcome !== "complete" || end.digests?.sha256 !== digests.image) {
            t.fail(`${name}, windowsize ${windowsize}, run ${run}: ${end.outcome} ${end.detail}`);
          }
          await running.closed;
          await link.close();
        }),
      );
    }
    t.pass(`${name}: ${runs * windowsizes.length} transfers`);
  }
});

t.test("damaged headers: no hang, and what is complete is whole", { timeout: LIMIT_MS * 20 }, async (t) => {
  const server = await serve(t, "127.32.0.3");
  const ends = await Promise.all(
    windowsizes.map(async (windowsize) => {
      const link = await openImpairedLink(server.local, "127.32.0.4", { corrupt: 0.01 }, windowsize);
      const running = fetch(link.endpoint, "small", windowsize);
      const end = await running.ended;
      await running.closed;
      await link.close();
      return end;
    }),
  );
  for (const { outcome, digests: got } of ends) t.ok(outcome !== "complete" || got?.sha256 === digests.small, outcome);
});

t.test("clients of others through flexup's server: no hang, no wrong content", { timeout: LIMIT_MS * 80 }, async (t) => {
  const server = await serve(t, "127.32.0.5");
  for (const client of foreignClients().filter(({ name }) => name === "atftp" || name === "curl")) {
    if (isAbsent(client)) {
      t.pass(client.name, { skip: `${client.name} is not here: ${client.absent}` });
      continue;
    }
    for (const [name, impairment] of Object.entries(impairments)) {
      let arrived = 0;
      const windows = client.options.windowsize ? windowsizes : [1];
      for (let run = 0; run < foreignRuns; run++) {
        await Promise.all(
          windows.map(async (windowsize) => {
            const link = await openImpairedLink(server.local, "127.32.0.6", impairment, 100 * run + windowsize);
            const file = join(folder, `${client.name}-${windowsize}`);
            rmSync(file, { force: true });
            const wish = { server: link.endpoint, name: "small", file, blksize: 1428, windowsize };
            const { code, output } = await runProgram(client.command(wish), LIMIT_MS);
            const whole = code === 0 && existsSync(file) && sha256Of(readFileSync(file)) === digests.small;
            if (whole) arrived++;
            if (code === null) t.fail(`${client.name} hangs: ${name}, windowsize ${windowsize}, run ${run} ${output}`);
            if (code === 0 && !whole) t.fail(`${client.name} has wrong content: ${name}, windowsize ${windowsize}, run ${run}`);
            await link.close();
          }),
        );
      }
      t.pass(`${client.name}, ${name}: ${arrived} of ${foreignRuns * windows.length} arrived`);
    }
  }
});

t.test("atftpd to flexup's client: no hang, no wrong content", { timeout: LIMIT_MS * 80 }, async (t) => {
  const atftpd = foreignServers().find(({ name }) => name === "atftpd");
  const running = atftpd === undefined || isAbsent(atftpd) ? undefined : await startServer(atftpd, "127.32.0.7", folder);
  if (running === undefined) return void t.pass("atftpd", { skip: "atftpd is not here or does not start: apt-get install atftpd" });
  t.teardown(() => running.stop());
  for (const [name, impairment] of Object.entries(impairments)) {
    let arrived = 0;
    for (let run = 0; run < foreignRuns; run++) {
      await Promise.all(
        windowsizes.map(async (windowsize) => {
          const link = await openImpairedLink(running.endpoint, "127.32.0.8", impairment, 100 * run + windowsize);
          const fetching = fetch(link.endpoint, "small", windowsize);
          const end = await fetching.ended;
          if (end.outcome === "complete") arrived++;
          if (end.outcome === "complete" && end.digests?.sha256 !== digests.small)
            t.fail(`wrong content: ${name}, ${windowsize}, run ${run}`);
          await fetching.closed;
          await link.close();
        }),
      );
    }
    t.pass(`${name}: ${arrived} of ${foreignRuns * windowsizes.length} arrived`);
  }
});
