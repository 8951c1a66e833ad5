/** Keeps a second process off a data folder. The kernel drops the lock with the process, so a killed one leaves none behind. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { failure, type Result, success } from "../../base/failure.js";

export interface FolderLock {
  release(): void;
}

/** SQLite's file lock: Node has none of its own, and one process may not hold it twice. Failures: `data-folder-in-use`, `data-folder-unusable`. */
export function lockFolder(folder: string): Result<FolderLock> {
  let database: Database.Database | undefined;
  try {
    mkdirSync(folder, { recursive: true });
    database = new Database(join(folder, "in-use.lock"));
    database.exec("BEGIN EXCLUSIVE");
    const held = database;
    return success({
      release: () => {
        held.exec("ROLLBACK");
        held.close();
      },
    });
  } catch (error) {
    database?.close();
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "SQLITE_BUSY"
      ? failure("data-folder-in-use", `${folder} is in use by another flexup process; stop it or choose another --data folder`)
      : failure("data-folder-unusable", `--data ${folder} cannot be used: ${message}`);
  }
}
