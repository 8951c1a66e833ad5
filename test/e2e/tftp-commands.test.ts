/** `flexup tftp serve` and `flexup tftp get` as separate processes: what arrives, exit codes, the busy refusal, a server that dies. */
import { createHash } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Test } from "tap";
import t from "tap";
import { type Endpoint, parseHostPort } from "../../src/base/endpoint.js";
import { defaultServerSettings } from "../../src/core/tftp/defaults.js";
import { DaemonProcess } from "../../src/daemon/process.js";
import { decodePacket, encodePacket, type TftpPacket } from "../../src/wire/tftp/packet.js";
import { flexup } from "../support/flexup-process.js";
import { temporaryFolder } from "../support/folder.js";

t.setTimeout(400_000);
/** Most of the time these wait, each with a server of its own. */
t.jobs = 2;
const host = "127.50.10.1";
const files = { empty: "", "two words.txt": "text with ümlauts\n", "image.bin": "flexup image ".repeat(40_000) } as const;

/** A server process over a folder with `files`, and a folder to fetch into. */
async function served(t: Pick<Test, "teardown">, ...options: string[]) {
  const source = temporaryFolder(t);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(source, name), text);
  const server = new DaemonProcess(["tftp", "serve", source, "--listen", `${host}:0`, ...options]);
  t.teardown(() => server.kill());
  const address = await server.line(({ msg }) => /^serving 3 files at (\S+) /.exec(String(msg))?.[1]);
  const { port } = parseHostPort(address, 0) ?? { port: 0 };
  const url = (name: string): string => `tftp://${address}/${encodeURIComponent(name)}`;
  return { server, listening: { address: host, port } satisfies Endpoint, url, into: temporaryFolder(t) };
}

const get = (...args: string[]) => flexup(process.env, "tftp", "get", ...args);
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

t.test("each file arrives: as a file, as JSON, on standard output", async (t) => {
  const { server, url, into } = await served(t);
  for (const [name, text] of Object.entries(files)) {
    const bytes = Buffer.byteLength(text);
    const file = join(into, name);
    const [plain, json, piped] = await Promise.all([
      get(url(name), "-o", file),
      get(url(name), "-o", `${file}.json`, "--json"),
      get(url(name), "-o", "-", "--json"),
    ]);
    t.match(plain, { code: 0, err: "" });
    t.ok(plain.out.startsWith(`${file}: ${bytes} bytes in `) && plain.out.endsWith(`\nsha256 ${sha256(text)}\n`), plain.out);
    t.equal(readFileSync(file, "utf8"), text);

    t.match(json, { code: 0, err: "" });
    t.match(JSON.parse(json.out), { output: `${file}.json`, bytes, sha256: sha256(text) });
    t.equal(readFileSync(`${file}.json`, "utf8"), text);

    t.match({ code: piped.code, isWhole: piped.out === text }, { code: 0, isWhole: true }, `${name} on standard output`);
    t.match(JSON.parse(piped.err), { output: "-", bytes, sha256: sha256(text) }, "the report is kept apart from it");
  }
  const expected = Object.keys(files).flatMap((name) => [name, `${name}.json`]);
  t.same(readdirSync(into).sort(), expected.sort(), "nothing else is left there");
  t.equal(await server.stop(), 0, "SIGTERM is an orderly end");
});

t.test("a refused fetch is one line and exit code 1, a wrong command exit code 2", async (t) => {
  const { url, into } = await served(t);
  const file = join(into, "none");
  t.match(await get(url("none"), "-o", file), { code: 1, out: "", err: /^none from [^\n]+\n$/ });
  const json = await get(url("none"), "-o", file, "--json");
  t.match({ code: json.code, out: json.out, ...JSON.parse(json.err) }, { code: "tftp-refused", out: "" });
  t.equal(json.code, 1);
  t.same(readdirSync(into), []);
  t.match(await flexup(process.env, "tftp", "serve", file), { code: 1, out: "", err: /^\S+ cannot be read: [^\n]+\n$/ });

  const wrong = [
    ["get", url("empty"), "--colour"],
    ["get", url("empty"), "--blksize", "7"],
    ["get", url("empty"), "--windowsize", "many"],
    ["get", "http://127.0.0.1/empty"],
    ["get"],
    ["serve", into, "--sessions", "0"],
    ["serve", into, "--tftp-rate", "fast"],
    ["serve", into, "--listen", "nowhere:99999"],
  ];
  for (const args of wrong) t.match(await flexup(process.env, "tftp", ...args), { code: 2, out: "", err: /^[^\n]+\n$/ }, args.join(" "));
});

