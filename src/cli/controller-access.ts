/** How a command finds a controller and authenticates. */

import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { AdminClient } from "../admin/client.js";
import { failure, type Result, success } from "../base/failure.js";
import { findLocalAccess } from "../runtime/access/local-token.js";
import type { CommandContext, LocalFiles } from "./command.js";
import type { Screen } from "./live-screen.js";
import { UploadProgress } from "./upload-progress.js";

export const defaultAdminUrl = "http://127.0.0.1:8080";

export interface CommandIo {
  readonly stdout: Screen;
  readonly stderr: Screen;
  /** `FLEXUP_ADMIN` names the daemon where `--admin` does not; `FLEXUP_TOKEN` is an API token. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Takes over Ctrl-C from now on, for commands that last. */
  readonly interrupted?: () => AbortSignal;
}

/** The URL of `--admin`, of `FLEXUP_ADMIN` or the default; a string is what was wrong with it. */
export function controllerUrl(option: string | undefined, env: CommandIo["env"]): URL | string {
  const admin = option ?? env["FLEXUP_ADMIN"] ?? defaultAdminUrl;
  const base = URL.canParse(admin) ? new URL(admin) : undefined;
  if (base !== undefined && /^https?:$/.test(base.protocol)) return base;
  return `Unexpected "${admin}" for --admin: expected a URL such as ${defaultAdminUrl}`;
}

/** @param io `signal` ends an upload half-way */
export function contextFor(base: URL, io: CommandIo & { readonly signal?: AbortSignal }): CommandContext {
  const { url, token } = accessTo(base, io.env);
  const client = new AdminClient(url, token);
  return { operator: client, files: localFiles(client, io) };
}

/** Files of this machine. */
function localFiles(client: AdminClient, { stderr, signal }: CommandIo & { readonly signal?: AbortSignal }): LocalFiles {
  return {
    async upload(path, bundlePath, description) {
      const bundle = bundlePath === undefined ? success(undefined) : await readBytes(bundlePath);
      if (!bundle.ok) return bundle;
      const progress = new UploadProgress(stderr, basename(path));
      const answer = await client.addImage(
        path,
        { ...description, bundle: bundle.value },
        (sent, total) => progress.sent(sent, total),
        signal,
      );
      progress.end();
      return answer;
    },
    saveBackup: (path) => client.backup(path),
    async readText(path) {
      const bytes = await readBytes(path);
      return bytes.ok ? success(bytes.value.toString("utf8")) : bytes;
    },
  };
}

async function readBytes(path: string): Promise<Result<Buffer>> {
  try {
    return success(await readFile(path));
  } catch (error) {
    return failure("file-unreadable", `${path} cannot be read: ${(error as Error).message}`);
  }
}

/** With the operator's own token, or the one that a controller of this machine and account left for exactly this endpoint. */
function accessTo(url: URL, env: CommandIo["env"]): { readonly url: URL; readonly token: string | undefined } {
  const own = env["FLEXUP_TOKEN"];
  return own === undefined ? (findLocalAccess(env, url) ?? { url, token: undefined }) : { url, token: own };
}
