/** Whoever may do more may do less. */
export const roles = ["read-only", "operator", "admin"] as const;
export type Role = (typeof roles)[number];

export const mayAct = (role: Role, needed: Role): boolean => roles.indexOf(role) >= roles.indexOf(needed);

/** Who asks: a user, a token or the operator of this machine. */
export interface Caller {
  readonly name: string;
  readonly role: Role;
}
