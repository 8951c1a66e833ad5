/** What the API shows of those who may use it: shapes for the server and the page. */
import type { Instant } from "../base/time.js";
import type { Role } from "./roles.js";

export const passwordLengthMin = 8;

export interface SessionView {
  readonly name: string;
  readonly role: Role;
  /** Goes with every change as `x-csrf-token`; null where nobody had to log in. */
  readonly csrfToken: string | null;
}

export interface UserView {
  readonly name: string;
  readonly role: Role;
  /** OpenSSH public keys, one line each. */
  readonly sshKeys: readonly string[];
}

export interface TokenView {
  readonly id: number;
  readonly name: string;
  readonly role: Role;
  readonly createdAt: Instant;
}

/** One act. `before` and `after` hold what it changed, or null. */
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
}
