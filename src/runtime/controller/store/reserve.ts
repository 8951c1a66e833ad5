import { closeSync, fsyncSync, openSync, renameSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";

const fileName = "reserve";
/** Rows of a branch's APs for hours. An upload leaves as much free again. */
export const reserveBytes = 4 * 2 ** 20;
const chunkBytes = 64 * 1024;

/** Free for this process, in bytes. */
export function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** A file that keeps space in the data folder: it is given up when the disk is full, so that what APs report is still stored. */
export class Reserve {
  readonly #path: string;
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.#path = join(folder, fileName);
  }

  /** @returns whether there was one */
  release(): boolean {
    const existed = this.isHeld();
    rmSync(this.#path, { force: true });
    return existed;
  }

  /** Takes the space where there is as much again. @returns whether it is held now */
  hold(): boolean {
    if (this.isHeld()) return true;
    const temporary = `${this.#path}.new`;
    try {
      rmSync(temporary, { force: true });
      if (freeBytes(this.#folder) < 2 * reserveBytes) return false;
      writeOut(temporary);
      renameSync(temporary, this.#path);
      return true;
    } catch {
      rmSync(temporary, { force: true });
      return false;
    }
  }

  isHeld(): boolean {
    return statSync(this.#path, { throwIfNoEntry: false })?.size === reserveBytes;
  }
}

function writeOut(path: string): void {
  const file = openSync(path, "wx", 0o600);
  try {
    // Not zeros, which some file systems store without using space.
    const chunk = Buffer.alloc(chunkBytes, "flexup keeps this space ");
    for (let written = 0; written < reserveBytes; ) written += writeSync(file, chunk);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
