/** Users, API tokens and the audit log in the data folder's database. Every write is on the disk when the call returns. */
import type Database from "libsql";
import type { Instant } from "../../base/time.js";

export interface StoredUser {
  readonly name: string;
  readonly role: string;
  /** As `password-hash.ts` writes it. */
  readonly password: string;
  /** OpenSSH public keys, one line each. */
  readonly sshKeys: readonly string[];
}

export interface StoredToken {
  readonly id: number;
  readonly name: string;
  readonly role: string;
  readonly createdAt: Instant;
}

/** One act. `before` and `after` hold what it changed, or null. */
export interface AuditEntry {
  readonly id: number;
  readonly at: Instant;
  readonly who: string;
  /** Where the request came from: an address, `ssh` or `local`. */
  readonly from: string;
  readonly what: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** The oldest go first. */
const auditEntriesMax = 100_000;

interface UserRow {
  readonly name: string;
  readonly role: string;
  readonly password: string;
  readonly ssh_keys: string;
}

export class AccountStore {
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    this.#database = database;
  }

  users(): StoredUser[] {
    return (this.#database.prepare("SELECT name, role, password, ssh_keys FROM user ORDER BY name").all() as UserRow[]).map(userOf);
  }

  user(name: string): StoredUser | undefined {
    const row = this.#database.prepare("SELECT name, role, password, ssh_keys FROM user WHERE name = ?").get(name) as UserRow | undefined;
    return row && userOf(row);
  }

  putUser({ name, role, password, sshKeys }: StoredUser): void {
    this.#database
      .prepare(
        `INSERT INTO user (name, role, password, ssh_keys) VALUES (?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET role = excluded.role, password = excluded.password, ssh_keys = excluded.ssh_keys`,
      )
      .run(name, role, password, JSON.stringify(sshKeys));
  }

  deleteUser(name: string): void {
    this.#database.prepare("DELETE FROM user WHERE name = ?").run(name);
  }

  tokens(): StoredToken[] {
    return this.#database.prepare("SELECT id, name, role, created_at AS createdAt FROM token ORDER BY id").all() as StoredToken[];
  }

  tokenBySha256(sha256: string): StoredToken | undefined {
    return this.#database.prepare("SELECT id, name, role, created_at AS createdAt FROM token WHERE sha256 = ?").get(sha256) as
      | StoredToken
      | undefined;
  }

  addToken(token: Omit<StoredToken, "id">, sha256: string): number {
    const { lastInsertRowid } = this.#database
      .prepare("INSERT INTO token (name, role, sha256, created_at) VALUES (?, ?, ?, ?)")
      .run(token.name, token.role, sha256, token.createdAt);
    return Number(lastInsertRowid);
  }

  /** @returns whether there was such a token */
  deleteToken(id: number): boolean {
    return this.#database.prepare("DELETE FROM token WHERE id = ?").run(id).changes > 0;
  }

  audit({ at, who, from, what, before, after }: Omit<AuditEntry, "id">): void {
    const { lastInsertRowid } = this.#database
      .prepare("INSERT INTO audit (at, who, origin, what, before, after) VALUES (?, ?, ?, ?, ?, ?)")
      .run(at, who, from, what, JSON.stringify(before ?? null), JSON.stringify(after ?? null));
    this.#database.prepare("DELETE FROM audit WHERE id <= ?").run(Number(lastInsertRowid) - auditEntriesMax);
  }

  /** Newest first, those before the entry `beforeId` where it is given. */
  auditEntries(limit: number, beforeId = Number.MAX_SAFE_INTEGER): AuditEntry[] {
    const rows = this.#database
      .prepare('SELECT id, at, who, origin AS "from", what, before, after FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?')
      .all(beforeId, limit) as (Omit<AuditEntry, "before" | "after"> & { before: string; after: string })[];
    return rows.map((row) => ({ ...row, before: JSON.parse(row.before), after: JSON.parse(row.after) }));
  }
}

const userOf = ({ ssh_keys, ...user }: UserRow): StoredUser => ({ ...user, sshKeys: JSON.parse(ssh_keys) as string[] });
