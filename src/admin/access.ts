/** Access to the API: finds the caller of each request and checks it against the role that its route requires. */

import fastifyCookie from "@fastify/cookie";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type Failure, failure, type Result } from "../base/failure.js";
import { isLoopback } from "../base/ip-address.js";
import type { Instant } from "../base/time.js";
import type { AuditStore } from "../runtime/access/audit-store.js";
import { StoreReadOnly } from "../runtime/controller/store/store.js";
import type { Accounts } from "./accounts.js";
import { notAllowed, refusalEntry, type WriteAudit } from "./audited-port.js";
import { httpStatusOf } from "./http-status.js";
import { type Caller, callerText, mayAct, type Role, reservedNames } from "./roles.js";
import type { Session, Sessions } from "./sessions.js";

declare module "fastify" {
  interface FastifyRequest {
    /** Null on public routes. */
    caller: Caller | null;
    session: Session | null;
  }
  interface FastifyContextConfig {
    /** Default: `read-only`. */
    role?: Role;
    /** Needs no login: health, the login itself, the page's files. */
    public?: true;
    /** Its name in the audit log when a caller's role does not allow it. */
    act?: string;
    /** It may end logins. */
    endsLogins?: true;
  }
}

export interface AccessOptions {
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly audit: AuditStore;
  readonly now: () => Instant;
  /** `--lab`: requests over loopback without credentials may do everything. */
  readonly openOnLoopback: boolean;
  /** Served over HTTPS: the cookie never travels otherwise. */
  readonly secure: boolean;
}

/** `__Host-`: a browser takes it only over HTTPS and for this host alone, so that no neighbour under the same domain can set it. */
export const sessionCookie = ({ secure }: Pick<AccessOptions, "secure">): string => (secure ? "__Host-flexup_session" : "flexup_session");
const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Puts the guard before every route of `app` that is not marked `public`. It looks at the matched route and never at the path
 * that was sent: `/%61pi/v1/users` matches the same route as `/api/v1/users`.
 */
export async function registerAccess(app: FastifyInstance, options: AccessOptions): Promise<void> {
  const write = auditWriter(options);
  await app.register(fastifyCookie);
  app.decorateRequest("caller", null);
  app.decorateRequest("session", null);
  app.addHook("onRequest", async (request, reply) => {
    const { config } = request.routeOptions;
    if (request.is404) return;
    const refused =
      (isForeignOrigin(request) ? foreign : undefined) ??
      (config.public ? undefined : (identify(request, options) ?? authorize(request, config.role ?? "read-only")));
    if (refused === undefined) return;
    const { caller } = request;
    if (caller !== null && refused.code === "not-allowed" && !safeMethods.has(request.method)) write(refusedRequest(request, caller));
    await sendRefusal(reply, refused);
  });
}

/** Registers public routes, such as the page's files, whatever plugin makes them. */
export async function registerPublic(app: FastifyInstance, register: (scope: FastifyInstance) => Promise<unknown>): Promise<void> {
  await app.register(async (scope) => {
    scope.addHook("onRoute", (route) => {
      route.config = { ...route.config, public: true };
    });
    await register(scope);
  });
}

/** Writes audit entries with the current time. */
export const auditWriter =
  ({ audit, now }: Pick<AccessOptions, "audit" | "now">): WriteAudit =>
  (entry) => {
    try {
      audit.write({ ...entry, at: now() });
    } catch (error) {
      // The act itself was refused for the same reason; it must not fail for lack of its entry.
      if (!(error instanceof StoreReadOnly)) throw error;
    }
  };

/** A successful or wrong login. One that had to wait is not recorded. */
export function noteLogin(write: WriteAudit, what: "login" | "ssh login", name: string, from: string, caller: Result<Caller>): void {
  const who = name.slice(0, 64);
  if (caller.ok) write({ who, from, what, before: null, after: null, kind: "login" });
  else if (caller.failure.code === "wrong-password") write(refusalEntry({ who, from, what }, caller.failure.code, what));
}

export const sendRefusal = (reply: FastifyReply, refused: Failure): FastifyReply => reply.status(httpStatusOf(refused)).send(refused);

function identify(request: FastifyRequest, options: AccessOptions): Failure | undefined {
  const bearer = bearerOf(request);
  if (bearer !== undefined) {
    request.caller = options.accounts.byToken(bearer) ?? null;
    return request.caller === null ? failure("not-logged-in", "This token is not valid; an admin can create a new one").failure : undefined;
  }
  const cookie = request.cookies[sessionCookie(options)];
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

/** The role is checked before the body is read, so the path alone says what was meant. */
function refusedRequest({ routeOptions, params, method, ip }: FastifyRequest, caller: Caller) {
  const act = routeOptions.config.act ?? `${method} ${routeOptions.url}`;
  const what = [act, ...Object.values(params as Record<string, string>)].join(" ").slice(0, 256);
  return refusalEntry({ who: callerText(caller), from: ip, what }, "not-allowed", act);
}

const bearerOf = ({ headers }: FastifyRequest): string | undefined => /^Bearer (.+)$/i.exec(headers.authorization ?? "")?.[1];

/**
 * The caller as of each call, for what outlasts the guard: an upload, an event stream. Undefined once the login has ended.
 * An open page keeps its login from idling.
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

const foreign = failure("csrf-refused", "This request comes from another page than the login belongs to; reload the page").failure;

/** A browser names the page that sends a changing request, a login included; another site's is refused whatever it carries. */
function isForeignOrigin({ headers, method }: FastifyRequest): boolean {
  const { origin } = headers;
  if (origin === undefined || safeMethods.has(method)) return false;
  return !URL.canParse(origin) || new URL(origin).host !== headers.host;
}

/** Over loopback and under a loopback name, so that a foreign name that resolves to 127.0.0.1 gains nothing. */
function comesFromHere({ socket, headers }: FastifyRequest): boolean {
  const host = URL.canParse(`http://${headers.host}`) ? new URL(`http://${headers.host}`).hostname.replace(/^\[|\]$/g, "") : "";
  return isLoopback(host) && socket.remoteAddress !== undefined && isLoopback(socket.remoteAddress);
}
