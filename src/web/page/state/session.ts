/** The current login. */

import { useEffect, useState } from "preact/hooks";
import type { SessionView } from "../../../admin/access-views.js";
import { mayAct, type Role } from "../../../admin/roles.js";
import type { Result } from "../../../base/failure.js";
import { request, useCsrfToken, whenLoggedOut } from "./api.js";

/** False on a lab controller, where requests from its own machine may do everything. */
export const hasLogin = (session: SessionView): boolean => session.csrfToken !== null;

let session: SessionView | null | undefined;
const watchers = new Set<() => void>();

function become(next: SessionView | null): void {
  session = next;
  useCsrfToken(next?.csrfToken ?? null);
  for (const watcher of watchers) watcher();
}

whenLoggedOut(() => {
  if (session !== null) become(null);
});

/** Asks the server; undefined until it has answered, null if nobody is logged in. */
export function useSession(): SessionView | null | undefined {
  const [, again] = useState({});
  const rendered = session;
  useEffect(() => {
    const watcher = (): void => again({});
    watchers.add(watcher);
    // Effects run after the first paint; the answer may have arrived before.
    if (session !== rendered) watcher();
    return () => {
      watchers.delete(watcher);
    };
  }, []);
  return session;
}

/** Whether the user may do what requires `needed`. What they may not do is not offered, since the controller would refuse it. */
export function useMayAct(needed: Role = "operator"): boolean {
  const session = useSession();
  return session !== null && session !== undefined && mayAct(session.role, needed);
}

export async function refreshSession(): Promise<void> {
  const answer = await request<SessionView>("GET", "/session");
  // Without an answer, the login stays.
  if (answer.ok || answer.failure.code === "not-logged-in" || session === undefined) become(answer.ok ? answer.value : null);
}

export async function logIn(name: string, password: string): Promise<Result<SessionView>> {
  const answer = await request<SessionView>("POST", "/session", { name, password });
  if (answer.ok) become(answer.value);
  return answer;
}

export async function logOut(): Promise<void> {
  await request("DELETE", "/session");
  become(null);
}
