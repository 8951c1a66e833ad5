/**
 * `npm run bench:wan`: the fast transfer, the RFC's stop-and-wait and TCP over the same line, side by side, and writes its section of
 * docs/benchmarks.md. The line is a veth pair between two network namespaces with `tc tbf` for the rate and `net-delay` (NFQUEUE) for
 * delay and loss; needs root, iproute2, iptables, curl and a C compiler, and says so where one is missing. An AP is a `flexup ap` process.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const root = here("../..");
const controllerScript = here("./support/wan-controller.js");
const flexup = join(root, "bin", "flexup.js");

const acSpace = `fxw${process.pid}a`;
const apSpace = `fxw${process.pid}b`;
const acAddress = "10.56.0.1";
const apAddress = "10.56.0.2";
const network = "10.56.0.0/24";
const capwapPort = 5246;
const httpPort = 8080;
const mebibyte = 2 ** 20;

const folder = mkdtempSync(join(tmpdir(), "flexup-bench-wan-"));
const children = new Set<ChildProcess>();
const linesOf = new WeakMap<ChildProcess, string[]>();

const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
const ip = (...args: string[]): string => run("ip", ...args);
const inside = (space: string, ...args: string[]): [string, string[]] => ["ip", ["netns", "exec", space, ...args]];

function start(space: string | undefined, ...command: string[]): ChildProcess {
  const [program, args] = space === undefined ? [command[0] as string, command.slice(1)] : inside(space, ...command);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  children.add(child);
  const lines: string[] = [];
  linesOf.set(child, lines);
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (text) => lines.push(text));
  child.once("exit", () => children.delete(child));
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

/** The first line of a child that is wanted, also of those that are past. */
async function line(child: ChildProcess, wanted: (text: string) => boolean, secondsMax: number): Promise<string> {
  const deadline = performance.now() + secondsMax * 1000;
  while (performance.now() < deadline) {
    const found = linesOf.get(child)?.find(wanted);
    if (found !== undefined) return found;
    await sleep(20);
  }
  throw new Error(`no answer within ${secondsMax} s`);
}

// ---- the line

interface Line {
  readonly bitsPerSecond: number;
  readonly rttMs: number;
  readonly loss: number;
  /** Of the bottleneck, in bandwidth-delay products. */
  readonly queueShare: number;
}

function makeSpaces(): void {
  for (const space of [acSpace, apSpace]) {
    ip("netns", "add", space);
    ip("-n", space, "link", "set", "lo", "up");
  }
  ip("link", "add", "wan0", "netns", acSpace, "type", "veth", "peer", "name", "wan0", "netns", apSpace);
  for (const [space, address] of [
    [acSpace, acAddress],
    [apSpace, apAddress],
  ] as const) {
    ip("-n", space, "addr", "add", `${address}/24`, "dev", "wan0");
    ip("-n", space, "link", "set", "wan0", "up");
    // A segment that the card would cut up must not pass the rate limit as one packet.
    ip("-n", space, "link", "set", "wan0", "gso_max_segs", "1");
  }
  run(
    ...flat(
      inside(apSpace, "iptables", "-t", "mangle", "-A", "PREROUTING", "-i", "wan0", "-j", "NFQUEUE", "--queue-num", "7", "--queue-bypass"),
    ),
  );
}

const flat = ([program, args]: [string, string[]]): [string, ...string[]] => [program, ...args];

async function shape({ bitsPerSecond, rttMs, loss, queueShare }: Line): Promise<ChildProcess> {
  const queueBytes = Math.round((queueShare * bitsPerSecond * rttMs) / 8000);
  run(
    ...flat(
      inside(
        acSpace,
        "tc",
        "qdisc",
        "replace",
        "dev",
        "wan0",
        "root",
        "tbf",
        "rate",
        `${bitsPerSecond}bit`,
        "burst",
        "3200",
        "limit",
        `${queueBytes}`,
      ),
    ),
  );
  const delay = start(apSpace, join(folder, "net-delay"), "7", `${rttMs}`, `${loss}`, "1");
  await line(delay, (text) => text === "ready", 5);
  return delay;
}

// ---- what is measured

interface Figures {
  readonly seconds: number;
  readonly bytes: number;
}
const bitsPerSecondOf = ({ seconds, bytes }: Figures): number => (bytes * 8) / seconds;

function imageFile(bytes: number): string {
  const path = join(folder, `image-${bytes}`);
  if (!existsSync(path)) writeFileSync(path, Buffer.alloc(bytes, "flexup benchmark image, not to be guessed ".repeat(97)));
  return path;
}

interface Ended {
  readonly outcome: string;
  readonly seconds: number;
  readonly secondsToDisk: number;
  readonly payloadBytes: number;
  readonly wireBytes: number;
}

let aps = 0;

type Spaces = readonly [controller: string, ap: string];

