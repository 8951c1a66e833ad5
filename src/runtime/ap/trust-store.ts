/**
 * Files of an AP that trusts a root, in its data folder:
 *
 *     trust.json, trust-copy.json   roots, the highest versions accepted, the security floor
 *     <sha256>.bundle               the bundle of the image with this digest
 *
 * They outlive the slots and the boot record: an AP reset to its factory image keeps its floor.
 */

import { join } from "node:path";
import type { Sha256Hex } from "../../base/sha256.js";
import { bundleBytesMax } from "../../core/trust/release.js";
import type { Disk } from "./disk.js";
import { openIfThere } from "./download-part.js";
import { loadSealedJson, saveBytes, saveSealedJson } from "./sealed-json.js";
import { type StoredTrust, storedFiles } from "./stored-files.js";

const names = { trust: "trust.json", copy: "trust-copy.json" } as const;
const bundleEnding = ".bundle";
/** Also one that a power cut left unfinished. */
const bundleName = /^([0-9a-f]{64})\.bundle(?:\.new)?$/;

export class TrustStore {
  readonly #folder: string;
  readonly #disk: Disk;

  constructor(folder: string, disk: Disk) {
    this.#folder = folder;
    this.#disk = disk;
  }

  /** Undefined before the first `save`. @throws if both files are damaged: starting without the floor would defeat it */
  async load(): Promise<StoredTrust | undefined> {
    const found = [];
    for (const name of [names.trust, names.copy]) found.push(await loadSealedJson(this.#disk, join(this.#folder, name), storedFiles.trust));
    const whole = found.find((each) => typeof each === "object");
    if (typeof whole === "object") return whole.value;
    if (found.includes("damaged")) {
      throw new Error(
        `${names.trust} and ${names.copy} are damaged; remove both to start over from the provisioned root; the security floor is lost`,
      );
    }
    return undefined;
  }

  /** Resolves when both files are on the disk. */
  async save(trust: StoredTrust): Promise<void> {
    await saveSealedJson(this.#disk, join(this.#folder, names.trust), trust);
    await saveSealedJson(this.#disk, join(this.#folder, names.copy), trust);
  }

  async bundle(sha256: Sha256Hex): Promise<Uint8Array | undefined> {
    const file = await openIfThere(this.#disk, this.#bundlePath(sha256), "read");
    if (file === undefined) return undefined;
    try {
      const bytes = new Uint8Array(Math.min(await file.sizeBytes(), bundleBytesMax + 1));
      return bytes.subarray(0, await file.read(bytes, 0));
    } finally {
      await file.close();
    }
  }

  async saveBundle(sha256: Sha256Hex, bytes: Uint8Array): Promise<void> {
    await saveBytes(this.#disk, this.#bundlePath(sha256), bytes);
  }

  async removeBundlesBut(kept: readonly Sha256Hex[]): Promise<void> {
    for (const name of await this.#disk.list(this.#folder)) {
      const sha256 = bundleName.exec(name)?.[1];
      if (sha256 !== undefined && !kept.includes(sha256)) await this.#disk.remove(join(this.#folder, name));
    }
  }

  #bundlePath(sha256: Sha256Hex): string {
    return join(this.#folder, sha256 + bundleEnding);
  }
}
