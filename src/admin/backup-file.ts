import { createHash } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { failure, type Result, success } from "../base/failure.js";
import { syncFolder } from "../runtime/lasting-file.js";

export interface SavedBackup {
  readonly path: string;
  readonly sizeBytes: number;
}

/**
 * Stores the answer to `GET /backup`. `path` holds a whole backup or what it held before. It is readable by its owner alone: password
 * hashes are in it. Failures: `backup-incomplete`, `file-not-written`.
 */
export async function saveBackup(response: Response, path: string): Promise<Result<SavedBackup>> {
  const temporary = `${path}.part`;
  const hash = createHash("sha256");
  let sizeBytes = 0;
  try {
    const file = await open(temporary, "w", 0o600);
    try {
      for await (const chunk of response.body ?? []) {
        hash.update(chunk);
        sizeBytes += chunk.length;
        await file.writeFile(chunk);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    if (response.headers.get("repr-digest") !== `sha-256=:${hash.digest("base64")}:`)
      return failure("backup-incomplete", `The backup did not arrive whole; ${path} was not written, try again`);
    await rename(temporary, path);
    syncFolder(dirname(path));
    return success({ path, sizeBytes });
  } catch (error) {
    return failure("file-not-written", `${path} cannot be written: ${(error as Error).message}`);
  } finally {
    await rm(temporary, { force: true });
  }
}
