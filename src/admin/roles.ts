/** Whoever may do more may do less. */
export const roles = ["read-only", "operator", "admin"] as const;
export type Role = (typeof roles)[number];

export const mayAct = (role: Role, needed: Role): boolean => roles.indexOf(role) >= roles.indexOf(needed);

/** Who asks: a user, a token or the operator of this machine. */
export interface Caller {
  readonly name: string;
  readonly role: Role;
  /** Id of the API token by which it asks. Tokens are named by admins, often as their users are. */
  readonly tokenId?: number;
}

/** Names of callers who are no users; no user gets one. */
export const reservedNames = { local: "local", lab: "lab", nobody: "nobody" } as const;

/** Who it was, for the audit log: `noc`, or `token noc (3)`, which no user can be called. */
export const callerText = ({ name, tokenId }: Caller): string => (tokenId === undefined ? name : `token ${name} (${tokenId})`);