interface Pair {
  readonly controller: ChildProcess;
  stop(): Promise<void>;
}

/** A controller with one image, and an AP that fetches it. @param spaces undefined for loopback */
async function startPair(bytes: number, fast: boolean, spaces: Spaces | undefined): Promise<Pair> {
  const index = ++aps;
  const [controllerAddress, ownAddress] = spaces === undefined ? ["127.56.0.1", "127.56.0.2"] : [acAddress, apAddress];
  const controller = start(spaces?.[0], process.execPath, controllerScript, controllerAddress, `${capwapPort}`, imageFile(bytes));
  await line(controller, (text) => text === "ready", 10);
  const data = join(folder, `ap-${index}`);
  mkdirSync(data);
  const facts = {
    data,
    name: `bench-${index}`,
    mac: `02:00:00:00:00:${index.toString(16).padStart(2, "0")}`,
    model: "AIR-AP2802I",
    version: "1.0",
    bind: ownAddress,
    controller: `${controllerAddress}:${capwapPort}`,
    "tftp-port": "0",
    log: "error",
  };
  const words = Object.entries(facts).flatMap(([name, value]) => [`--${name}`, value]);
  const ap = start(spaces?.[1], process.execPath, flexup, "ap", ...words, "--lab", ...(fast ? [] : ["--no-fast-transfer"]));
  return {
    controller,
    async stop() {
      await stop(ap);
      await stop(controller);
      rmSync(data, { recursive: true, force: true });
    },
  };
}

async function flexupTransfer(bytes: number, fast: boolean, spaces: Spaces | undefined, secondsMax: number): Promise<Ended> {
  const pair = await startPair(bytes, fast, spaces);
  try {
    const ended = JSON.parse(await line(pair.controller, (text) => text.startsWith('{"outcome"'), secondsMax)) as Ended;
    if (ended.outcome !== "complete") throw new Error(`transfer ended ${ended.outcome}`);
    return ended;
  } finally {
    await pair.stop();
  }
}

/** HTTP over TCP with the kernel's congestion control of that name. */
async function tcpTransfer(bytes: number, control: string, secondsMax: number): Promise<Figures | undefined> {
  // By route, since a namespace may not choose its default among all that the kernel has.
  const route = ["-n", acSpace, "route", "replace", network, "dev", "wan0", "src", acAddress, "congctl", control];
  if (spawnSync("ip", route).status !== 0) return undefined;
  imageFile(bytes);
  const server = start(acSpace, process.execPath, "-e", httpServer(folder));
  await line(server, (text) => text === "ready", 10);
  const url = `http://${acAddress}:${httpPort}/image-${bytes}`;
  const curl = start(
    apSpace,
    "curl",
    "-s",
    "-o",
    "/dev/null",
    "--max-time",
    `${secondsMax}`,
    "-w",
    "%{size_download} %{time_total}\n",
    url,
  );
  try {
    const [size = "0", seconds = "1"] = (await line(curl, (text) => text !== "", secondsMax + 10)).split(" ");
    return { bytes: Number(size), seconds: Number(seconds) };
  } finally {
    await stop(server);
  }
}

const httpServer = (path: string): string =>
  `require("http").createServer((q,r)=>require("fs").createReadStream(${JSON.stringify(path)}+q.url).pipe(r)).listen(${httpPort},"${acAddress}",()=>console.log("ready"))`;

// ---- the report

const megabits = (value: number): string => `${(value / 1e6).toFixed(2)} Mbit/s`;
const rows: string[] = [];
const note = (what: string, how: string, rate: number, line: Line | undefined, detail = ""): void => {
  const share = line === undefined ? "" : `${((rate / line.bitsPerSecond) * 100).toFixed(1)} %`;
  rows.push(`| ${what} | ${how} | ${megabits(rate)} | ${share} | ${detail} |`);
  console.log(rows.at(-1));
};

async function measureLine(line: Line, name: string, controls: readonly string[]): Promise<void> {
  const delay = await shape(line);
  const spaces = [acSpace, apSpace] as const;
  try {
    const bytes = 48 * mebibyte;
    const fast = await flexupTransfer(bytes, true, spaces, 240);
    const resent = `${(((fast.payloadBytes - bytes) / bytes) * 100).toFixed(2)} % resent, ${((fast.wireBytes / bytes - 1) * 100).toFixed(2)} % more UDP payload sent than image`;
    note(name, "flexup fast", bitsPerSecondOf({ bytes, seconds: fast.secondsToDisk }), line, resent);
    const small = mebibyte / 4;
    const plain = await flexupTransfer(small, false, spaces, 240);
    note(name, "flexup stop-and-wait", bitsPerSecondOf({ bytes: small, seconds: plain.seconds }), line, `${small / 1024} KiB`);
    for (const control of controls) {
      const tcp = await tcpTransfer(bytes, control, 45);
      if (tcp !== undefined)
        note(
          name,
          `TCP ${control}, HTTP with curl`,
          bitsPerSecondOf(tcp),
          line,
          `${(tcp.bytes / mebibyte).toFixed(1)} MiB in ${tcp.seconds.toFixed(0)} s`,
        );
    }
  } finally {
    await stop(delay);
  }
}

