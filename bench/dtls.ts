/**
 * `npm run bench:dtls`: how long 1,000 APs take to join one controller by DTLS with keys, as after a power cut in a branch; and an
 * image over loopback by DTLS and in clear.
 */
import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LinkMode } from "../src/core/capwap/link/secure-link.js";
import { DaemonProcess } from "../src/daemon/process.js";
import { controllerReady } from "../src/daemon/ready.js";
import { writeSection } from "./section.js";
import { median } from "./support/median.js";
import { atTheEnd } from "./support/processes.js";
import { Transfers } from "./support/wan-transfers.js";

const count = 1_000;
const rounds = 3;
const address = "127.96.255.1";

async function joinSeconds(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "flexup-bench-dtls-"));
  const token = randomBytes(32).toString("hex");
  const tokenFile = join(folder, "token");
  writeFileSync(tokenFile, token);
  const doors = ["--listen", `${address}:0`, "--admin", "127.0.0.1:0"];
  const controller = new DaemonProcess(["controller", "--data", join(folder, "data"), ...doors, "--lab", "--join-token-file", tokenFile]);
  const { capwap } = await controller.line(controllerReady);
  const port = capwap.split(":").at(-1) as string;
  const startedAt = performance.now();
  const crowd = fork(fileURLToPath(new URL("./support/dtls-crowd.js", import.meta.url)), [address, port, token, String(count)]);
  try {
    for (let message = ""; message !== "running"; ) [message] = (await once(crowd, "message")) as [string];
    return (performance.now() - startedAt) / 1000;
  } finally {
    crowd.kill("SIGKILL");
    await controller.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

const imageBytes = 512 * 2 ** 20;
type Rates = Readonly<Record<LinkMode, number[]>>;

/** Bytes per second until the image is on the AP's disk. The two alternate, so that other load on the host affects both alike. */
async function imageRates(): Promise<Rates> {
  const folder = mkdtempSync(join(tmpdir(), "flexup-bench-dtls-"));
  atTheEnd(() => rmSync(folder, { recursive: true, force: true }));
  const rates: Rates = { clear: [], dtls: [] };
  const ways = { clear: new Transfers(folder, "clear"), dtls: new Transfers(folder, "dtls") };
  for (let round = 0; round < rounds; round++) {
    for (const mode of ["clear", "dtls"] as const) {
      rates[mode].push(imageBytes / (await ways[mode].flexup(imageBytes, true, undefined, 120)).secondsToDisk);
    }
  }
  return rates;
}

const megabytes = (values: readonly number[]): string =>
  `${(median(values) / 1e6).toFixed(0)} MB/s (${values.map((each) => (each / 1e6).toFixed(0)).join(", ")})`;

const load = (loadavg()[0] as number).toFixed(1);
const seconds: number[] = [];
for (let round = 0; round < rounds; round++) seconds.push(await joinSeconds());
const rates = await imageRates();
const machine = `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version} with OpenSSL ${process.versions.openssl}, load average at the start ${load}`;
const joins = `${median(seconds).toFixed(1)} s (${seconds.map((each) => each.toFixed(1)).join(", ")})`;
const share = `${((100 * median(rates.dtls)) / median(rates.clear)).toFixed(0)} %`;
process.stdout.write(`${count} joins by DTLS: ${joins}\n`);
process.stdout.write(`image over loopback: DTLS ${megabytes(rates.dtls)}, clear ${megabytes(rates.clear)}: ${share}\n${machine}\n`);
if (process.env["FLEXUP_WRITE_DOCS"] === "1") {
  writeSection("dtls", "DTLS", [
    `${count} APs in one process join a controller with keys of their own (ECDHE-PSK), from the start of their process to Run: **${joins}**.`,
    "",
    `One AP fetches ${imageBytes >> 20} MiB over loopback: ${megabytes(rates.dtls)} by DTLS, ${megabytes(rates.clear)} in clear, **${share}**.`,
    "",
    `Machine: ${machine}.`,
  ]);
}
