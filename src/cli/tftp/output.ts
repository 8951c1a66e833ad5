/** Where a fetched file goes: a name that appears when it is whole, or something that takes bytes as they come. */
import { type FileHandle, lstat, open, realpath, rename, rm, stat, type stat as statOf } from "node:fs/promises";
import { failure, type Result, success } from "../../base/failure.js";
import { type FetchSink, fileSink } from "../../runtime/tftp/client.js";

export interface Output {
  readonly sink: FetchSink;
  commit(): Promise<void>;
  /** Nothing of ours stays where there was nothing before. */
  discard(): Promise<void>;
}

type Stats = Awaited<ReturnType<typeof statOf>>;

/** @param path `-` for standard output */
export async function openOutput(path: string, stdout: NodeJS.WritableStream): Promise<Result<Output>> {
  if (path === "-") return success(streamOutput(stdout));
  try {
    const there = await orUndefined(stat(path));
    if (there?.isDirectory()) return failure("tftp-storage", `${path} is a directory; name a file with -o`);
    if (there !== undefined && !there.isFile()) return success(await openInPlace(path));
    // A link stays what it is: its target is what is written.
    const isDangling = there === undefined && (await orUndefined(lstat(path))) !== undefined;
    if (isDangling) return success(await openInPlace(path));
    return success(await openPart(there === undefined ? path : await realpath(path), there));
  } catch (error) {
    return failure("tftp-storage", `${path} cannot be written: ${(error as Error).message}; choose another place with -o`);
  }
}

const orUndefined = async (pending: Promise<Stats>): Promise<Stats | undefined> => {
  try {
    return await pending;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
};

/** A new or regular file: written beside it, and put in its place when it is whole, with the mode that it had. */
async function openPart(path: string, before: Stats | undefined): Promise<Output> {
  const partial = `${path}.${process.pid}.part`;
  const handle = await open(partial, "wx");
  if (before !== undefined) await handle.chmod(Number(before.mode) & 0o7777).catch(() => {});
  return {
    sink: fileSink(handle),
    commit: async () => {
      await handle.sync();
      await handle.close();
      await rename(partial, path);
    },
    discard: async () => {
      await handle.close().catch(() => {});
      await rm(partial, { force: true });
    },
  };
}

/** A device, a FIFO, a link to what is not there yet: opened and written as any program would. */
async function openInPlace(path: string): Promise<Output> {
  const handle: FileHandle = await open(path, "w");
  return {
    sink: {
      write: async (_offset, chunks) => {
        for (const chunk of chunks) await handle.writeFile(chunk);
      },
    },
    commit: () => handle.close(),
    discard: () => handle.close().catch(() => {}),
  };
}

const streamOutput = (stream: NodeJS.WritableStream): Output => ({
  sink: {
    write: async (_offset, chunks) => {
      for (const chunk of chunks) {
        await new Promise<void>((resolve, reject) => stream.write(chunk, (error) => (error ? reject(error) : resolve())));
      }
    },
  },
  commit: async () => {},
  discard: async () => {},
});
