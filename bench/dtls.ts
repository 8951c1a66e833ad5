/** `npm run bench:dtls`: how long 1,000 APs take to join one controller by DTLS with keys, as after a power cut in a branch. */
import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DaemonProcess } from "../src/daemon/process.js";
import { controllerReady } from "../src/daemon/ready.js";
import { writeSection } from "./section.js";
import { median } from "./support/median.js";

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

const load = (loadavg()[0] as number).toFixed(1);
const seconds: number[] = [];
for (let round = 0; round < rounds; round++) seconds.push(await joinSeconds());
const machine = `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version} with OpenSSL ${process.versions.openssl}, load average at the start ${load}`;
const text = `${median(seconds).toFixed(1)} s (${seconds.map((each) => each.toFixed(1)).join(", ")})`;
process.stdout.write(`${count} joins by DTLS: ${text}\n${machine}\n`);
if (process.env["FLEXUP_WRITE_DOCS"] === "1") {
  writeSection("dtls", "DTLS joins", [
    `${count} APs in one process join a controller with keys of their own (ECDHE-PSK), from the start of their process to Run: **${text}**.`,
    `Machine: ${machine}.`,
  ]);
}
