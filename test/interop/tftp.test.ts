/**
 * flexup's TFTP with everybody else's, on a clean link: contents compared byte by byte. `FLEXUP_WRITE_DOCS=1` writes the matrix to
 * docs/interop.md.
 */
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { systemClock } from "../../src/runtime/clock.js";
import { fileSink, startTftpFetch } from "../../src/runtime/tftp/client.js";
import { openTftpServer } from "../../src/runtime/tftp/server.js";
import { temporaryFolder } from "../support/folder.js";
import { type InteropRow, interopPage, writeInteropPage } from "../support/interop-page.js";
import { fetchEngines } from "../support/tftp-engines.js";
import {
  type ForeignClient,
  foreignClients,
  foreignServers,
  type GetWish,
  isAbsent,
  runProgram,
  startServer,
} from "../support/tftp-peers.js";

t.setTimeout(1_800_000);
/** For one file: 65,836 blocks in lockstep need a while where two programs share one CPU. */
const LIMIT_MS = 240_000;
const SERVER_ADDRESS = "127.30.0.1";

const blksizes = [512, 1428, 8192];
const windowsizes = [1, 4, 16, 64];
/** Empty, one byte, around a block, and an exact multiple of the block sizes but 1428's, then of 1428. */
const sizes = [0, 1, 511, 512, 513, 40 * 8192, 300 * 1428];
/** More blocks than there are numbers. */
const rolloverBytes = (blksize: number): number => blksize * 65_536 + blksize * 300 + 3;
const smallBlksizes = [8, 64, 512];

const folder = temporaryFolder(t);
const nameOf = (size: number): string => `f${size}`;
const allSizes = [...sizes, ...smallBlksizes, ...smallBlksizes.map(rolloverBytes)];
for (const size of new Set(allSizes)) writeFileSync(join(folder, nameOf(size)), randomBytes(size));
const failOnBug = (error: unknown): void => {
  throw error;
};

interface Cell {
  readonly blksize: number;
  readonly windowsize: number;
  readonly sizes: readonly number[];
}

function cellsFor(options: ForeignClient["options"], breadth: "all" | "some"): Cell[] {
  const windows = options.windowsize ? windowsizes.filter((windowsize) => breadth === "all" || windowsize <= 4) : [1];
  const { blksizeMin } = options;
  if (blksizeMin === undefined) return [{ blksize: 512, windowsize: 1, sizes: [...sizes, rolloverBytes(512)] }];
  return [
    ...windows
      .filter((windowsize) => windowsize <= 16)
      .map((windowsize) => ({ blksize: blksizeMin, windowsize, sizes: [0, blksizeMin, rolloverBytes(blksizeMin)] })),
    ...blksizes
      .filter((blksize) => breadth === "all" || blksize === 1428)
      .flatMap((blksize) => windows.map((windowsize) => ({ blksize, windowsize, sizes }))),
  ];
}

/** Of each pair, in the order in which they were begun. */
const results: InteropRow[][] = [];
const absent: string[] = [];
const notes = new Set<string>();
/** What a peer gets wrong with every server, seen beside them. */
const knownWithEmptyFiles: Readonly<Record<string, string>> = {
  curl: "7.88 ends with exit code 71 (getpeername) after an empty file, from atftpd and tftpd-hpa too; the file is there and empty",
};

/** Runs every case of a pair. Resolves with what went wrong in one case: undefined for a file that arrived whole. */
async function runPair(
  t: Test,
  names: { readonly server: string; readonly client: string },
  cells: readonly Cell[],
  get: (wish: Omit<GetWish, "server">) => Promise<string | undefined>,
): Promise<void> {
  const rows: InteropRow[] = [];
  results.push(rows);
  let run = 0;
  for (const { blksize, windowsize, sizes } of cells) {
    const failures: string[] = [];
    for (const size of sizes) {
      const file = join(folder, `got-${`${names.server}-${names.client}`.replace(/\W/g, "-")}-${run++}`);
      const fault = await get({ name: nameOf(size), file, blksize, windowsize });
      const known = size === 0 ? knownWithEmptyFiles[names.client] : undefined;
      if (fault !== undefined && known !== undefined) notes.add(`${names.client}, empty files: ${known}`);
      else if (fault !== undefined) failures.push(`${size} bytes: ${fault}`);
      else if (!readFileSync(file).equals(readFileSync(join(folder, nameOf(size))))) failures.push(`${size} bytes: wrong content`);
    }
    rows.push({ ...names, blksize, windowsize, cases: sizes.length, passed: sizes.length - failures.length, failures });
    const cell = `blksize ${blksize}, windowsize ${windowsize}: ${sizes.length - failures.length} of ${sizes.length}`;
    t.equal(failures.join("; "), "", cell);
  }
}

