/**
 * The speed of TFTP servers on loopback: the same client against every server present, alternating, medians of several rounds.
 * A full run writes its section of docs/benchmarks.md; a partial one, with cells and servers selected by words they contain, only prints.
 *
 *     npm run bench:tftp [-- --rounds 5 --megabytes 100 --cells "flexup 1428" --sessions 1,3 --servers flexup,atftpd]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Endpoint } from "../src/base/endpoint.js";
import {
  endChildrenWithProcess,
  type ForeignServer,
  foreignServers,
  isAbsent,
  runProgram,
  startServer,
} from "../test/support/tftp-peers.js";
import { writeSection } from "./section.js";
import { rawLimits } from "./support/raw-senders.js";
import { type Cell, cellName, flexupServers, tftpCells } from "./support/tftp-cells.js";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    megabytes: { type: "string", default: "100" },
    sessions: { type: "string", default: "1,3" },
    cells: { type: "string" },
    servers: { type: "string" },
  },
});
const rounds = Number(flags.rounds);
const bytes = Number(flags.megabytes) * 1_000_000;
const sessionCounts = flags.sessions.split(",").map(Number);
const partial = flags.cells !== undefined || flags.servers !== undefined || flags.sessions !== "1,3";
const LIMIT_MS = 120_000;
const CLOCK_TICKS_PER_SECOND = 100;

const wanted = (filter: string | undefined, name: string): boolean =>
  filter === undefined || filter.split(",").some((words) => words.split(" ").every((word) => name.split(" ").includes(word)));
const cells = tftpCells().filter((cell) => wanted(flags.cells, cellName(cell)));
const servers = [...flexupServers(), ...foreignServers().filter((server): server is ForeignServer => !isAbsent(server))].filter(
  ({ name }) => wanted(flags.servers, name),
);

endChildrenWithProcess();
// Otherwise the disk's writeback of what the clients received would be part of the measurement.
const folder = mkdtempSync(join(process.platform === "linux" ? "/dev/shm" : tmpdir(), "flexup-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const content = Buffer.alloc(bytes);
for (let at = 0; at + 4 <= bytes; at += 4) content.writeUInt32LE(Math.imul(at, 0x9e3779b1) >>> 0, at);
writeFileSync(join(folder, "image"), content);

/** User and system time of a process and of its children that have ended, from /proc. */
function cpuSeconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
      .replace(/^.*\) /, "")
      .split(" ");
    return [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0) / CLOCK_TICKS_PER_SECOND;
  } catch {
    return Number.NaN;
  }
}

const median = (values: readonly number[]): number => {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return sorted.length === 0 ? Number.NaN : ((sorted[(sorted.length - 1) >> 1] as number) + (sorted[sorted.length >> 1] as number)) / 2;
};

interface Measured {
  readonly megabytesPerSecond: number;
  readonly cpuSeconds: number;
}

/** `sessions` clients at once; the speed is all bytes over the time until the last is done. NaN where one of them failed. */
async function measure(cell: Cell, server: { endpoint: Endpoint; pid: number }, sessions: number): Promise<Measured> {
  const { command, blksize, windowsize } = cell;
  if (command === undefined) return { megabytesPerSecond: Number.NaN, cpuSeconds: Number.NaN };
  const files = Array.from({ length: sessions }, (_, index) => join(folder, `got-${index}`));
  for (const file of files) rmSync(file, { force: true });
  const cpuBefore = cpuSeconds(server.pid);
  const startedAt = performance.now();
  const seconds = await Promise.all(
    files.map(async (file) => {
      const { code, output } = await runProgram(command({ server: server.endpoint, name: "image", file, blksize, windowsize }), LIMIT_MS);
      // flexup's client times itself; it lingers to repeat a lost last ACK, which is not part of the transfer.
      const told = /"milliseconds":([\d.]+)/.exec(output)?.[1];
      const milliseconds = told === undefined ? performance.now() - startedAt : Number(told);
      return code === 0 ? milliseconds / 1000 : Number.NaN;
    }),
  );
  const usedSeconds = cpuSeconds(server.pid) - cpuBefore;
  const whole = seconds.every(Number.isFinite) && files.every((file) => readFileSync(file).equals(content));
  return { megabytesPerSecond: whole ? (sessions * bytes) / 1e6 / Math.max(...seconds) : Number.NaN, cpuSeconds: usedSeconds };
}

