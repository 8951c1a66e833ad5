/**
 * Users, API tokens and the audit log in the data folder's database. Every write is sealed, and on the disk when the call returns.
 * Writes throw `StoreReadOnly` where the disk cannot take them.
 */
import type Database from "libsql";
import type { Instant } from "../../base/time.js";
import { Seals } from "../controller/store/seals.js";
import type { Store } from "../controller/store/store.js";

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
  readonly #store: Pick<Store, "database" | "write">;
  readonly #database: Database.Database;
  readonly #seals: Seals;

  constructor(store: Pick<Store, "database" | "write">) {
    this.#store = store;
    this.#database = store.database;
    this.#seals = new Seals(store.database);
  }

  users(): StoredUser[] {
    return (this.#database.prepare("SELECT name, role, password, ssh_keys FROM user ORDER BY name").all() as UserRow[]).map(userOf);
  }

  user(name: string): StoredUser | undefined {
    const row = this.#database.prepare("SELECT name, role, password, ssh_keys FROM user WHERE name = ?").get(name) as UserRow | undefined;
    return row && userOf(row);
  }

  putUser({ name, role, password, sshKeys }: StoredUser): void {
    this.#store.write(() => {
      this.#database
        .prepare(
          `INSERT INTO user (name, role, password, ssh_keys) VALUES (?, ?, ?, ?)
           ON CONFLICT (name) DO UPDATE SET role = excluded.role, password = excluded.password, ssh_keys = excluded.ssh_keys`,
        )
        .run(name, role, password, JSON.stringify(sshKeys));
      this.#seals.seal("user", name);
    });
  }

  deleteUser(name: string): void {
    this.#store.write(() => this.#database.prepare("DELETE FROM user WHERE name = ?").run(name));
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
    return this.#store.write(() => {
      const { lastInsertRowid } = this.#database
        .prepare("INSERT INTO token (name, role, sha256, created_at) VALUES (?, ?, ?, ?)")
        .run(token.name, token.role, sha256, token.createdAt);
      const id = Number(lastInsertRowid);
      this.#seals.seal("token", id);
      return id;
    });
  }

  /** @returns whether there was such a token */
  deleteToken(id: number): boolean {
    return this.#store.write(() => this.#database.prepare("DELETE FROM token WHERE id = ?").run(id).changes > 0);
  }

  audit({ at, who, from, what, before, after }: Omit<AuditEntry, "id">): void {
    this.#store.write(() => {
      const { lastInsertRowid } = this.#database
        .prepare("INSERT INTO audit (at, who, origin, what, before, after) VALUES (?, ?, ?, ?, ?, ?)")
        .run(at, who, from, what, JSON.stringify(before ?? null), JSON.stringify(after ?? null));
      const id = Number(lastInsertRowid);
      this.#seals.seal("audit", id);
      this.#database.prepare("DELETE FROM audit WHERE id <= ?").run(id - auditEntriesMax);
    });
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
