/** The TFTP clients and servers of others, as the interop test and the benchmark run them. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Endpoint } from "../../src/base/endpoint.js";

export interface GetWish {
  readonly server: Endpoint;
  readonly name: string;
  readonly file: string;
  readonly blksize: number;
  readonly windowsize: number;
}

export interface ForeignClient {
  readonly name: string;
  readonly version: string;
  /** What it can ask for. */
  readonly options: { readonly blksizeMin: number | undefined; readonly windowsize: boolean };
  /** Octets of a window that its receive buffer holds, for one that asks for more than that. */
  readonly windowBytesMax?: number;
  readonly command: (wish: GetWish) => readonly [string, ...string[]];
}

export interface ForeignServer {
  readonly name: string;
  readonly version: string;
  /** A server that listens on 69 whatever it is told. */
  readonly fixedPort?: number;
  /** A server that answers from another address than the one that was asked, unless it is this one. */
  readonly fixedAddress?: string;
  readonly windowsize: boolean;
  /** It says on its standard output when it is up; a request would do it harm. */
  readonly saysReady?: true;
  readonly command: (listen: Endpoint, folder: string) => readonly [string, ...string[]];
}

/** What is not on this machine, and how to get it. */
export interface Absent {
  readonly name: string;
  readonly absent: string;
}

/** Where `.ci/run` unpacks tftpd-hpa, which cannot be installed beside atftpd. */
const unpackedFolder = process.env["FLEXUP_CI_TOOLS"] ?? "/tmp/flexup-ci-tools";
const npmTftp = fileURLToPath(new URL("./npm-tftp-process.js", import.meta.url));

function find(program: string): string | undefined {
  // The unpacked one first: atftpd brings an `in.tftpd` of its own.
  const folders = [join(unpackedFolder, "usr/sbin"), ...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

const versionOf = (program: string, ...args: string[]): string => {
  const { stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  return /\d+\.[\d.]+/.exec(`${stdout}${stderr}`)?.[0] ?? "unknown";
};

const present = <T extends object>(
  name: string,
  program: string,
  how: string,
  make: (path: string) => T,
): (T & { name: string }) | Absent => {
  const path = find(program);
  return path === undefined ? { name, absent: how } : { name, ...make(path) };
};

export const isAbsent = (peer: object): peer is Absent => "absent" in peer;

export const foreignClients = (): (ForeignClient | Absent)[] => [
  present("curl", "curl", "apt-get install curl", (path) => ({
    version: versionOf(path, "--version"),
    options: { blksizeMin: 8, windowsize: false },
    command: ({ server, name, file, blksize }) => [
      path,
      "--silent",
      "--show-error",
      "--tftp-blksize",
      String(blksize),
      "--output",
      file,
      `tftp://${server.address}:${server.port}/${name}`,
    ],
  })),
  present("atftp", "atftp", "apt-get install atftp", (path) => ({
    version: versionOf(path, "--version"),
    options: { blksizeMin: 8, windowsize: true },
    command: ({ server, name, file, blksize, windowsize }) => [
      path,
      "--option",
      `blksize ${blksize}`,
      ...(windowsize === 1 ? [] : ["--option", `windowsize ${windowsize}`]),
      "--get",
      "--remote-file",
      name,
      "--local-file",
      file,
      server.address,
      String(server.port),
    ],
  })),
  present("tftp-hpa", "tftp", "apt-get install tftp-hpa", (path) => ({
    version: versionOf(path, "-V"),
    options: { blksizeMin: undefined, windowsize: false },
    command: ({ server, name, file }) => [path, "-m", "binary", server.address, String(server.port), "-c", "get", name, file],
  })),
  present("busybox tftp", "busybox", "apt-get install busybox", (path) => ({
    version: versionOf(path),
    options: { blksizeMin: 64, windowsize: false },
    command: ({ server, name, file, blksize }) => [
      path,
      "tftp",
      "-g",
      "-b",
      String(blksize),
      "-r",
      name,
      "-l",
      file,
      server.address,
      String(server.port),
    ],
  })),
  {
    name: "npm tftp",
    version: "0.1.2",
    options: { blksizeMin: 8, windowsize: true },
    windowBytesMax: 100_000,
    command: ({ server, name, file, blksize, windowsize }) => [
      process.execPath,
      npmTftp,
      "get",
      server.address,
      String(server.port),
      name,
      file,
      String(blksize),
      String(windowsize),
    ],
  },
];

export const foreignServers = (): (ForeignServer | Absent)[] => [
  present("tftpd-hpa", "in.tftpd", `apt-get download tftpd-hpa && dpkg -x tftpd-hpa_*.deb ${unpackedFolder}`, (path) => ({
    version: versionOf(path, "-V"),
    windowsize: false,
    command: (listen, folder) => [path, "-L", "-u", "root", "-a", `${listen.address}:${listen.port}`, "-s", folder],
  })),
  present("atftpd", "atftpd", "apt-get install atftpd", (path) => ({
    version: versionOf(path, "--version"),
    windowsize: true,
    command: (listen, folder) => [
      path,
      "--daemon",
      "--no-fork",
      "--user",
      "root.root",
      "--logfile",
      "/dev/null",
      "--port",
      String(listen.port),
      "--bind-address",
      listen.address,
      folder,
    ],
  })),
  present("dnsmasq", "dnsmasq", "apt-get install dnsmasq-base", (path) => ({
    version: versionOf(path, "--version"),
    fixedPort: 69,
    windowsize: true,
    command: (listen, folder) => [
      path,
      "--no-daemon",
      "--conf-file=/dev/null",
      "--port=0",
      "--user=root",
      "--enable-tftp",
      `--tftp-root=${folder}`,
      `--listen-address=${listen.address}`,
      "--bind-interfaces",
    ],
  })),
  {
    name: "npm tftp",
    version: "0.1.2",
    fixedAddress: "127.0.0.1",
    saysReady: true,
    windowsize: true,
    command: (listen, folder) => [process.execPath, npmTftp, "serve", listen.address, String(listen.port), folder],
  },
];

/** Everything of ours that runs, with whether it leads a process group of its own. */
const living = new Map<ChildProcess, "alone" | "group">();

function remember(child: ChildProcess, reach: "alone" | "group"): void {
  living.set(child, reach);
  child.on("close", () => living.delete(child));
}

function kill(child: ChildProcess, reach: "alone" | "group"): void {
  if (child.pid === undefined) return;
  try {
    // A server may have forked for a transfer: its whole group goes.
    process.kill(reach === "group" ? -child.pid : child.pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** For a program of its own: however it ends but by SIGKILL, nothing that was started here outlives it. */
export function endChildrenWithProcess(): void {
  process.on("exit", () => {
    for (const [child, reach] of living) kill(child, reach);
  });
  for (const [signal, number] of [
    ["SIGHUP", 1],
    ["SIGINT", 2],
    ["SIGTERM", 15],
  ] as const) {
    process.on(signal, () => process.exit(128 + number));
  }
}

export interface Run {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a program to its end; after `limitMs` it is killed and has the code null. */
export function runProgram([program, ...args]: readonly [string, ...string[]], limitMs: number): Promise<Run> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], timeout: limitMs, killSignal: "SIGKILL" });
    remember(child, "alone");
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output = (output + chunk.toString("latin1")).slice(-2000);
      });
    }
    child.on("error", (error) => resolve({ code: null, output: error.message }));
    child.on("close", (code) => resolve({ code, output }));
  });
}

