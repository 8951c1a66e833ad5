import type { Disk, DiskFile } from "../../src/runtime/ap/disk.js";

/** The power went; nothing more happens on this disk. */
export const powerCut = new Error("power cut");

interface Inode {
  /** What a reader sees. */
  seen: Buffer;
  /** What a power cut leaves. */
  lasting: Buffer;
}

const coded = (code: string): Error => Object.assign(new Error(code), { code });

/**
 * A disk that forgets what was not synced, as the harshest real one may: after a power cut a file is as it was at its last
 * `sync`, and a folder as at its last `syncFolder`. Every change counts as a step, and the power can be cut before any of them.
 */
export class MemoryDisk implements Disk {
  readonly #seen: Map<string, Inode>;
  #lasting: Map<string, Inode>;
  /** Changes so far. */
  steps = 0;
  cutBeforeStep = Number.POSITIVE_INFINITY;
  capacityBytes = Number.POSITIVE_INFINITY;
  /** Paths that the medium does not give back. */
  readonly unreadable = new Set<string>();
  /** Paths for which there is no room. */
  readonly failOpen = new Set<string>();
  readOnly = false;
  /** Error code that the next writes get, e.g. `EIO`. */
  writesFailWith: string | undefined;

  constructor(files: Iterable<readonly [path: string, content: Buffer]> = []) {
    this.#seen = new Map();
    for (const [path, content] of files) this.#seen.set(path, { seen: Buffer.from(content), lasting: Buffer.from(content) });
    this.#lasting = new Map(this.#seen);
  }

  /** The same disk in the next life. @param what `lasting` after a power cut, `seen` after a kill of the process alone */
  reborn(what: "lasting" | "seen"): MemoryDisk {
    const names = what === "seen" ? this.#seen : this.#lasting;
    return new MemoryDisk([...names].map(([path, inode]) => [path, inode[what]] as const));
  }

  get names(): string[] {
    return [...this.#seen.keys()].sort();
  }

  content(path: string): Buffer | undefined {
    return this.#seen.get(path)?.seen;
  }

  /** Turns one bit of a stored file. */
  flipBit(path: string, offset: number): void {
    const inode = this.#seen.get(path) as Inode;
    inode.seen[offset] = (inode.seen[offset] as number) ^ 1;
  }

  #step(): void {
    if (this.readOnly) throw coded("EROFS");
    if (this.steps >= this.cutBeforeStep) throw powerCut;
    this.steps++;
  }

  async open(path: string, mode: "read" | "update" | "create"): Promise<DiskFile> {
    const found = this.#seen.get(path);
    if (this.failOpen.has(path)) throw coded("ENOSPC");
    if (found === undefined && mode !== "create") throw coded("ENOENT");
    if (mode === "create") this.#step();
    const inode = mode === "create" ? { seen: Buffer.alloc(0), lasting: found?.lasting ?? Buffer.alloc(0) } : (found as Inode);
    if (mode === "create") this.#seen.set(path, inode);
    return {
      read: async (into, position) => {
        if (this.unreadable.has(path)) throw coded("EIO");
        return inode.seen.copy(into, 0, position);
      },
      write: async (parts, position) => {
        this.#step();
        if (this.writesFailWith !== undefined) throw coded(this.writesFailWith);
        const bytes = Buffer.concat(parts);
        const end = Math.max(inode.seen.length, position + bytes.length);
        if (this.#usedBytes() + end - inode.seen.length > this.capacityBytes) throw coded("ENOSPC");
        const grown = Buffer.alloc(end);
        inode.seen.copy(grown);
        bytes.copy(grown, position);
        inode.seen = grown;
      },
      truncate: async (length) => {
        this.#step();
        inode.seen = Buffer.from(inode.seen.subarray(0, length));
      },
      sync: async () => {
        this.#step();
        inode.lasting = Buffer.from(inode.seen);
      },
      sizeBytes: async () => inode.seen.length,
      close: async () => {},
    };
  }

  async rename(from: string, to: string): Promise<void> {
    const inode = this.#seen.get(from);
    if (inode === undefined) throw coded("ENOENT");
    this.#step();
    this.#seen.delete(from);
    this.#seen.set(to, inode);
  }

  async remove(path: string): Promise<void> {
    this.#step();
    this.#seen.delete(path);
  }

  async list(folder: string): Promise<string[]> {
    const start = `${folder}/`;
    return this.names.filter((path) => path.startsWith(start)).map((path) => path.slice(start.length));
  }

  async makeFolder(): Promise<void> {}

  async syncFolder(): Promise<void> {
    this.#step();
    this.#lasting = new Map(this.#seen);
  }

  async freeBytes(): Promise<number> {
    return Math.max(0, this.capacityBytes - this.#usedBytes());
  }

  #usedBytes(): number {
    return [...this.#seen.values()].reduce((sum, { seen }) => sum + seen.length, 0);
  }
}
