/** A folder on a small disk of its own, which can be filled and made read-only. Mounting one takes root. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const quietly = { stdio: "ignore" } as const;

export class SmallDisk {
  readonly folder: string;
  readonly #ballast: string;

  constructor(folder: string, mebibytes: number) {
    this.folder = folder;
    this.#ballast = join(folder, "ballast");
    mkdirSync(folder, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "none", folder], quietly);
  }

  fill(): void {
    const chunk = Buffer.alloc(4096);
    const file = openSync(this.#ballast, "w");
    try {
      while (writeSync(file, chunk) === chunk.length);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    } finally {
      closeSync(file);
    }
  }

  makeRoom(): void {
    rmSync(this.#ballast, { force: true });
  }

  /** `ro` fails while a file is open for writing. @returns whether it is so now */
  remount(mode: "ro" | "rw"): boolean {
    try {
      execFileSync("mount", ["-o", `remount,${mode}`, this.folder], quietly);
      return true;
    } catch {
      return false;
    }
  }

  unmount(): void {
    execFileSync("umount", ["-l", this.folder], quietly);
  }
}

/** Why disks cannot be mounted here; undefined where they can. */
export function whyNoDisks(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "flexup-disk-"));
  try {
    new SmallDisk(folder, 1).unmount();
    return undefined;
  } catch {
    return "no disk can be mounted (it takes root)";
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
