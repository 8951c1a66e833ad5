/**
 * The speed of TFTP servers on loopback: the same client against every server present, alternating, medians of several rounds.
 * Writes its section of docs/benchmarks.md.
 *
 *     npm run bench:tftp [-- --rounds 5 --megabytes 100]
 */
import { createSocket } from "node:dgram";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Endpoint } from "../src/base/endpoint.js";
import {
  type ForeignServer,
  foreignClients,
  foreignServers,
  type GetWish,
  isAbsent,
  runProgram,
  startServer,
} from "../test/support/tftp-peers.js";
import { writeSection } from "./section.js";

const { values: flags } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, megabytes: { type: "string", default: "100" } },
});
const rounds = Number(flags.rounds);
const bytes = Number(flags.megabytes) * 1_000_000;
const LIMIT_MS = 120_000;
const CLOCK_TICKS_PER_SECOND = 100;

const folder = mkdtempSync(join(tmpdir(), "flexup-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const content = Buffer.alloc(bytes);
for (let at = 0; at + 4 <= bytes; at += 4) content.writeUInt32LE(Math.imul(at, 0x9e3779b1) >>> 0, at);
writeFileSync(join(folder, "image"), content);

const bin = fileURLToPath(new URL("../../bin/flexup.js", import.meta.url));
const flexupServer = (name: string, ...more: string[]): ForeignServer => ({
  name,
  version: "",
  windowsize: true,
  command: ({ address, port }, path) => [
    process.execPath,
    bin,
    "tftp",
    "serve",
    path,
    "--listen",
    `${address}:${port}`,
    "--requests-per-second",
    "1000",
    ...more,
  ],
});
const servers = [
  flexupServer("flexup"),
  flexupServer("flexup, plain", "--plain"),
  ...foreignServers().filter((server): server is ForeignServer => !isAbsent(server)),
];

type Command = (wish: GetWish) => readonly [string, ...string[]];
const flexupClient: Command = ({ server, name, file, blksize, windowsize }) => [
  process.execPath,
  bin,
  "tftp",
  "get",
  `tftp://${server.address}:${server.port}/${name}`,
  "-o",
  file,
  "--blksize",
  String(blksize),
  "--windowsize",
  String(windowsize),
  "--json",
];
const clientNamed = (name: string): Command | undefined => {
  const client = foreignClients().find((client) => client.name === name);
  return client === undefined || isAbsent(client) ? undefined : client.command;
};
const cells: readonly {
  readonly client: string;
  readonly command: Command | undefined;
  readonly blksize: number;
  readonly windowsize: number;
}[] = [
  ...[1428, 8192].map((blksize) => ({ client: "curl", command: clientNamed("curl"), blksize, windowsize: 1 })),
  ...[1, 16, 64].map((windowsize) => ({ client: "atftp", command: clientNamed("atftp"), blksize: 1428, windowsize })),
  ...[16, 64].map((windowsize) => ({ client: "flexup", command: flexupClient, blksize: 1428, windowsize })),
  { client: "flexup", command: flexupClient, blksize: 8192, windowsize: 8 },
];

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
async function measure(cell: (typeof cells)[number], server: { endpoint: Endpoint; pid: number }, sessions: number): Promise<Measured> {
  const { command, blksize, windowsize } = cell;
  if (command === undefined) return { megabytesPerSecond: Number.NaN, cpuSeconds: Number.NaN };
  const cpuBefore = cpuSeconds(server.pid);
  const startedAt = performance.now();
  const files = Array.from({ length: sessions }, (_, index) => join(folder, `got-${index}`));
  const ends = await Promise.all(
    files.map((file) => runProgram(command({ server: server.endpoint, name: "image", file, blksize, windowsize }), LIMIT_MS)),
  );
  const seconds = ends.map(({ output }) => {
    // flexup's client times itself; it stays for a moment to repeat a lost last ACK, which is not transfer.
    const told = /"milliseconds":([\d.]+)/.exec(output)?.[1];
    return told === undefined ? (performance.now() - startedAt) / 1000 : Number(told) / 1000;
  });
  const whole = ends.every(({ code }) => code === 0) && files.every((file) => readFileSync(file).equals(content));
  return {
    megabytesPerSecond: whole ? (sessions * bytes) / 1e6 / Math.max(...seconds) : Number.NaN,
    cpuSeconds: cpuSeconds(server.pid) - cpuBefore,
  };
}

/** What a Node process can send at most: one packet, made once, over a connected socket that nobody reads. */
async function rawNodeSender(packetBytes: number): Promise<number> {
  const receiver = createSocket("udp4");
  await new Promise<void>((resolve) => receiver.bind(0, "127.0.0.1", resolve));
  const code = `const s=require("dgram").createSocket("udp4"),p=Buffer.alloc(${packetBytes});let left=${Math.ceil(bytes / packetBytes)};
    s.connect(${receiver.address().port},"127.0.0.1",()=>{const t=performance.now();(function burst(){let n=Math.min(64,left);left-=n;let d=n;
    for(;n>0;n--)s.send(p,()=>{if(--d===0)left>0?burst():(console.log(${bytes}/1e3/(performance.now()-t)),s.close())})})()})`;
  const { output } = await runProgram([process.execPath, "-e", code], LIMIT_MS);
  await new Promise<void>((resolve) => receiver.close(() => resolve()));
  return Number(output);
}

const text = (value: number): string => (Number.isFinite(value) ? value.toFixed(0) : "–");

async function main(): Promise<void> {
  const running: { name: string; endpoint: Endpoint; pid: number; stop: () => Promise<void> }[] = [];
  for (const [index, server] of servers.entries()) {
    const started = await startServer(server, `127.40.0.${index + 1}`, folder);
    if (started === undefined) console.log(`${server.name} does not start here and is left out`);
    else running.push({ name: server.name, endpoint: started.endpoint, pid: started.process.pid as number, stop: started.stop });
  }
  const raw = [await rawNodeSender(1432), await rawNodeSender(8196)];
  const lines: string[] = [];
  const load = loadavg()[0] as number;
  try {
    for (const sessions of [1, 3]) {
      lines.push(`### ${sessions === 1 ? "One session" : `${sessions} sessions at once`}`, "");
      lines.push(`| client | blksize | windowsize | ${running.map(({ name }) => name).join(" | ")} | flexup / best peer |`);
      lines.push(`|${" --- |".repeat(running.length + 4)}`);
      for (const cell of cells) {
        const results = running.map((): Measured[] => []);
        for (let round = 0; round < rounds; round++) {
          for (const [index, server] of running.entries()) results[index]?.push(await measure(cell, server, sessions));
        }
        const speeds = results.map((measured) => median(measured.map(({ megabytesPerSecond }) => megabytesPerSecond)));
        const cpu = results.map((measured) => median(measured.map(({ cpuSeconds }) => cpuSeconds)));
        const own = speeds[0] as number;
        const best = Math.max(...speeds.slice(2).filter(Number.isFinite));
        const columns = speeds.map((speed, index) => `${text(speed)} (${(cpu[index] as number).toFixed(2)} s)`);
        const line = `| ${cell.client} | ${cell.blksize} | ${cell.windowsize} | ${columns.join(" | ")} | **${(own / best).toFixed(2)}** |`;
        console.log(line);
        lines.push(line);
      }
      lines.push("");
    }
  } finally {
    for (const server of running) await server.stop();
  }
  writeSection("tftp", "TFTP", [
    `MB/s of payload, median of ${rounds} rounds of ${bytes / 1e6} MB on loopback, servers alternating, the whole client program timed; in brackets`,
    "the server's CPU seconds for the round (– for a transfer that failed; tftpd-hpa's children leave it, so their time is not",
    "seen). flexup's own client times the transfer alone, without its process start, against every server alike.",
    "",
    `Raw limit in the same run: a bare Node sender with one preallocated packet, ${text(raw[0] as number)} MB/s at 1428 and ${text(raw[1] as number)} MB/s at 8192.`,
    `Machine: ${cpus().length} × ${cpus()[0]?.model.trim()}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.version}, load average at the start ${load.toFixed(1)}.`,
    "",
    ...lines,
  ]);
}

await main();
