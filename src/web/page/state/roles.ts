/** Whoever may do more may do less. */
const order = ["read-only", "operator", "admin"] as const;
export type Role = (typeof order)[number];
export const roles: readonly Role[] = order;

export const mayAct = (role: Role, needed: Role): boolean => order.indexOf(role) >= order.indexOf(needed);
