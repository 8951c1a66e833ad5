/** Each includes the ones before it. */
export const roles = ["read-only", "operator", "admin"] as const;
export type Role = (typeof roles)[number];

export const mayAct = (role: Role, needed: Role): boolean => roles.indexOf(role) >= roles.indexOf(needed);

export const lowerRole = (a: Role, b: Role): Role => (mayAct(a, b) ? b : a);

/** A user, a token or the operator of this machine. */
export interface Caller {
  readonly name: string;
  /** What the caller may do now, limited by the owner's role. */
  readonly role: Role;
  /** Id of the API token in use. Tokens are named by admins, often like their users. */
  readonly tokenId?: number;
  /** The user who made the token or added the SSH key in use, if that is known and another one. */
  readonly owner?: string;
}

/** Names of callers that are not users; no user gets one. */
export const reservedNames = { local: "local", lab: "lab", nobody: "nobody" } as const;

/** The caller in the audit log: `noc`, or `token noc (3)`, which cannot be a user's name. */
export const callerText = ({ name, tokenId }: Caller): string => (tokenId === undefined ? name : `token ${name} (${tokenId})`);

/** The user who answers for what a caller makes; null for callers behind whom no user is known. */
export function userBehind({ name, tokenId, owner }: Caller): string | null {
  if (tokenId !== undefined) return owner ?? null;
  return Object.hasOwn(reservedNames, name) ? null : name;
}
