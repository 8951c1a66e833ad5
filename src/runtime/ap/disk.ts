import { mkdir, open, readdir, rename, rm, statfs } from "node:fs/promises";
import { dirname } from "node:path";

/** The few file operations that stored images need, so that tests can put a disk underneath that fails or loses power. */
export interface Disk {
  /** `read` and `update` need the file; `create` makes it or empties it. */
  open(path: string, mode: "read" | "update" | "create"): Promise<DiskFile>;
  /** Replaces `to`. Lasting only after `syncFolder`. */
  rename(from: string, to: string): Promise<void>;
  /** Succeeds where there is no such file. */
  remove(path: string): Promise<void>;
  /** Names of the files in a folder. */
  list(folder: string): Promise<string[]>;
  /** With its parents; succeeds where it exists. */
  makeFolder(folder: string): Promise<void>;
  /** Makes renames, creations and removals in the folder lasting. */
  syncFolder(folder: string): Promise<void>;
  /** Bytes that a file in this folder could still take. */
  freeBytes(folder: string): Promise<number>;
}

export interface DiskFile {
  /** Fills `into` from `position`; returns how much there was. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Writes all parts one after the other. */
  write(parts: readonly Uint8Array[], position: number): Promise<void>;
  truncate(length: number): Promise<void>;
  /** Makes writes lasting (fsync). */
  sync(): Promise<void>;
  sizeBytes(): Promise<number>;
  close(): Promise<void>;
}

const flags = { read: "r", update: "r+", create: "w+" } as const;

export const nodeDisk: Disk = {
  async open(path, mode) {
    const handle = await open(path, flags[mode]);
    return {
      async read(into, position) {
        let done = 0;
        while (done < into.length) {
          const { bytesRead } = await handle.read(into, done, into.length - done, position + done);
          if (bytesRead === 0) break;
          done += bytesRead;
        }
        return done;
      },
      async write(parts, position) {
        let left = [...parts];
        let at = position;
        while (left.length > 0) {
          const { bytesWritten } = await handle.writev(left, at);
          at += bytesWritten;
          left = withoutFirst(left, bytesWritten);
        }
      },
      truncate: (length) => handle.truncate(length),
      sync: () => handle.sync(),
      sizeBytes: async () => (await handle.stat()).size,
      close: () => handle.close(),
    };
  },
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { force: true }),
  list: (folder) => readdir(folder),
  async makeFolder(folder) {
    const first = await mkdir(folder, { recursive: true });
    if (first !== undefined) await this.syncFolder(dirname(first));
  },
  async syncFolder(folder) {
    const handle = await open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  async freeBytes(folder) {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  },
};

/** The kernel may take fewer bytes than it was given. */
function withoutFirst(parts: readonly Uint8Array[], count: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  let skip = count;
  for (const part of parts) {
    if (skip < part.length) left.push(part.subarray(skip));
    skip = Math.max(0, skip - part.length);
  }
  return left;
}