/** Both run all the time: an image that takes longer, and a download that is cut off. */
async function measureSharing(line: Line, name: string): Promise<void> {
  const delay = await shape(line);
  const seconds = 45;
  const pair = await startPair(Math.ceil((line.bitsPerSecond / 8) * 3 * seconds), true, [acSpace, apSpace]);
  const progress = (): number => JSON.parse(linesOf.get(pair.controller)?.findLast(isProgress) ?? '{"bytesDone":0}').bytesDone;
  try {
    while (progress() === 0) await sleep(100);
    const first = progress();
    const theirs = await tcpTransfer(512 * mebibyte, "cubic", seconds);
    note(name, "flexup fast beside TCP", bitsPerSecondOf({ bytes: progress() - first, seconds }), line);
    if (theirs !== undefined) note(name, "TCP cubic beside flexup", bitsPerSecondOf(theirs), line, `${seconds} s`);
  } finally {
    await pair.stop();
    await stop(delay);
  }
}

const isProgress = (text: string): boolean => text.startsWith('{"bytesDone"');

async function measureLoopback(): Promise<void> {
  const bytes = 512 * mebibyte;
  const fast = await flexupTransfer(bytes, true, undefined, 120);
  const perSecond = (seconds: number): string => `${(bytes / seconds / 1e6).toFixed(0)} MB/s`;
  note(
    "loopback",
    "flexup fast",
    bitsPerSecondOf({ bytes, seconds: fast.secondsToDisk }),
    undefined,
    `${perSecond(fast.secondsToDisk)}; ${perSecond(fast.seconds)} with the check of the whole and the commit`,
  );
}

const markers = ["<!-- bench:wan begins -->", "<!-- bench:wan ends -->"] as const;

function report(): void {
  const text = [
    markers[0],
    "## WAN transfer (`npm run bench:wan`)",
    "",
    `${cpus()[0]?.model ?? "unknown CPU"}, ${cpus().length} CPUs, Linux ${release()}, Node ${process.version}. One \`flexup ap\` process and one controller process in two`,
    "network namespaces; `tc tbf` for the rate, NFQUEUE for delay and loss. Rates are image bytes; the last column of flexup fast counts what the controller sent.",
    "",
    "| line | transfer | rate | of the line | |",
    "|---|---|---|---|---|",
    ...rows,
    markers[1],
  ].join("\n");
  const path = join(root, "docs", "benchmarks.md");
  const before = existsSync(path) ? readFileSync(path, "utf8") : "# Benchmarks\n";
  const [from, to] = markers.map((marker) => before.indexOf(marker)) as [number, number];
  const after =
    from < 0 || to < from ? `${before.trimEnd()}\n\n${text}\n` : before.slice(0, from) + text + before.slice(to + markers[1].length);
  writeFileSync(path, after);
}

function missing(): string | undefined {
  if (process.getuid?.() !== 0) return "root, for network namespaces";
  for (const program of ["ip", "tc", "iptables", "curl", "cc"]) if (spawnSync("which", [program]).status !== 0) return program;
  const source = join(root, "bench", "support", "net-delay.c");
  const built = spawnSync("cc", ["-O2", "-o", join(folder, "net-delay"), source, "-lnetfilter_queue"], { encoding: "utf8" });
  return built.status === 0 ? undefined : "libnetfilter_queue (apt-get install libnetfilter-queue-dev)";
}

async function main(): Promise<void> {
  await measureLoopback();
  const lacking = missing();
  if (lacking !== undefined) {
    console.log(`The lines need ${lacking}; they are left out. The same grid runs in virtual time: npm run test:long.`);
    return;
  }
  makeSpaces();
  const tenMegabit = { bitsPerSecond: 10e6, rttMs: 100, queueShare: 1 };
  await measureLine({ ...tenMegabit, loss: 0 }, "10 Mbit/s, 100 ms, no loss", ["cubic", "bbr"]);
  await measureLine({ ...tenMegabit, loss: 0.01 }, "10 Mbit/s, 100 ms, 1 % loss", ["cubic", "bbr"]);
  await measureSharing({ ...tenMegabit, loss: 0 }, "10 Mbit/s, 100 ms, shared");
  report();
}

try {
  await main();
} finally {
  for (const child of children) child.kill("SIGKILL");
  for (const space of [acSpace, apSpace]) spawnSync("ip", ["netns", "del", space]);
  rmSync(folder, { recursive: true, force: true });
}
