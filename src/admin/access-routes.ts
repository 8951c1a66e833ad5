/** Login, users, tokens and the audit log. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { type Failure, failure } from "../base/failure.js";
import { auditKinds } from "../runtime/access/audit-store.js";
import { type AccessOptions, auditWriter, noteLogin, sendRefusal, sessionCookie } from "./access.js";
import { type AuditView, passwordLengthMin, type SessionView, type TokenView, type UserView } from "./access-views.js";
import type { AccountChange } from "./accounts.js";
import { apiPrefix } from "./order-paths.js";
import { callerText, reservedNames, roles, userBehind } from "./roles.js";
import { decimal, failureBody } from "./schema.js";

const role = z.enum(roles);
const password = z.string().min(passwordLengthMin).max(1024);
/** Not `.` or `..`, which URLs resolve: such a user could not be named in a path, nor deleted. */
const name = z.string().regex(/^(?!\.{1,2}$)[A-Za-z0-9._@-]{1,64}$/, "expected 1 to 64 letters, digits or . _ @ -, but not . or ..");
const newName = name.refine((text) => !Object.hasOwn(reservedNames, text), {
  error: `expected another name: ${Object.keys(reservedNames).join(", ")} are reserved for callers that are not users`,
});
const when = z.number().nullable();
/** Types that the SSH server can verify; a security key (`sk-…`) would be stored and never work. */
const sshKeyLine = /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/]+={0,2}(?: [^\p{Cc}]*)?$/u;
const sshKey = z
  .string()
  .max(4096)
  .regex(sshKeyLine, "expected an OpenSSH public key of the type ssh-ed25519, ecdsa-sha2-nistp… or ssh-rsa");
const sshKeyForms = z.union([sshKey, z.strictObject({ line: sshKey, expiresAt: when })]);
const sshKeys = z.array(sshKeyForms).max(32);
const sshKeyDetails = z.array(z.object({ line: z.string(), maker: z.string().nullable(), addedAt: when, expiresAt: when, usedAt: when }));
const user = z.object({ name, role, sshKeys: z.array(z.string()), sshKeyDetails }) satisfies z.ZodType<UserView>;
const token = z.object({
  id: z.int(),
  name: z.string(),
  role,
  createdAt: z.number(),
  owner: z.string().nullable(),
  expiresAt: when,
  usedAt: when,
}) satisfies z.ZodType<TokenView>;
const session = z.object({ name: z.string(), role, csrfToken: z.string().nullable() }) satisfies z.ZodType<SessionView>;
const auditEntry = z.object({
  id: z.int(),
  at: z.number(),
  who: z.string(),
  from: z.string(),
  what: z.string(),
  before: z.unknown(),
  after: z.unknown(),
  kind: z.enum(auditKinds),
  count: z.int(),
  lastAt: z.number(),
}) satisfies z.ZodType<AuditView>;
const failures = { "4xx": failureBody, "5xx": failureBody };
const none = z.null().describe("Done");

const auditPageSize = 200;
const admin = { role: "admin" } as const;
const endsLogins = { endsLogins: true } as const;

