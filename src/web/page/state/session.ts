/** Who is logged in here. */

import { useEffect, useState } from "preact/hooks";
import type { Result } from "../../../base/failure.js";
import { request, useCsrfToken, whenLoggedOut } from "./api.js";
import type { Role } from "./roles.js";

export interface Session {
  readonly name: string;
  readonly role: Role;
  readonly csrfToken: string | null;
}

/** A controller without logins, reachable from its own machine alone: whoever gets there may do everything. */
const openDoor: Session = { name: "no login", role: "admin", csrfToken: null };
export const hasLogin = (session: Session): boolean => session !== openDoor;

let session: Session | null | undefined;
const watchers = new Set<() => void>();

function become(next: Session | null): void {
  session = next;
  useCsrfToken(next?.csrfToken ?? null);
  for (const watcher of watchers) watcher();
}

whenLoggedOut(() => {
  if (session !== null) become(null);
});

/** Asks the server; undefined until it has answered, null when nobody is logged in. */
export function useSession(): Session | null | undefined {
  const [, again] = useState({});
  useEffect(() => {
    const watcher = (): void => again({});
    watchers.add(watcher);
    return () => {
      watchers.delete(watcher);
    };
  }, []);
  return session;
}

export async function refreshSession(): Promise<void> {
  const answer = await request<Session>("GET", "/session");
  if (answer.ok) become(answer.value);
  else become(answer.failure.code === "unknown-route" ? openDoor : null);
}

export async function logIn(name: string, password: string): Promise<Result<Session>> {
  const answer = await request<Session>("POST", "/session", { name, password });
  if (answer.ok) become(answer.value);
  return answer;
}

export async function logOut(): Promise<void> {
  await request("DELETE", "/session");
  become(null);
}
