/** `flexup tftp serve`: files or the files of directories, by TFTP, until a signal. */
import { type Endpoint, endpointText } from "../../base/endpoint.js";
import type { Result } from "../../base/failure.js";
import type { ServerSettings } from "../../core/tftp/server/contract.js";
import { systemClock } from "../../runtime/clock.js";
import { ServedPaths } from "../../runtime/tftp/served-paths.js";
import { openTftpServer, type RunningTftpServer } from "../../runtime/tftp/server.js";

export interface ServeOptions {
  readonly paths: readonly string[];
  readonly listen: Endpoint;
  readonly settings: Partial<ServerSettings>;
  readonly engine: "auto" | "plain";
  /** One line about something that happened. */
  readonly say: (line: string) => void;
}

export async function serveByTftp({ paths, listen, settings, engine, say }: ServeOptions): Promise<Result<RunningTftpServer>> {
  const served = await ServedPaths.of(paths);
  if (!served.ok) return served;
  const opened = await openTftpServer({
    listen,
    settings,
    engine,
    paths: served.value,
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
  opened.value.prepare();
  say(`serving ${await served.value.count()} files at ${endpointText(opened.value.local)} (${opened.value.engine} engine)`);
  return opened;
}
