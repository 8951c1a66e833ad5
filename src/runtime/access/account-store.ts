/**
 * Users and API tokens in the data folder's database. Every write is sealed, and on the disk when the call returns.
 * Writes throw `StoreReadOnly` where the disk cannot take them. The audit log is in `audit-store.ts`.
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
  readonly sshKeys: readonly StoredKey[];
}

export interface StoredKey {
  /** OpenSSH public key. */
  readonly line: string;
  /** The user who added it; null where that was none (this machine's token, a lab) or is not known. */
  readonly maker: string | null;
  /** Null for keys from before format 7. */
  readonly addedAt: Instant | null;
  /** Null: never. */
  readonly expiresAt: Instant | null;
  /** Null: not used since format 7. */
  readonly usedAt: Instant | null;
}

export interface StoredToken {
  readonly id: number;
  readonly name: string;
  readonly role: string;
  readonly createdAt: Instant;
  /** The user who made it; null where that was none (this machine's token, a lab) or is not known. */
  readonly owner: string | null;
  /** Null: never. */
  readonly expiresAt: Instant | null;
  readonly usedAt: Instant | null;
}

interface UserRow {
  readonly name: string;
  readonly role: string;
  readonly password: string;
  readonly ssh_keys: string;
}

const tokenColumns = "id, name, role, created_at AS createdAt, owner, expires_at AS expiresAt, used_at AS usedAt";

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

  putUser(user: StoredUser): void {
    this.#store.write(() => this.#put(user));
  }

  /** Removes the user and what the user made: tokens, and SSH keys added to others. */
  deleteUser(name: string): void {
    this.#store.write(() => {
      this.#database.prepare("DELETE FROM user WHERE name = ?").run(name);
      this.#removeMadeBy(name);
    });
  }

  /** Stores the user without SSH keys other than `keep`, and removes tokens and keys that the user made. */
  endAccess(user: StoredUser, keep: readonly StoredKey[]): void {
    this.#store.write(() => {
      this.#removeMadeBy(user.name);
      this.#put({ ...user, sshKeys: keep });
    });
  }

  tokens(): StoredToken[] {
    return this.#database.prepare(`SELECT ${tokenColumns} FROM token ORDER BY id`).all() as StoredToken[];
  }

  tokenBySha256(sha256: string): StoredToken | undefined {
    return this.#database.prepare(`SELECT ${tokenColumns} FROM token WHERE sha256 = ?`).get(sha256) as StoredToken | undefined;
  }

  addToken({ name, role, createdAt, owner, expiresAt }: Omit<StoredToken, "id" | "usedAt">, sha256: string): number {
    return this.#store.write(() => {
      const { lastInsertRowid } = this.#database
        .prepare("INSERT INTO token (name, role, sha256, created_at, owner, expires_at) VALUES (?, ?, ?, ?, ?, ?)")
        .run(name, role, sha256, createdAt, owner, expiresAt);
      const id = Number(lastInsertRowid);
      this.#seals.seal("token", id);
      return id;
    });
  }

  tokenUsed(id: number, at: Instant): void {
    this.#store.write(() => {
      this.#database.prepare("UPDATE token SET used_at = ? WHERE id = ?").run(at, id);
      this.#seals.seal("token", id);
    });
  }

  /** @returns whether there was such a token */
  deleteToken(id: number): boolean {
    return this.#store.write(() => this.#database.prepare("DELETE FROM token WHERE id = ?").run(id).changes > 0);
  }

  #put({ name, role, password, sshKeys }: StoredUser): void {
    this.#database
      .prepare(
        `INSERT INTO user (name, role, password, ssh_keys) VALUES (?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET role = excluded.role, password = excluded.password, ssh_keys = excluded.ssh_keys`,
      )
      .run(name, role, password, JSON.stringify(sshKeys));
    this.#seals.seal("user", name);
  }

  #removeMadeBy(name: string): void {
    this.#database.prepare("DELETE FROM token WHERE owner = ?").run(name);
    for (const user of this.users()) {
      const others = user.sshKeys.filter(({ maker }) => maker !== name);
      if (others.length < user.sshKeys.length) this.#put({ ...user, sshKeys: others });
    }
  }
}

const userOf = ({ ssh_keys, ...user }: UserRow): StoredUser => ({ ...user, sshKeys: JSON.parse(ssh_keys) as StoredKey[] });