export interface RunningServer {
  readonly endpoint: Endpoint;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/** The system gives it to nobody who asks for any port, and each caller has an address of its own. */
const serverPort = 6_900;

/** Starts a server and waits until it answers a request, or resolves undefined with nothing left running. */
export async function startServer(server: ForeignServer, wanted: string, folder: string): Promise<RunningServer | undefined> {
  const address = server.fixedAddress ?? wanted;
  const endpoint = { address, port: server.fixedPort ?? serverPort };
  const [program, ...args] = server.command(endpoint, folder);
  const child = spawn(program, args, { stdio: ["ignore", server.saysReady ? "pipe" : "ignore", "ignore"], detached: true });
  remember(child, "group");
  const saidReady = new Promise<boolean>((resolve) => child.stdout?.once("data", () => resolve(true)));
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  child.on("error", () => {});
  const stop = async (): Promise<void> => {
    kill(child, "group");
    await ended;
  };
  const gone = ended.then(() => false);
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) return undefined;
    if (await (server.saysReady ? Promise.race([saidReady, gone]) : answers(endpoint))) return { endpoint, process: child, stop };
  }
  await stop();
  return undefined;
}

/** Whether a request for a file that is not there gets any answer within 100 ms. */
function answers({ address, port }: Endpoint): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    const finish = (answered: boolean): void => {
      clearTimeout(timer);
      socket.close();
      resolve(answered);
    };
    const timer = setTimeout(() => finish(false), 100);
    socket.on("message", () => finish(true));
    socket.on("error", () => finish(false));
    socket.send("\0\x01no-such-file\0octet\0", port, address);
  });
}
