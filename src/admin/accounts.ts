import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Endpoint } from "../base/endpoint.js";
import { failure, type Result, success } from "../base/failure.js";
import type { Instant } from "../base/time.js";
import type { AccountStore, StoredKey, StoredToken, StoredUser } from "../runtime/access/account-store.js";
import { localTokenText } from "../runtime/access/local-token.js";
import { checkPassword, hashPassword, isOutdated, randomPassword, type Urgency } from "../runtime/access/password-hash.js";
import { StoreReadOnly } from "../runtime/controller/store/store.js";
import type { TokenView, UserView } from "./access-views.js";
import { GuessLimit } from "./guess-limit.js";
import { type Caller, lowerRole, type Role, reservedNames, userBehind } from "./roles.js";

const firstUser = "admin";

/** A use is stored at most this often. */
const useNotedMs = 10 * 60_000;

/** Compared against if there is no such user, so that the answer takes as long. */
const nobodysHash = hashPassword(randomPassword());

/** Users, their passwords and keys, and tokens for scripts. */
export class Accounts {
  readonly #store: AccountStore;
  readonly #now: () => Instant;
  readonly #guesses: GuessLimit;
  /** Times that all access of a user was ended since the process started: logins of before are over. */
  readonly #endings = new Map<string, number>();
  #localToken = randomBytes(32).toString("base64url");

  constructor(store: AccountStore, now: () => Instant) {
    this.#store = store;
    this.#now = now;
    this.#guesses = new GuessLimit(now);
  }

  /** For this machine's token file. */
  get localToken(): string {
    return this.#localToken;
  }

  /** From now on the local token names the endpoint that it is for. @returns the new one */
  bindLocalToken(endpoint: Endpoint): string {
    this.#localToken = localTokenText(endpoint, this.#localToken);
    return this.#localToken;
  }