t.test("clients of others fetch from flexup", { timeout: 1_800_000 }, async (t) => {
  // Two programs that answer each other in lockstep take little more than one CPU.
  t.jobs = 2;
  const fetching: PromiseLike<unknown>[] = [];
  for (const engine of ["auto", "plain"] as const) {
    const opened = await openTftpServer({
      listen: { address: SERVER_ADDRESS, port: 0 },
      settings: { sessionsMax: 64, requestsPerSecondMax: 10_000 },
      engine,
      clock: systemClock,
      onFatal: failOnBug,
    });
    if (!opened.ok) throw new Error(opened.failure.message);
    const server = opened.value;
    t.teardown(() => server.close());
    for (const size of new Set(allSizes)) await server.offer(nameOf(size), { path: join(folder, nameOf(size)) });
    for (const client of foreignClients()) {
      const names = { server: `flexup (${server.engine})`, client: client.name };
      if (isAbsent(client)) {
        absent.push(`${client.name}: ${client.absent}`);
        t.pass(client.name, { skip: `${client.name} is not here: ${client.absent}` });
        continue;
      }
      const cells = cellsFor(client.options, engine === "auto" ? "all" : "some").filter(
        ({ blksize, windowsize }) => blksize * windowsize <= (client.windowBytesMax ?? Number.POSITIVE_INFINITY),
      );
      const name = `flexup (${server.engine}) → ${client.name} ${client.version}`;
      fetching.push(
        t.test(name, { timeout: 900_000 }, (t: Test) =>
          runPair(t, names, cells, async (wish) => {
            const { code, output } = await runProgram(client.command({ ...wish, server: server.local }), LIMIT_MS);
            return code === 0 ? undefined : `exit code ${code} ${output.trim().split("\n").at(-1)}`;
          }),
        ),
      );
    }
  }
  await Promise.all(fetching);
});

t.test("flexup fetches from servers of others", { timeout: 1_800_000 }, async (t) => {
  for (const [index, server] of foreignServers().entries()) {
    if (isAbsent(server)) {
      absent.push(`${server.name}: ${server.absent}`);
      t.pass(server.name, { skip: `${server.name} is not here: ${server.absent}` });
      continue;
    }
    const running = await startServer(server, `127.30.1.${index + 1}`, folder);
    if (running === undefined) {
      absent.push(`${server.name}: it could not be started`);
      t.pass(server.name, { skip: `${server.name} does not start here: it may need root or a free port ${server.fixedPort ?? ""}` });
      continue;
    }
    t.teardown(() => running.stop());
    for (const { engine, skip } of fetchEngines) {
      const names = { server: server.name, client: engine === "auto" ? "flexup (native)" : "flexup (plain)" };
      await t.test(`${server.name} ${server.version} → ${names.client}`, { skip, timeout: 900_000 }, (t: Test) =>
        runPair(t, names, cellsFor({ blksizeMin: 8, windowsize: true }, engine === "auto" ? "all" : "some"), async (wish) => {
          const handle = await open(wish.file, "w");
          const fetch = startTftpFetch({
            server: running.endpoint,
            engine,
            fileName: wish.name,
            blksize: wish.blksize,
            windowsize: wish.windowsize,
            settings: { dallyMs: 0, idleMsMax: 20_000 },
            clock: systemClock,
            sink: fileSink(handle),
            onFatal: failOnBug,
          });
          const { outcome, detail } = await fetch.ended;
          await fetch.closed;
          await handle.close();
          return outcome === "complete" ? undefined : `${outcome} ${detail}`;
        }),
      );
    }
    await running.stop();
  }
});

t.test("the matrix", async (t) => {
  const rows = results.flat();
  const page = interopPage(rows, absent, [...notes]);
  t.comment(page);
  t.ok(rows.length > 0, "at least one pair was run");
  if (process.env["FLEXUP_WRITE_DOCS"] === "1") {
    writeInteropPage(fileURLToPath(new URL("../../../docs/interop.md", import.meta.url)), page);
  }
});