const text = (value: number): string => (Number.isFinite(value) ? value.toFixed(0) : "–");

interface Running {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly pid: number;
  readonly stop: () => Promise<void>;
}

/** One line of the table. The best peer is the one with the best median; the range is that of the ratios round by round. */
async function measureCell(cell: Cell, running: readonly Running[], sessions: number): Promise<string> {
  const results = running.map((): Measured[] => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < running.length; turn++) {
      // Each round begins with another server, so that none always follows a fast or a slow one.
      const index = (turn + round) % running.length;
      results[index]?.push(await measure(cell, running[index] as Running, sessions));
    }
  }
  const speeds = results.map((measured) => measured.map(({ megabytesPerSecond }) => megabytesPerSecond));
  const medians = speeds.map(median);
  const columns = results.map(
    (measured, index) => `${text(medians[index] as number)} (${median(measured.map((one) => one.cpuSeconds)).toFixed(2)} s)`,
  );
  const own = running.findIndex(({ name }) => name === "flexup");
  const peers = running.flatMap(({ name }, index) => (name.startsWith("flexup") || !Number.isFinite(medians[index]) ? [] : [index]));
  const best = peers.sort((a, b) => (medians[b] as number) - (medians[a] as number))[0];
  const head = `| ${cell.client} | ${cell.blksize} | ${cell.windowsize} | ${columns.join(" | ")} |`;
  if (own < 0 || best === undefined) return `${head} – |`;
  const paired = (speeds[own] as number[])
    .map((speed, round) => speed / ((speeds[best] as number[])[round] as number))
    .filter(Number.isFinite);
  const ratio = ((medians[own] as number) / (medians[best] as number)).toFixed(2);
  return `${head} **${ratio}** (${Math.min(...paired).toFixed(2)}–${Math.max(...paired).toFixed(2)}) |`;
}

async function main(): Promise<void> {
  const load = loadavg()[0] as number;
  const running: Running[] = [];
  for (const [index, server] of servers.entries()) {
    const started = await startServer(server, `127.40.0.${index + 1}`, folder);
    if (started === undefined) console.log(`${server.name} does not start here and is left out`);
    else running.push({ name: server.name, endpoint: started.endpoint, pid: started.process.pid as number, stop: started.stop });
  }
  const raw: string[] = [];
  for (const payloadBytes of partial ? [] : [1428, 8192]) {
    const limits = await rawLimits(folder, payloadBytes, bytes);
    raw.push(...limits.map(({ sender, megabytesPerSecond }) => `${sender} ${text(megabytesPerSecond)} MB/s at ${payloadBytes}`));
  }
  console.log(raw.join(", "));
  const lines: string[] = [];
  const say = (line: string): void => {
    console.log(line);
    lines.push(line);
  };
  for (const sessions of sessionCounts) {
    say(`### ${sessions === 1 ? "One session" : `${sessions} sessions at once`}\n`);
    say(`| client | blksize | windowsize | ${running.map(({ name }) => name).join(" | ")} | flexup / best peer |`);
    say(`|${" --- |".repeat(running.length + 4)}`);
    for (const cell of cells) say(await measureCell(cell, running, sessions));
    say("");
  }
  for (const server of running) await server.stop();
  if (partial) return;
  writeSection("tftp", "TFTP", [
    `MB/s of payload, median of ${rounds} rounds of ${bytes / 1e6} MB on loopback from and to memory, the servers alternating, the whole client program`,
    "timed; in brackets the server's CPU seconds for the round (– for a transfer that failed; tftpd-hpa's children leave it, so their time is",
    "not seen). flexup's own client times the transfer alone, without its process start, against every server alike. The last column is",
    "flexup's median over that of the best peer, and the range of the same ratio within each round.",
    "",
    `Raw limit in the same run, one packet made once and sent to a socket that nobody reads: ${raw.join(", ")}.`,
    `Machine: ${cpus().length} × ${cpus()[0]?.model.trim()}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.version}, load average at the start ${load.toFixed(1)}.`,
    "",
    ...lines,
  ]);
}

await main();