  /** Creates the first user if there is none. @returns its password, to be shown once; undefined if it was given or the user exists */
  async ensureFirstUser(password: string | undefined): Promise<string | undefined> {
    if (this.#store.users().length > 0) return undefined;
    const chosen = password ?? randomPassword();
    this.#store.putUser({ name: firstUser, role: "admin", password: await hashPassword(chosen), sshKeys: [] });
    return password === undefined ? chosen : undefined;
  }

  /** Failures: `wrong-password`, `too-many-attempts`, `too-many-logins`. */
  logIn(name: string, password: string, from: string): Promise<Result<Caller>> {
    return this.#guesses.guess(name, from, async (urgency) => {
      const user = await this.#userWith(name, password, urgency);
      if (user === undefined) return undefined;
      if (isOutdated(user.password)) await this.#rehash(user, password);
      return { name: user.name, role: user.role as Role };
    });
  }

  /** Replaces a hash with weaker parameters, unless the user has changed meanwhile. */
  async #rehash({ name, password: former }: StoredUser, password: string): Promise<void> {
    const hash = await hashPassword(password);
    const user = this.#store.user(name);
    if (user?.password === former) this.#unlessReadOnly(() => this.#store.putUser({ ...user, password: hash }));
  }

  /** The user whose password it is, as of the return: not one deleted or with another password since the computation began. */
  async #userWith(name: string, password: string, urgency: Urgency): Promise<StoredUser | undefined> {
    const then = this.#store.user(name);
    const right = await checkPassword(password, then?.password ?? (await nobodysHash), urgency);
    const now = this.#store.user(name);
    return right && now?.password === then?.password ? now : undefined;
  }

  byToken(token: string): Caller | undefined {
    if (sameText(token, this.#localToken)) return { name: reservedNames.local, role: "admin" };
    const stored = this.#store.tokenBySha256(sha256(token));
    if (stored === undefined || this.#isOver(stored.expiresAt)) return undefined;
    const role = this.#limitedBy(stored.owner, stored.role as Role);
    if (role === undefined) return undefined;
    this.#noteUse(stored.usedAt, (at) => this.#store.tokenUsed(stored.id, at));
    return { name: stored.name, role, tokenId: stored.id, ...(stored.owner !== null && { owner: stored.owner }) };
  }

  /** @param key SSH wire form */
  bySshKey(name: string, key: Uint8Array): Caller | undefined {
    const user = this.#store.user(name);
    const known = user && keyIn(user, key);
    if (user === undefined || known === undefined || this.#isOver(known.expiresAt)) return undefined;
    const maker = known.maker === name ? null : known.maker;
    const role = this.#limitedBy(maker, user.role as Role);
    return role && { name, role, ...(maker !== null && { owner: maker }) };
  }

  /** The user has logged in with a key of `bySshKey`. */
  sshKeyUsed(name: string, key: Uint8Array): void {
    const user = this.#store.user(name);
    const used = user && keyIn(user, key);
    if (user === undefined || used === undefined) return;
    this.#noteUse(used.usedAt, (usedAt) => {
      this.#store.putUser({ ...user, sshKeys: user.sshKeys.map((known) => (known === used ? { ...known, usedAt } : known)) });
    });
  }

  /** The user's current role; undefined once the user is gone. */
  roleOf(name: string): Role | undefined {
    return this.#store.user(name)?.role as Role | undefined;
  }

  /**
   * What a login of now is worth at each later call: the current role, or undefined once the user is gone, has another password, lost a
   * key, or had all access ended.
   */
  standing({ name, owner }: Pick<Caller, "name" | "owner">): () => Caller | undefined {
    const then = this.#store.user(name);
    const endings = this.#endings.get(name);
    return () => {
      const user = this.#store.user(name);
      const same = user?.password === then?.password && then?.sshKeys.every(({ line }) => user?.sshKeys.some((key) => key.line === line));
      if (user === undefined || !same || this.#endings.get(name) !== endings) return undefined;
      const role = this.#limitedBy(owner ?? null, user.role as Role);
      return role && { name, role, ...(owner !== undefined && { owner }) };
    };
  }

  users(): UserView[] {
    return this.#store.users().map(viewOf);
  }

  async addUser(name: string, role: Role, password: string): Promise<Result<UserView>> {
    const user = { name, role, password: await hashPassword(password), sshKeys: [] };
    if (this.#store.user(name) !== undefined) return failure("user-exists", `User ${name} already exists`);
    this.#store.putUser(user);
    return success(viewOf(user));
  }

  /**
   * Omitted fields stay. With `endAccess`, the user's tokens, SSH keys not in `sshKeys` and logins end.
   * @param by who makes the change: maker of new SSH keys
   * Failures: `unknown-user`, `last-admin`.
   */
  async changeUser(name: string, { endAccess = false, ...change }: AccountChange, by?: Caller): Promise<Result<UserView>> {
    // The slow part comes first: nothing may happen between reading the user and writing it.
    const password = change.password === undefined ? undefined : await hashPassword(change.password);
    const user = this.#store.user(name);
    if (user === undefined) return unknownUser(name);
    if (change.role !== undefined && change.role !== "admin" && this.#isLastAdmin(user)) return lastAdmin(name);
    const changed = {
      ...user,
      role: change.role ?? user.role,
      sshKeys: change.sshKeys === undefined ? user.sshKeys : this.#keys(user, change.sshKeys, by),
      password: password ?? user.password,
    };
    if (endAccess) this.#endAccess(changed, change.sshKeys === undefined ? [] : changed.sshKeys);
    else this.#store.putUser(changed);
    return success(viewOf(this.#store.user(name) as StoredUser));
  }

  /** Ends logins, SSH keys and tokens of a user, who can log in again with the password. Failure: `unknown-user`. */
  endAccess(name: string): Result<UserView> {
    const user = this.#store.user(name);
    if (user === undefined) return unknownUser(name);
    this.#endAccess(user, []);
    return success(viewOf({ ...user, sshKeys: [] }));
  }

  /** By the user, who knows the current one. Failures: those of `logIn`. */
  changePassword(name: string, current: string, next: string, from: string): Promise<Result<UserView>> {
    return this.#guesses.guess(name, from, async (urgency) => {
      const password = await hashPassword(next);
      const user = await this.#userWith(name, current, urgency);
      if (user === undefined) return undefined;
      this.#store.putUser({ ...user, password });
      return viewOf(user);
    });
  }

  deleteUser(name: string): Result<null> {
    const user = this.#store.user(name);
    if (user === undefined) return unknownUser(name);
    if (this.#isLastAdmin(user)) return lastAdmin(name);
    this.#store.deleteUser(name);
    return success(null);
  }

  tokens(): TokenView[] {
    return this.#store.tokens() as TokenView[];
  }

  /** @param by its owner. The token's text is in the result and nowhere else. */
  addToken(name: string, role: Role, by?: Caller, expiresAt: Instant | null = null): TokenView & { readonly token: string } {
    const token = randomBytes(32).toString("base64url");
    const row: Omit<StoredToken, "id" | "usedAt"> = {
      name,
      role,
      createdAt: this.#now(),
      owner: by === undefined ? null : userBehind(by),
      expiresAt,
    };
    return { id: this.#store.addToken(row, sha256(token)), ...row, role, usedAt: null, token };
  }

  deleteToken(id: number): Result<null> {
    return this.#store.deleteToken(id) ? success(null) : failure("unknown-token", `There is no token ${id}`);
  }

  #keys(user: StoredUser, lines: readonly (string | KeyChange)[], by: Caller | undefined): StoredKey[] {
    return lines.map((given) => {
      const { line, expiresAt } = typeof given === "string" ? { line: given, expiresAt: undefined } : given;
      const known = user.sshKeys.find((key) => key.line === line);
      if (known !== undefined) return expiresAt === undefined ? known : { ...known, expiresAt };
      return { line, maker: by === undefined ? null : userBehind(by), addedAt: this.#now(), expiresAt: expiresAt ?? null, usedAt: null };
    });
  }

  #endAccess(user: StoredUser, keep: readonly StoredKey[]): void {
    this.#store.endAccess(user, keep);
    this.#endings.set(user.name, (this.#endings.get(user.name) ?? 0) + 1);
  }

  #isOver(expiresAt: Instant | null): boolean {
    return expiresAt !== null && expiresAt <= this.#now();
  }

  /** The lower of a role and the owner's current one; undefined if the owner is gone. */
  #limitedBy(owner: string | null, role: Role): Role | undefined {
    if (owner === null) return role;
    const limit = this.roleOf(owner);
    return limit && lowerRole(role, limit);
  }

  #noteUse(usedAt: Instant | null, store: (at: Instant) => void): void {
    const now = this.#now();
    if (usedAt === null || now - usedAt >= useNotedMs) this.#unlessReadOnly(() => store(now));
  }

  /** For what is not worth refusing a login on a full disk. */
  #unlessReadOnly(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!(error instanceof StoreReadOnly)) throw error;
    }
  }

  #isLastAdmin(user: StoredUser): boolean {
    return user.role === "admin" && !this.#store.users().some(({ name, role }) => role === "admin" && name !== user.name);
  }
}

export interface KeyChange {
  readonly line: string;
  /** Null: never. */
  readonly expiresAt: Instant | null;
}

export interface AccountChange {
  readonly role?: Role;
  readonly password?: string;
  /** All keys that the user is to have; known ones keep their history. */
  readonly sshKeys?: readonly (string | KeyChange)[];
  readonly endAccess?: boolean;
}

const viewOf = ({ name, role, sshKeys }: StoredUser): UserView => ({
  name,
  role: role as Role,
  sshKeys: sshKeys.map(({ line }) => line),
  sshKeyDetails: sshKeys,
});

const keyIn = (user: StoredUser, key: Uint8Array): StoredKey | undefined => {
  const offered = Buffer.from(key).toString("base64");
  return user.sshKeys.find(({ line }) => line.trim().split(/\s+/)[1] === offered);
};

const unknownUser = (name: string): Result<never> => failure("unknown-user", `There is no user ${name}`);
const lastAdmin = (name: string): Result<never> => failure("last-admin", `${name} is the only admin; make another one first`);
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const sameText = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(sha256(a)), Buffer.from(sha256(b)));
