/** Users, tokens and audit entries as the API shows them: shapes for the server and the page. */
import type { Instant } from "../base/time.js";
import type { Role } from "./roles.js";

export const passwordLengthMin = 8;

export interface SessionView {
  readonly name: string;
  readonly role: Role;
  /** Must accompany every change as `x-csrf-token`; null where no login was needed. */
  readonly csrfToken: string | null;
}

export interface UserView {
  readonly name: string;
  readonly role: Role;
  /** OpenSSH public keys, one line each. */
  readonly sshKeys: readonly string[];
  /** The same keys with their history. */
  readonly sshKeyDetails: readonly SshKeyView[];
}

export interface SshKeyView {
  readonly line: string;
  /** The user who added it, whose role limits it; null if unknown. */
  readonly maker: string | null;
  readonly addedAt: Instant | null;
  /** Null: never. */
  readonly expiresAt: Instant | null;
  /** To about ten minutes; null: never. */
  readonly usedAt: Instant | null;
}

export interface TokenView {
  readonly id: number;
  readonly name: string;
  readonly role: Role;
  readonly createdAt: Instant;
  /** The user who made it, whose role limits it and with whom it ends; null if that was not a user or is unknown. */
  readonly owner: string | null;
  /** Null: never. */
  readonly expiresAt: Instant | null;
  /** To about ten minutes; null: never. */
  readonly usedAt: Instant | null;
}

/** One act, refusal or login. `before` and `after` hold what it changed, or null. */
export interface AuditView {
  readonly id: number;
  readonly at: Instant;
  /** A user's name, `token NAME (ID)`, `local` (an operator of the controller's own machine) or `lab`. */
  readonly who: string;
  /** Where the request came from: an address, `ssh` or `local`. */
  readonly from: string;
  readonly what: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly kind: "act" | "refused" | "login";
  /** How often it happened from `at` to `lastAt`; the first one is described. */
  readonly count: number;
  readonly lastAt: Instant;
}
