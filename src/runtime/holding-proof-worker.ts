/** One image's key: SHA-256(nonce ‖ file). Posts 32 octets, or null where the file cannot be read. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

const readBytes = 1 << 20;

function keyOf({ path, nonce }: { readonly path: string; readonly nonce: Uint8Array }): Uint8Array | null {
  const hash = createHash("sha256").update(nonce);
  const buffer = Buffer.allocUnsafe(readBytes);
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    for (let length = readSync(file, buffer); length > 0; length = readSync(file, buffer)) hash.update(buffer.subarray(0, length));
    return hash.digest();
  } catch {
    return null;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

parentPort?.postMessage(keyOf(workerData as Parameters<typeof keyOf>[0]));
