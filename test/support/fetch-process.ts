/**
 * A process with a TFTP server and a fetch from it, whose end is looked at from outside. `ends`: nothing ends it but that there is
 * nothing left to do; `exits`: by process.exit in the midst of the fetch; `worker`: the thread that fetches is ended; `fatal`: a bug of ours.
 *
 *     node fetch-process.js auto|plain ends|exits|worker|fatal
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { systemClock } from "../../src/runtime/clock.js";
import { startTftpFetch } from "../../src/runtime/tftp/client.js";
import { openTftpServer } from "../../src/runtime/tftp/server.js";

const ADDRESS = "127.38.0.1";
const IMAGE_BYTES = 20_000_000;

const rethrow = (error: unknown): never => {
  throw error;
};

function fetch(port: number, engine: "auto" | "plain", onProgress: () => void, onSize: () => void) {
  return startTftpFetch({
    server: { address: ADDRESS, port },
    fileName: "image",
    engine,
    settings: { dallyMs: 10 },
    clock: systemClock,
    sink: { write: () => pause(1) },
    onProgress,
    onSize,
    onFatal: rethrow,
  });
}

async function main(engine: "auto" | "plain", how: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "flexup-test-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "image"), Buffer.alloc(IMAGE_BYTES, "flexup"));
  const opened = await openTftpServer({ listen: { address: ADDRESS, port: 0 }, clock: systemClock, onFatal: rethrow });
  if (!opened.ok) throw new Error(opened.failure.message);
  const server = opened.value;
  await server.offer("image", { path: join(folder, "image") });
  if (how === "worker") {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { port: server.local.port, engine } });
    await new Promise((resolve) => worker.once("message", resolve));
    await worker.terminate();
  } else {
    const onProgress = how === "exits" ? (): void => process.exit(0) : (): void => {};
    const onSize = how === "fatal" ? (): void => rethrow(new Error("a bug of ours")) : (): void => {};
    const running = fetch(server.local.port, engine, onProgress, onSize);
    const { outcome } = await running.ended;
    await running.closed;
    process.stdout.write(`${outcome}\n`);
  }
  await server.close();
}

if (isMainThread) {
  const [engine, how = ""] = process.argv.slice(2);
  await main(engine === "plain" ? "plain" : "auto", how);
} else {
  fetch(
    workerData.port,
    workerData.engine,
    () => parentPort?.postMessage("under way"),
    () => {},
  );
}