export function registerAccessRoutes(app: FastifyInstance, options: AccessOptions): void {
  const { accounts, audit, sessions } = options;
  const write = auditWriter(options);
  const note = (request: FastifyRequest, what: string, before: unknown, after: unknown): void =>
    write({
      who: request.caller === null ? reservedNames.nobody : callerText(request.caller),
      from: request.ip,
      what,
      before,
      after,
      kind: "act",
    });
  const cookieOptions = { path: "/", httpOnly: true, sameSite: "strict", secure: options.secure } as const;

  app.post(
    `${apiPrefix}/session`,
    {
      config: { public: true },
      schema: {
        operationId: "log-in",
        summary: "Log in with a password",
        tags: ["access"],
        body: z.object({ name: z.string().max(64), password: z.string().max(1024) }),
        response: { 200: session, ...failures },
      },
    },
    async (request, reply) => {
      const given = request.body as { name: string; password: string };
      const caller = await accounts.logIn(given.name, given.password, request.ip);
      noteLogin(write, "login", given.name, request.ip, caller);
      if (!caller.ok) return sendRefusal(reply, caller.failure);
      const opened = sessions.open(caller.value.name);
      reply.setCookie(sessionCookie(options), opened.id, cookieOptions);
      return { ...caller.value, csrfToken: opened.csrfToken };
    },
  );
  app.get(
    `${apiPrefix}/session`,
    { schema: { operationId: "session", summary: "Who is logged in", tags: ["access"], response: { 200: session, ...failures } } },
    async ({ caller, session }) => ({ name: caller?.name, role: caller?.role, csrfToken: session?.csrfToken ?? null }),
  );
  app.delete(
    `${apiPrefix}/session`,
    { config: endsLogins, schema: { operationId: "log-out", summary: "Log out", tags: ["access"], response: { 204: none, ...failures } } },
    async (request, reply) => {
      if (request.session !== null) sessions.close(request.session.id);
      return reply.clearCookie(sessionCookie(options), cookieOptions).status(204).send();
    },
  );

  app.get(
    `${apiPrefix}/users`,
    {
      config: admin,
      schema: { operationId: "users", summary: "All users", tags: ["access"], response: { 200: z.array(user), ...failures } },
    },
    async () => accounts.users(),
  );
  app.post(
    `${apiPrefix}/users`,
    {
      config: admin,
      schema: {
        operationId: "user-add",
        summary: "Add a user",
        tags: ["access"],
        body: z.strictObject({ name: newName, role, password }),
        response: { 201: user, ...failures },
      },
    },
    async (request, reply) => {
      const given = request.body as { name: string; role: (typeof roles)[number]; password: string };
      const added = await accounts.addUser(given.name, given.role, given.password);
      if (!added.ok) return sendRefusal(reply, added.failure);
      note(request, `user-add ${given.name}`, null, { role: given.role });
      return reply.status(201).send(added.value);
    },
  );
  app.put(
    `${apiPrefix}/users/:name`,
    {
      config: { ...admin, ...endsLogins },
      schema: {
        operationId: "user-change",
        summary: "Change a user's role, password or SSH keys; omitted fields stay. A new password for another user ends all access",
        tags: ["access"],
        params: z.object({ name }),
        body: z.strictObject({
          role: role.optional(),
          password: password.optional(),
          sshKeys: sshKeys.optional(),
          endAccess: z.boolean().optional().describe("End logins, tokens and other SSH keys; default: with a password for another user"),
        }),
        response: { 200: user, ...failures },
      },
    },
    async (request, reply) => {
      const about = (request.params as { name: string }).name;
      const by = request.caller ?? undefined;
      const given = request.body as AccountChange;
      const isOwn = by !== undefined && userBehind(by) === about;
      const change = { ...given, endAccess: given.endAccess ?? (given.password !== undefined && !isOwn) };
      const before = accounts.users().find((known) => known.name === about);
      const changed = await accounts.changeUser(about, change, by);
      if (!changed.ok) return sendRefusal(reply, changed.failure);
      if (change.password !== undefined || change.endAccess) sessions.closeAll(about);
      note(request, `user-change ${about}`, before, { ...changed.value, ...(change.password !== undefined && { password: "changed" }) });
      return reply.send(changed.value);
    },
  );
  app.delete(
    `${apiPrefix}/users/:name`,
    {
      config: { ...admin, ...endsLogins },
      schema: {
        operationId: "user-delete",
        summary: "Delete a user",
        tags: ["access"],
        params: z.object({ name }),
        response: { 204: none, ...failures },
      },
    },
    async (request, reply) => {
      const about = (request.params as { name: string }).name;
      const before = accounts.users().find((known) => known.name === about);
      const deleted = accounts.deleteUser(about);
      if (!deleted.ok) return sendRefusal(reply, deleted.failure);
      sessions.closeAll(about);
      note(request, `user-delete ${about}`, before, null);
      return reply.status(204).send();
    },
  );
  app.delete(
    `${apiPrefix}/users/:name/access`,
    {
      config: { ...admin, ...endsLogins },
      schema: {
        operationId: "user-end-access",
        summary: "End all access of a user: logins, SSH keys and tokens; the password stays",
        tags: ["access"],
        params: z.object({ name }),
        response: { 200: user, ...failures },
      },
    },
    async (request, reply) => {
      const about = (request.params as { name: string }).name;
      const before = accounts.users().find((known) => known.name === about);
      const tokens = accounts.tokens().filter(({ owner }) => owner === about);
      const ended = accounts.endAccess(about);
      if (!ended.ok) return sendRefusal(reply, ended.failure);
      sessions.closeAll(about);
      note(request, `user-end-access ${about}`, { ...before, tokens: tokens.map(({ id }) => id) }, ended.value);
      return reply.send(ended.value);
    },
  );
  app.put(
    `${apiPrefix}/session/password`,
    {
      config: endsLogins,
      schema: {
        operationId: "password-change",
        summary: "Change one's own password",
        tags: ["access"],
        body: z.strictObject({ current: z.string().max(1024), password }),
        response: { 204: none, ...failures },
      },
    },
    async (request, reply) => {
      const given = request.body as { current: string; password: string };
      const changed = await changeOwnPassword(request, given.current, given.password);
      if (changed !== undefined) return sendRefusal(reply, changed);
      return reply.clearCookie(sessionCookie(options), cookieOptions).status(204).send();
    },
  );

  async function changeOwnPassword(request: FastifyRequest, current: string, next: string): Promise<Failure | undefined> {
    if (request.session === null) return failure("not-logged-in", "Only a user who is logged in with a password has one to change").failure;
    const { name } = request.session;
    const changed = await accounts.changePassword(name, current, next, request.ip);
    if (!changed.ok) return changed.failure;
    sessions.closeAll(name);
    note(request, `password-change ${name}`, null, null);
    return undefined;
  }

  app.get(
    `${apiPrefix}/tokens`,
    {
      config: admin,
      schema: { operationId: "tokens", summary: "All API tokens", tags: ["access"], response: { 200: z.array(token), ...failures } },
    },
    async () => accounts.tokens(),
  );
  app.post(
    `${apiPrefix}/tokens`,
    {
      config: admin,
      schema: {
        operationId: "token-add",
        summary: "Create an API token; its text is in this response and nowhere else",
        tags: ["access"],
        body: z.strictObject({
          name,
          role,
          expiresAt: z.number().positive().optional().describe("Milliseconds since the epoch; omitted: never"),
        }),
        response: { 201: token.extend({ token: z.string() }), ...failures },
      },
    },
    async (request, reply) => {
      const given = request.body as { name: string; role: (typeof roles)[number]; expiresAt?: number };
      const added = accounts.addToken(given.name, given.role, request.caller ?? undefined, given.expiresAt ?? null);
      note(request, `token-add ${given.name}`, null, { id: added.id, role: given.role, expiresAt: added.expiresAt });
      return reply.status(201).send(added);
    },
  );
  app.delete(
    `${apiPrefix}/tokens/:id`,
    {
      config: { ...admin, ...endsLogins },
      schema: {
        operationId: "token-delete",
        summary: "Delete an API token",
        tags: ["access"],
        params: z.object({ id: decimal }),
        response: { 204: none, ...failures },
      },
    },
    async (request, reply) => {
      const { id } = request.params as { id: number };
      const before = accounts.tokens().find((known) => known.id === id);
      const deleted = accounts.deleteToken(id);
      if (!deleted.ok) return sendRefusal(reply, deleted.failure);
      note(request, `token-delete ${id}`, before, null);
      return reply.status(204).send();
    },
  );

  app.get(
    `${apiPrefix}/audit`,
    {
      config: admin,
      schema: {
        operationId: "audit",
        summary: "The audit log, newest first",
        tags: ["access"],
        querystring: z.object({
          before: decimal.optional().describe("Entries older than this one"),
          limit: decimal.pipe(z.int().min(1).max(1000)).default(auditPageSize),
        }),
        response: { 200: z.array(auditEntry), ...failures },
      },
    },
    async (request) => {
      const { before, limit } = request.query as { before?: number; limit: number };
      return audit.entries(limit, before);
    },
  );
}
