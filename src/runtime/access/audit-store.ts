/** The audit log in the data folder's database. An entry is on the disk when the call returns; a repetition's count follows within a second. */
import type Database from "libsql";
import type { Instant } from "../../base/time.js";
import { Seals } from "../controller/store/seals.js";
import type { Store } from "../controller/store/store.js";

/** Kinds have room of their own, so that refusals and logins, which anybody can cause, never push out what was changed. */
export const auditKinds = ["act", "refused", "login"] as const;
export type AuditKind = (typeof auditKinds)[number];

/** One act, refusal or login. `before` and `after` hold what it changed, or null. */
export interface AuditEntry {
  readonly id: number;
  readonly at: Instant;
  readonly who: string;
  /** Where the request came from: an address, `ssh` or `local`. */
  readonly from: string;
  readonly what: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly kind: AuditKind;
  /** How often it happened from `at` to `lastAt`; the first one is described. */
  readonly count: number;
  readonly lastAt: Instant;
}

export type NewAuditEntry = Pick<AuditEntry, "at" | "who" | "from" | "what" | "before" | "after" | "kind"> & {
  /** Entries of the kind `refused` with the same key within `coalesceMs` are counted in one. */
  readonly sameAs?: string;
};

/** The oldest of a kind go first. */
const entriesMax: Readonly<Record<AuditKind, number>> = { act: 100_000, refused: 20_000, login: 20_000 };
const coalesceMs = 10 * 60_000;
/** A growing count is written at most this often. */
const countWriteMs = 1000;
/** Refusals that still count; beyond this the oldest is closed. */
const openMax = 1000;

interface OpenEntry {
  readonly id: number;
  readonly since: Instant;
  count: number;
  lastAt: Instant;
  writtenAt: Instant;
  written: number;
}

interface AuditRow extends Omit<AuditEntry, "before" | "after" | "lastAt"> {
  readonly before: string;
  readonly after: string;
  readonly lastAt: Instant | null;
}

export class AuditStore {
  readonly #store: Pick<Store, "database" | "write">;
  readonly #database: Database.Database;
  readonly #seals: Seals;
  readonly #open = new Map<string, OpenEntry>();

  constructor(store: Pick<Store, "database" | "write">) {
    this.#store = store;
    this.#database = store.database;
    this.#seals = new Seals(store.database);
  }

  write(entry: NewAuditEntry): void {
    const key = entry.kind === "refused" && entry.sameAs !== undefined ? `${entry.who} ${entry.from} ${entry.sameAs}` : undefined;
    if (key !== undefined && this.#counted(key, entry.at)) return;
    const id = this.#insert(entry);
    if (key === undefined) return;
    this.#open.set(key, { id, since: entry.at, count: 1, lastAt: entry.at, writtenAt: entry.at, written: 1 });
    const oldest = this.#open.keys().next();
    if (this.#open.size > openMax && !oldest.done) this.#close(oldest.value);
  }

  /** Newest first, those before the entry `beforeId` where it is given. */
  entries(limit: number, beforeId = Number.MAX_SAFE_INTEGER): AuditEntry[] {
    this.flush();
    const rows = this.#database
      .prepare(
        `SELECT id, at, who, origin AS "from", what, before, after, kind, count, last_at AS lastAt FROM audit
         WHERE id < ? ORDER BY id DESC LIMIT ?`,
      )
      .all(beforeId, limit) as AuditRow[];
    return rows.map((row) => ({ ...row, before: JSON.parse(row.before), after: JSON.parse(row.after), lastAt: row.lastAt ?? row.at }));
  }

  /** Writes the counts that are not on the disk yet. */
  flush(): void {
    for (const open of this.#open.values()) if (open.written < open.count) this.#writeCount(open);
  }

  #counted(key: string, at: Instant): boolean {
    const open = this.#open.get(key);
    if (open === undefined) return false;
    if (at - open.since >= coalesceMs) {
      this.#close(key);
      return false;
    }
    open.count++;
    open.lastAt = at;
    if (at - open.writtenAt >= countWriteMs) this.#writeCount(open);
    return true;
  }

  #close(key: string): void {
    const open = this.#open.get(key);
    if (open !== undefined && open.written < open.count) this.#writeCount(open);
    this.#open.delete(key);
  }

  #insert({ at, who, from, what, before, after, kind }: NewAuditEntry): number {
    return this.#store.write(() => {
      const { lastInsertRowid } = this.#database
        .prepare("INSERT INTO audit (at, who, origin, what, before, after, kind) VALUES (?, ?, ?, ?, ?, ?, ?)")
        .run(at, who, from, what, JSON.stringify(before ?? null), JSON.stringify(after ?? null), kind);
      const id = Number(lastInsertRowid);
      this.#seals.seal("audit", id);
      this.#database
        .prepare("DELETE FROM audit WHERE kind = ? AND id <= (SELECT id FROM audit WHERE kind = ? ORDER BY id DESC LIMIT 1 OFFSET ?)")
        .run(kind, kind, entriesMax[kind]);
      return id;
    });
  }

  #writeCount(open: OpenEntry): void {
    this.#store.write(() => {
      this.#database.prepare("UPDATE audit SET count = ?, last_at = ? WHERE id = ?").run(open.count, open.lastAt, open.id);
      this.#seals.seal("audit", open.id);
    });
    open.written = open.count;
    open.writtenAt = open.lastAt;
  }
}
