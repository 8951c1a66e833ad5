import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { failure, type Result, success } from "../base/failure.js";
import type { Instant } from "../base/time.js";
import type { AccountStore, StoredUser } from "../runtime/access/account-store.js";
import { checkPassword, hashPassword, randomPassword } from "../runtime/access/password-hash.js";
import type { TokenView, UserView } from "./access-views.js";
import { GuessLimit } from "./guess-limit.js";
import { type Caller, type Role, reservedNames } from "./roles.js";

const firstUser = "admin";

/** Compared against when there is no such user, so that the answer takes as long. */
const nobodysHash = hashPassword(randomPassword());

/** Users, their passwords and keys, and tokens for scripts. */
export class Accounts {
  readonly #store: AccountStore;
  readonly #now: () => Instant;
  readonly #guesses: GuessLimit;
  /** Known to whoever may read this machine's token file. */
  readonly localToken = randomBytes(32).toString("base64url");

  constructor(store: AccountStore, now: () => Instant) {
    this.#store = store;
    this.#now = now;
    this.#guesses = new GuessLimit(now);
  }

  /** Makes the first user where there is none. @returns its password, to be shown once; undefined where it was given or exists */
  async ensureFirstUser(password: string | undefined): Promise<string | undefined> {
    if (this.#store.users().length > 0) return undefined;
    const chosen = password ?? randomPassword();
    this.#store.putUser({ name: firstUser, role: "admin", password: await hashPassword(chosen), sshKeys: [] });
    return password === undefined ? chosen : undefined;
  }

  /** Failures: `wrong-password`, `too-many-attempts`, `too-many-logins`. */
  logIn(name: string, password: string, from: string): Promise<Result<Caller>> {
    return this.#guesses.guess(name, from, async () => {
      const user = await this.#userWith(name, password);
      return user && { name: user.name, role: user.role as Role };
    });
  }

  /** The user whose password it is, as of the return: who was deleted or got another password while it was computed is not meant. */
  async #userWith(name: string, password: string): Promise<StoredUser | undefined> {
    const then = this.#store.user(name);
    const right = await checkPassword(password, then?.password ?? (await nobodysHash));
    const now = this.#store.user(name);
    return right && now?.password === then?.password ? now : undefined;
  }

  byToken(token: string): Caller | undefined {
    if (sameText(token, this.localToken)) return { name: reservedNames.local, role: "admin" };
    const stored = this.#store.tokenBySha256(sha256(token));
    return stored && { name: stored.name, role: stored.role as Role, tokenId: stored.id };
  }

  /** @param key SSH wire form */
  bySshKey(name: string, key: Uint8Array): Caller | undefined {
    const user = this.#store.user(name);
    const offered = Buffer.from(key).toString("base64");
    const known = user?.sshKeys.some((line) => line.trim().split(/\s+/)[1] === offered) ?? false;
    return known && user !== undefined ? { name: user.name, role: user.role as Role } : undefined;
  }

  /** The caller's role as it is now; undefined once the user is gone. */
  roleOf(name: string): Role | undefined {
    return this.#store.user(name)?.role as Role | undefined;
  }

  /** Who a login of now is later on, with the role of then: nobody once the user is gone, has another password or lost a key. */
  standing(name: string): () => Caller | undefined {
    const then = this.#store.user(name);
    return () => {
      const user = this.#store.user(name);
      const same = user?.password === then?.password && then?.sshKeys.every((key) => user?.sshKeys.includes(key));
      return user !== undefined && same ? { name, role: user.role as Role } : undefined;
    };
  }

  users(): UserView[] {
    return this.#store.users().map(viewOf);
  }

  async addUser(name: string, role: Role, password: string): Promise<Result<UserView>> {
    const user = { name, role, password: await hashPassword(password), sshKeys: [] };
    if (this.#store.user(name) !== undefined) return failure("user-exists", `User ${name} exists already`);
    this.#store.putUser(user);
    return success(viewOf(user));
  }

  /** What is left out stays. Failures: `unknown-user`, `last-admin`. */
  async changeUser(name: string, change: { role?: Role; password?: string; sshKeys?: readonly string[] }): Promise<Result<UserView>> {
    // What takes long comes first: from the look at the user to the write nothing may come between.
    const password = change.password === undefined ? undefined : await hashPassword(change.password);
    const user = this.#store.user(name);
    if (user === undefined) return unknownUser(name);
    if (change.role !== undefined && change.role !== "admin" && this.#isLastAdmin(user)) return lastAdmin(name);
    const changed = {
      ...user,
      role: change.role ?? user.role,
      sshKeys: change.sshKeys ?? user.sshKeys,
      password: password ?? user.password,
    };
    this.#store.putUser(changed);
    return success(viewOf(changed));
  }

  /** By the user alone, who knows the present one. Failures: those of `logIn`. */
  changePassword(name: string, present: string, next: string, from: string): Promise<Result<UserView>> {
    return this.#guesses.guess(name, from, async () => {
      const password = await hashPassword(next);
      const user = await this.#userWith(name, present);
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

  /** The token's text is in the answer and nowhere else. */
  addToken(name: string, role: Role): TokenView & { readonly token: string } {
    const token = randomBytes(32).toString("base64url");
    const row = { name, role, createdAt: this.#now() };
    return { id: this.#store.addToken(row, sha256(token)), ...row, token };
  }

  deleteToken(id: number): Result<null> {
    return this.#store.deleteToken(id) ? success(null) : failure("unknown-token", `There is no token ${id}`);
  }

  #isLastAdmin(user: StoredUser): boolean {
    return user.role === "admin" && !this.#store.users().some(({ name, role }) => role === "admin" && name !== user.name);
  }
}

const viewOf = ({ name, role, sshKeys }: StoredUser): UserView => ({ name, role: role as Role, sshKeys });
const unknownUser = (name: string): Result<never> => failure("unknown-user", `There is no user ${name}`);
const lastAdmin = (name: string): Result<never> => failure("last-admin", `${name} is the only admin; make another one first`);
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const sameText = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(sha256(a)), Buffer.from(sha256(b)));
