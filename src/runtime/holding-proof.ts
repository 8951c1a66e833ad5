/** The answer to a challenge (`holdingProof` in `wire/capwap/vendor.ts`), for an AP's slot and for the controller's own file. */
import { createHmac } from "node:crypto";
import { Worker } from "node:worker_threads";
import { hexOf } from "../base/hex.js";
import { type MacAddress, macToBytes } from "../base/mac-address.js";

/** Keys that are kept: one for each image of the runs at work. */
const keysMax = 64;

/** Images take seconds to read, so a thread reads them, one at a time. */
export class HoldingProver {
  readonly #keys = new Map<string, Promise<Uint8Array | null>>();
  #last: Promise<unknown> = Promise.resolve();

  /** @returns null where the file cannot be read */
  async prove(path: string, nonce: Uint8Array, mac: MacAddress): Promise<Uint8Array | null> {
    const key = await this.#keyOf(path, nonce);
    return key && createHmac("sha256", key).update(macToBytes(mac)).digest();
  }

  #keyOf(path: string, nonce: Uint8Array): Promise<Uint8Array | null> {
    const name = `${hexOf(nonce)} ${path}`;
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const key = this.#last.then(() => keyInThread(path, nonce));
    this.#last = key;
    this.#keys.set(name, key);
    if (this.#keys.size > keysMax) this.#keys.delete(this.#keys.keys().next().value as string);
    // A file that could not be read may be readable next time.
    void key.then((bytes) => bytes === null && this.#keys.delete(name));
    return key;
  }
}

function keyInThread(path: string, nonce: Uint8Array): Promise<Uint8Array | null> {
  return new Promise((resolve) => {
    const worker = new Worker(new URL("./holding-proof-worker.js", import.meta.url), { execArgv: [], workerData: { path, nonce } });
    worker.unref();
    worker.once("message", resolve);
    worker.once("error", () => resolve(null));
    worker.once("exit", () => resolve(null));
  });
}