const readRequest = encodePacket({ type: "read-request", fileName: "image.bin", mode: "octet", options: [] });

/** Asks for the image and tells what comes back. */
async function ask(socket: Socket, { address, port }: Endpoint): Promise<TftpPacket> {
  const answer = once(socket, "message");
  socket.send(readRequest, port, address);
  const decoded = decodePacket((await answer)[0]);
  if (!decoded.ok) throw new Error(decoded.malformed.reason);
  return decoded.packet;
}

/** Acknowledges so slowly that the image's thousand blocks outlast any test: the server sees a session that continues. */
function acknowledgeSlowly(t: Pick<Test, "teardown">, socket: Socket): void {
  const timers = new Set<NodeJS.Timeout>();
  socket.on("message", (bytes, from) => {
    const decoded = decodePacket(bytes);
    if (!decoded.ok || decoded.packet.type !== "data") return;
    const ack = encodePacket({ type: "ack", block: decoded.packet.block });
    timers.add(setTimeout(() => socket.send(ack, from.port, from.address), ackDelayMs));
  });
  t.teardown(() => timers.forEach(clearTimeout));
}
const ackDelayMs = 500;

const socketFor = (t: Pick<Test, "teardown">): Socket => {
  const socket = createSocket("udp4");
  t.teardown(() => socket.close());
  return socket;
};

t.test("one client more than there are sessions is refused as busy", async (t) => {
  const { listening, url, into, server } = await served(t);
  for (let held = 0; held < defaultServerSettings.sessionsMax; held++) {
    const socket = socketFor(t);
    acknowledgeSlowly(t, socket);
    t.match(await ask(socket, listening), { type: "data", block: 1 }, "holds a session");
  }
  const fourth = socketFor(t);
  const milliseconds: number[] = [];
  for (let tries = 0; tries < 20; tries++) {
    const askedAt = performance.now();
    t.match(await ask(fourth, listening), { type: "error", message: /^busy: / });
    milliseconds.push(performance.now() - askedAt);
  }
  milliseconds.sort((a, b) => a - b);
  t.comment(`busy refusal, median of 20: ${milliseconds[10]?.toFixed(2)} ms, slowest ${milliseconds.at(-1)?.toFixed(2)} ms`);
  const refused = await get(url("empty"), "-o", join(into, "empty"), "--json");
  t.equal(refused.code, 1);
  t.match(JSON.parse(refused.err), { code: "tftp-busy" });
  t.same(readdirSync(into), []);
  t.equal(await server.stop(), 0, "SIGTERM ends it with sessions open");
});

t.test("what a dying server left unfinished never has the file's name", async (t) => {
  const { server, url, into } = await served(t, "--tftp-rate", "800k");
  const running = get(url("image.bin"), "-o", join(into, "image.bin"), "--json");
  const sizes = (): readonly (readonly [string, number])[] => readdirSync(into).map((name) => [name, statSync(join(into, name)).size]);
  while (!sizes().some(([, bytes]) => bytes > 0)) await pause(20);
  await server.kill();
  t.match(sizes(), [[/^image\.bin\.\d+\.part$/, Number]], "it is being written under another name");
  const ended = await running;
  t.equal(ended.code, 1);
  t.match(JSON.parse(ended.err), { code: "tftp-timeout" });
  t.same(readdirSync(into), [], "and is gone afterwards");
});
