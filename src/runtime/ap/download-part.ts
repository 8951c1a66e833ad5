/** The temporary file of a download and its facts; at most one at a time. */
import { join } from "node:path";
import type { Disk, DiskFile } from "./disk.js";
import { loadSealedJson, saveSealedJson } from "./sealed-json.js";
import { isAbsent } from "./storage-failure.js";
import { type PartFacts, storedFiles } from "./stored-files.js";

export const partNames = { part: "download.part", facts: "download.json" } as const;

export class DownloadPart {
  readonly path: string;
  readonly #folder: string;
  readonly #disk: Disk;
  readonly #factsPath: string;

  constructor(folder: string, disk: Disk) {
    this.#folder = folder;
    this.#disk = disk;
    this.path = join(folder, partNames.part);
    this.#factsPath = join(folder, partNames.facts);
  }

  async saveFacts(facts: PartFacts): Promise<void> {
    await saveSealedJson(this.#disk, this.#factsPath, facts);
  }

  async loadFacts(): Promise<PartFacts | undefined> {
    const stored = await loadSealedJson(this.#disk, this.#factsPath, storedFiles.partFacts);
    return typeof stored === "object" ? stored.value : undefined;
  }

  async removeFacts(): Promise<void> {
    await this.#disk.remove(this.#factsPath);
  }

  /** Cut to its safe bytes, or undefined when it is shorter than its facts promise. */
  async open({ safeBytes }: PartFacts): Promise<DiskFile | undefined> {
    const file = await openIfThere(this.#disk, this.path, "update");
    if (file === undefined) return undefined;
    if ((await file.sizeBytes()) >= safeBytes) {
      await file.truncate(safeBytes);
      return file;
    }
    await file.close();
    return undefined;
  }

  /** Empty, in the place of any other. */
  async create(): Promise<DiskFile> {
    await this.removeFacts();
    await this.#disk.syncFolder(this.#folder);
    return await this.#disk.open(this.path, "create");
  }

  async remove(): Promise<void> {
    await this.#disk.remove(this.path);
    await this.removeFacts();
  }

  async sizeBytes(): Promise<number> {
    const file = await openIfThere(this.#disk, this.path, "read");
    if (file === undefined) return 0;
    try {
      return await file.sizeBytes();
    } finally {
      await file.close();
    }
  }
}

export async function openIfThere(disk: Disk, path: string, mode: "read" | "update"): Promise<DiskFile | undefined> {
  try {
    return await disk.open(path, mode);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}
