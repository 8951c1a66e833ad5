/** OpenSSL's and GnuTLS's own clients against the controller's port, which takes records without the CAPWAP DTLS Header too. */
import { spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { Prng } from "../../src/base/prng.js";
import { systemClock } from "../../src/runtime/clock.js";
import { type DtlsAddon, loadDtls } from "../../src/runtime/dtls/addon.js";
import { DtlsServer } from "../../src/runtime/dtls/dtls-server.js";
import { SecurePort } from "../../src/runtime/dtls/secure-port.js";
import { openUdpPort } from "../../src/runtime/udp/udp-ports.js";

const addon = loadDtls();
const mac = "00:0a:b8:00:00:01";
const key = "07".repeat(32);
const wrongKey = "08".repeat(32);
const without = (program: string) =>
  (addon === undefined && "the DTLS add-on is not built here") ||
  (spawnSync(program, ["--version"]).error !== undefined && `no ${program} here`);

/** A control port with one credential, and what came over its links. */
async function served(t: Test) {
  const happened: string[] = [];
  const secure = new SecurePort<DtlsServer>({
    clock: systemClock,
    onClear: () => {},
    layer: (send) =>
      new DtlsServer({
        addon: addon as DtlsAddon,
        credentials: { keyOf: (identity) => (identity === mac ? Buffer.from(key, "hex") : undefined) },
        send,
        onPlaintext: (bytes) => happened.push(`heard ${Buffer.from(bytes).toString().trim()}`),
        onUp: (_peer, identity) => happened.push(`up ${identity.mac}`),
        onDown: () => happened.push("down"),
        onHandshake: (outcome) => outcome === "established" || happened.push(outcome),
      }),
  });
  const port = await openUdpPort({
    address: "127.0.0.1",
    port: 0,
    onDatagram: (bytes, from) => secure.take(bytes, from),
    onError: (error) => t.fail(error.message),
  });
  if (!port.ok) throw new Error(port.failure.message);
  secure.attach(port.value);
  t.teardown(async () => {
    secure.stop();
    await port.value.close();
  });
  return { happened, secure, port: port.value.local.port };
}

/** Runs a client that says a word once it is connected. */
async function client(program: string, args: readonly string[], until: () => boolean, said = "hello from outside\n"): Promise<string> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  const closed = once(child, "close");
  await sleep(500);
  child.stdin.write(said);
  for (const deadline = performance.now() + 8_000; performance.now() < deadline && !until() && child.exitCode === null; ) await sleep(50);
  child.kill("SIGKILL");
  await closed;
  return output;
}

const openssl = (port: number, psk: string, cipher: string) => [
  "s_client",
  ...["-dtls1_2", "-connect", `127.0.0.1:${port}`, "-psk_identity", mac, "-psk", psk, "-cipher", cipher, "-nocommands"],
];

for (const cipher of [
  "ECDHE-PSK-CHACHA20-POLY1305",
  "ECDHE-PSK-AES128-CBC-SHA256",
  "DHE-PSK-AES128-GCM-SHA256",
  "PSK-AES128-CBC-SHA:@SECLEVEL=0",
])
  t.test(`openssl s_client with ${cipher}`, { skip: without("openssl") }, async (t) => {
    const { happened, port } = await served(t);
    const output = await client("openssl", openssl(port, key, cipher), () => happened.length >= 2);
    t.same(happened, [`up ${mac}`, "heard hello from outside"], output);
  });

t.test("openssl s_client asks for a renegotiation: refused, and nothing else comes of it", { skip: without("openssl") }, async (t) => {
  const { happened, port } = await served(t);
  const args = openssl(port, key, "PSK").filter((word) => word !== "-nocommands");
  const output = await client("openssl", args, () => false, "R\n");
  t.match(output, /RENEGOTIATING/);
  t.match(output, /no renegotiation/i, "the server says so");
  t.equal(happened.filter((line) => line.startsWith("up")).length, 1, "one handshake");
});

t.test("openssl s_client with a wrong key", { skip: without("openssl") }, async (t) => {
  const { happened, port } = await served(t);
  await client("openssl", openssl(port, wrongKey, "PSK"), () => happened.length > 0);
  t.notOk(happened.includes(`up ${mac}`));
});

t.test("gnutls-cli with a key", { skip: without("gnutls-cli") }, async (t) => {
  const { happened, port } = await served(t);
  const args = ["--udp", "--port", String(port), "--pskusername", mac, "--pskkey", key, "--insecure"];
  const output = await client(
    "gnutls-cli",
    [...args, "--priority", "NORMAL:-KX-ALL:+ECDHE-PSK:+DHE-PSK:+PSK:-VERS-ALL:+VERS-DTLS1.2", "127.0.0.1"],
    () => happened.length >= 1,
  );
  t.equal(happened[0], `up ${mac}`, output);
});

const longRun = process.env["FLEXUP_LONG"] === "1";
const floodCount = longRun ? 1_000_000 : 20_000;

t.test(
  `${floodCount} hostile datagrams: nothing is thrown, little is kept, an AP still gets in`,
  { skip: without("openssl") },
  async (t) => {
    const { happened, secure, port } = await served(t);
    const prng = new Prng(12);
    const hello = await firstFlight();
    const peers = 200;
    const flood = (count: number): void => {
      for (let at = 0; at < count; at++) {
        const from = { address: `127.0.3.${1 + prng.below(peers)}`, port: 1 + prng.below(60_000) };
        secure.take(hostile(prng, hello), from);
      }
    };
    await flood(floodCount / 2);
    global.gc?.();
    const before = process.memoryUsage().rss;
    await flood(floodCount / 2);
    global.gc?.();
    const grown = process.memoryUsage().rss - before;
    t.ok(grown < 64 << 20, `grew by ${grown} octets`);
    t.equal(secure.layer?.associationCount, 0);
    t.equal(secure.layer?.handshakeCount, 0);
    happened.length = 0;
    await sleep(1_000);
    await client("openssl", openssl(port, key, "PSK"), () => happened.length >= 2);
    t.same(happened.slice(0, 2), [`up ${mac}`, "heard hello from outside"]);
  },
);

/** Noise, CAPWAP DTLS Headers with noise, and ClientHellos of OpenSSL with some octets changed. */
function hostile(prng: Prng, hello: Uint8Array): Uint8Array {
  const kind = prng.below(3);
  if (kind === 0) return prng.bytes(prng.below(200));
  if (kind === 1)
    return Buffer.concat([Buffer.of(1, 0, 0, 0, 20 + prng.below(6), 254, 253, 0, prng.below(3)), prng.bytes(prng.below(100))]);
  const forged = Uint8Array.from(hello);
  for (let times = prng.below(4); times >= 0; times--) forged[prng.below(forged.length)] = prng.below(256);
  return forged;
}

async function firstFlight(): Promise<Uint8Array> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const heard = once(socket, "message");
  const child = spawn("openssl", openssl(socket.address().port, key, "PSK"), { stdio: "ignore" });
  const [bytes] = (await heard) as [Uint8Array];
  child.kill("SIGKILL");
  socket.close();
  return bytes;
}
