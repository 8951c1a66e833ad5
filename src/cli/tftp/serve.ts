/** `flexup tftp serve`: files or the files of directories, by TFTP, until a signal. */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Endpoint, endpointText } from "../../base/endpoint.js";
import { failure, type Result, success } from "../../base/failure.js";
import type { ServerSettings } from "../../core/tftp/server/contract.js";
import { systemClock } from "../../runtime/clock.js";
import { openTftpServer, type RunningTftpServer } from "../../runtime/tftp/server.js";

/** Each offered file stays open. */
const FILES_MAX = 512;

export interface ServeOptions {
  readonly paths: readonly string[];
  readonly listen: Endpoint;
  readonly settings: Partial<ServerSettings>;
  readonly engine: "auto" | "plain";
  /** One line about something that happened. */
  readonly say: (line: string) => void;
}

export async function serveByTftp({ paths, listen, settings, engine, say }: ServeOptions): Promise<Result<RunningTftpServer>> {
  const files = await filesOf(paths);
  if (!files.ok) return files;
  const opened = await openTftpServer({
    listen,
    settings,
    engine,
    clock: systemClock,
    onSessionEnd: ({ peer, fileName, sizeBytes, blksize, windowsize }, outcome, detail) =>
      say(
        `${endpointText(peer)} ${fileName} (${sizeBytes} bytes, blksize ${blksize}, windowsize ${windowsize}): ${outcome}${detail && `, ${detail}`}`,
      ),
    onFatal: (error) => {
      throw error;
    },
  });
  if (!opened.ok) return opened;
  for (const [fileName, path] of files.value) {
    const offered = await opened.value.offer(fileName, { path });
    if (offered.ok) continue;
    await opened.value.close();
    return offered;
  }
  say(`serving ${files.value.size} files at ${endpointText(opened.value.local)} (${opened.value.engine} engine)`);
  return opened;
}

/** Offered name → path. Of a directory its regular files, not those below; a name twice is refused. */
async function filesOf(paths: readonly string[]): Promise<Result<Map<string, string>>> {
  const files = new Map<string, string>();
  for (const path of paths) {
    let found: string[];
    try {
      found = (await stat(path)).isDirectory()
        ? (await readdir(path, { withFileTypes: true })).filter((entry) => entry.isFile()).map(({ name }) => join(path, name))
        : [path];
    } catch (error) {
      return failure("unreadable-file", `${path} cannot be read: ${(error as Error).message}`);
    }
    for (const file of found) {
      const name = basename(file);
      if (files.has(name)) return failure("name-taken", `${file}: another file is offered as ${name}; rename one of them`);
      files.set(name, file);
    }
  }
  if (files.size === 0) return failure("nothing-to-serve", `no regular file in ${paths.join(", ")}`);
  if (files.size > FILES_MAX) return failure("too-many-files", `${files.size} files, at most ${FILES_MAX}; name those that you need`);
  return success(files);
}
