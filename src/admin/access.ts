/** Who may use the API: finds the caller of each request and holds it against the role that its route asks for. */

import fastifyCookie from "@fastify/cookie";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type Failure, failure, type Result } from "../base/failure.js";
import { isLoopback } from "../base/ip-address.js";
import type { Instant } from "../base/time.js";
import type { AccountStore } from "../runtime/access/account-store.js";
import { StoreReadOnly } from "../runtime/controller/store/store.js";
import type { Accounts } from "./accounts.js";
import { notAllowed, type WriteAudit } from "./audited-port.js";
import { httpStatusOf } from "./http-status.js";
import { type Caller, mayAct, type Role, reservedNames } from "./roles.js";
import type { Session, Sessions } from "./sessions.js";

declare module "fastify" {
  interface FastifyRequest {
    /** Null where anybody may come. */
    caller: Caller | null;
    session: Session | null;
  }
  interface FastifyContextConfig {
    /** Default: `read-only`. */
    role?: Role;
    /** Needs nobody: health, the login itself, the page's files. */
    public?: true;
    /** After it somebody may be logged out. */
    endsLogins?: true;
  }
}

export interface AccessOptions {
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly store: AccountStore;
  readonly now: () => Instant;
  /** `--lab`: whoever comes over loopback without any sign of who it is may do everything. */
  readonly openOnLoopback: boolean;
  /** Whether the API is reached by HTTPS, so that the cookie never travels otherwise. */
  readonly secure: boolean;
}

export const sessionCookie = "flexup_session";
const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Puts the guard before every route of `app` that is not marked `public`. It asks the route that was found and never the path
 * that was sent: `/%61pi/v1/users` finds the same route as `/api/v1/users`.
 */
export async function registerAccess(app: FastifyInstance, options: AccessOptions): Promise<void> {
  await app.register(fastifyCookie);
  app.decorateRequest("caller", null);
  app.decorateRequest("session", null);
  app.addHook("onRequest", async (request, reply) => {
    const { config } = request.routeOptions;
    if (config.public || request.is404) return;
    const refused = identify(request, options) ?? authorize(request, config.role ?? "read-only");
    if (refused !== undefined) await sendRefusal(reply, refused);
  });
}

/** Registers routes for everybody, such as the page's files, whatever plugin makes them. */
export async function registerPublic(app: FastifyInstance, register: (scope: FastifyInstance) => Promise<unknown>): Promise<void> {
  await app.register(async (scope) => {
    scope.addHook("onRoute", (route) => {
      route.config = { ...route.config, public: true };
    });
    await register(scope);
  });
}

/** One line of the audit log, at the time of writing. */
export const auditWriter =
  ({ store, now }: Pick<AccessOptions, "store" | "now">): WriteAudit =>
  (entry) => {
    try {
      store.audit({ ...entry, at: now() });
    } catch (error) {
      // The act itself was refused for the same reason; it must not fail for want of its entry.
      if (!(error instanceof StoreReadOnly)) throw error;
    }
  };

/** A login that came in or was wrong. What had to wait is not noted: whoever floods the API would push everything else out of the log. */
export function noteLogin(write: WriteAudit, what: "login" | "ssh login", name: string, from: string, caller: Result<Caller>): void {
  const who = name.slice(0, 64);
  if (caller.ok) write({ who, from, what, before: null, after: null });
  else if (caller.failure.code === "wrong-password") write({ who, from, what, before: null, after: { refused: caller.failure.code } });
}

export const sendRefusal = (reply: FastifyReply, refused: Failure): FastifyReply => reply.status(httpStatusOf(refused)).send(refused);

function identify(request: FastifyRequest, options: AccessOptions): Failure | undefined {
  if (!safeMethods.has(request.method) && isForeignOrigin(request)) return foreign;
  const bearer = bearerOf(request);
  if (bearer !== undefined) {
    request.caller = options.accounts.byToken(bearer) ?? null;
    return request.caller === null ? failure("not-logged-in", "This token is not known; an admin can make a new one").failure : undefined;
  }
  const cookie = request.cookies[sessionCookie];
  const session = cookie === undefined ? undefined : options.sessions.find(cookie);
  const role = session && options.accounts.roleOf(session.name);
  if (session !== undefined && role !== undefined) {
    if (!safeMethods.has(request.method) && request.headers["x-csrf-token"] !== session.csrfToken) return foreign;
    request.session = session;
    request.caller = { name: session.name, role };
    return undefined;
  }
  if (!options.openOnLoopback || !comesFromHere(request)) return undefined;
  request.caller = { name: reservedNames.lab, role: "admin" };
  return undefined;
}

const bearerOf = ({ headers }: FastifyRequest): string | undefined => /^Bearer (.+)$/i.exec(headers.authorization ?? "")?.[1];

/**
 * Who asks, as of each call, for what goes on for long after the guard: an upload, an event stream. Undefined once the login has ended.
 * A page that is open keeps its login from idling.
 */
export function standingOf(request: FastifyRequest, { accounts, sessions }: AccessOptions): () => Caller | undefined {
  const { caller, session } = request;
  const bearer = bearerOf(request);
  if (bearer !== undefined) return () => accounts.byToken(bearer);
  if (session === null) return () => caller ?? undefined;
  const { id, name } = session;
  return () => {
    const role = sessions.find(id) && accounts.roleOf(name);
    return role && { name, role };
  };
}

function authorize({ caller }: FastifyRequest, needed: Role): Failure | undefined {
  if (caller === null)
    return failure("not-logged-in", "Log in first: with a password on the page, or with a token (FLEXUP_TOKEN) from scripts").failure;
  return mayAct(caller.role, needed) ? undefined : notAllowed(caller, needed).failure;
}

const foreign = failure("csrf-refused", "This request does not come from the page that the login belongs to; reload the page").failure;

/** A browser says which page a changing request comes from; another site's is refused whatever it carries. */
function isForeignOrigin({ headers }: FastifyRequest): boolean {
  const { origin } = headers;
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== headers.host;
}

/** Over loopback, and by a loopback name: a foreign name that somebody's DNS points here is not ours. */
function comesFromHere({ socket, headers }: FastifyRequest): boolean {
  const host = URL.canParse(`http://${headers.host}`) ? new URL(`http://${headers.host}`).hostname.replace(/^\[|\]$/g, "") : "";
  return isLoopback(host) && socket.remoteAddress !== undefined && isLoopback(socket.remoteAddress);
}
