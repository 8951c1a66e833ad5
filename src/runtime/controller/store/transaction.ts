import type Database from "libsql";

/** All of `work` or nothing; durable on return. @throws what failed, never that a failed transaction could not be rolled back */
export function inTransaction<T>(database: Database.Database, work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    try {
      // SQLite has rolled back by itself after some failures, a full disk among them.
      database.exec("ROLLBACK");
    } catch {
      // `error` is the cause.
    }
    throw error;
  }
}
