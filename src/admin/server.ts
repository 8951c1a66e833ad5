import { STATUS_CODES } from "node:http";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import { hasZodFastifySchemaValidationErrors, jsonSchemaTransform, validatorCompiler } from "fastify-type-provider-zod";
import type { Failure } from "../base/failure.js";
import { invariant } from "../base/invariant.js";
import type { Instant } from "../base/time.js";
import type { StorageView } from "../core/controller/operator/views.js";
import { type TlsIdentity, tlsPolicy } from "../runtime/access/tls.js";
import type { ImageFolder } from "../runtime/controller/controller-images.js";
import { StoreReadOnly } from "../runtime/controller/store/store.js";
import type { Log } from "../runtime/log.js";
import type { RootMetadata } from "../runtime/trust/metadata.js";
import { type AccessOptions, auditWriter, registerAccess, registerPublic, standingOf } from "./access.js";
import { registerAccessRoutes } from "./access-routes.js";
import { AuditedPort } from "./audited-port.js";
import { type BackupOptions, registerBackup } from "./backup.js";
import { compressLongAnswers } from "./compression.js";
import { registerEventStream } from "./event-stream.js";
import { httpStatusOf } from "./http-status.js";
import { registerImageUpload } from "./image-upload.js";
import type { LiveFeed } from "./live-feed.js";
import type { ControllerPort, OperatorPort } from "./operator-port.js";
import { registerOrderRoutes } from "./order-routes.js";
import { docsPolicy, limitBodyTime, limitConnections, protectiveHeaders } from "./protection.js";
import { registerReports } from "./reports.js";

export interface AdminOptions {
  readonly operator: ControllerPort;
  readonly images: ImageFolder;
  /** Without it, everybody may do everything: for tests, and for servers that do not listen. */
  readonly access?: AccessOptions;
  /** Without it there are no backups. */
  readonly backup?: BackupOptions;
  /** For `/healthz`; without it, storage is assumed to be fine. */
  readonly storage?: () => StorageView;
  /** Without it there is no event stream. */
  readonly feed?: LiveFeed;
  /** What `/metrics` answers; without it there is none. */
  readonly metrics?: { readonly contentType: string; text(): Promise<string> };
  readonly log: Log;
  /** HTTPS with this identity instead of HTTP. */
  readonly tls?: TlsIdentity;
  /** Most bytes of one uploaded image. */
  readonly imageBytesMax: number;
  /** Undefined where images need no signature. */
  readonly trustedRoot?: RootMetadata | undefined;
  /** Whether a bundle has expired is judged by it; without it none has. */
  readonly now?: () => Instant;
  /** Version of flexup, for the API document. */
  readonly version: string;
  /** Longest time for a request's body, an image's excepted. */
  readonly bodyMsMax?: number;
}

/** Most bytes of a JSON body: the largest order is a few names. */
const bodyLimitBytes = 64 * 1024;
const paramLengthMax = 2048;
/** A body other than an image's is short; a sender that drips it holds a connection and nothing else. */
const bodyMsMaxDefault = 30_000;
/** A connection over which nothing goes for so long is closed; event streams send a heartbeat. */
const silenceMsMax = 120_000;

const unroutable: Readonly<Record<string, string>> = {
  FST_ERR_BAD_URL: "The path is not percent-encoded UTF-8",
  FST_ERR_MAX_PARAM_LENGTH: `A name in the path is longer than ${paramLengthMax} characters`,
};

/** The admin API, ready to listen. It holds no state of the controller: every answer comes from the port. */
export async function createAdminServer(options: AdminOptions): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: options.log.pino.child({ event: "admin-server" }) as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyLimitBytes,
    connectionTimeout: silenceMsMax,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: paramLengthMax },
    // Errors before routing; the framework's own response repeats the whole path and has no stable code.
    frameworkErrors: (error, _request, reply: FastifyReply) => {
      const message = unroutable[error.code] ?? "This request cannot be read; check its path and headers";
      reply
        .headers(protectiveHeaders)
        .status(error.statusCode ?? 400)
        .send({ code: "invalid-request", message } satisfies Failure);
    },
    // The framework types its two servers apart; nothing here depends on which it is.
    ...((options.tls === undefined ? {} : { https: { ...tlsPolicy, ...options.tls } }) as object),
  });
  // A page of another site may post text without a preflight request, but not JSON.
  app.removeContentTypeParser("text/plain");
  // Only the guard knows whose a connection is.
  if (options.access !== undefined) limitConnections(app, options.log);
  app.addHook("onRequest", async (_request, reply) => {
    reply.headers(protectiveHeaders);
  });
  compressLongAnswers(app);
  limitBodyTime(app, options.bodyMsMax ?? bodyMsMaxDefault);
  app.setValidatorCompiler(validatorCompiler);
  // The views are typed, and tests check real responses against their schemas: validating each row again costs more than all the rest.
  app.setSerializerCompiler(() => JSON.stringify);
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const { status, failure } = failureOf(error);
    if (status === 500) options.log.error("request-failed", `${request.method} ${request.url} failed: ${error.message}`, { err: error });
    reply.status(status).send(failure);
  });
  app.setNotFoundHandler((request, reply) => {
    const message = `There is no ${request.method} ${request.url.split("?")[0]}; /api/openapi.json lists all routes`;
    reply.status(404).send({ code: "unknown-route", message } satisfies Failure);
  });

  await app.register(swagger, {
    openapi: {
      info: {
        title: "flexup",
        version: options.version,
        description: "Upgrades of FlexConnect groups: everything that an operator can do and see.",
      },
    },
    transform: jsonSchemaTransform,
  });
  if (options.access !== undefined) await registerAccess(app, options.access);
  await registerPublic(app, async (scope) => scope.register(swaggerUi, { routePrefix: "/api/docs", staticCSP: docsPolicy }));
  const forEverybody = { config: { public: true }, schema: { hide: true } } as const;
  app.get("/api/openapi.json", forEverybody, () => app.swagger());
  // 200 for a read-only store too: a restart would not make space, and APs are served.
  app.get("/healthz", forEverybody, () => ({ status: options.storage?.().state === "read-only" ? "read-only" : "ok" }));
  app.get("/readyz", forEverybody, async (_request, reply) => {
    const answer = await options.operator.order({ type: "show-boot" });
    return reply.status(answer.ok ? 200 : 503).send(answer.ok ? { status: "ready" } : answer.failure);
  });
  const { metrics, feed, access } = options;
  if (access !== undefined) registerAccessRoutes(app, access);
  const portFor = (request: FastifyRequest): OperatorPort => {
    if (access === undefined) return options.operator;
    invariant(request.caller !== null, "no request without a caller passes the guard");
    return new AuditedPort(options.operator, standingOf(request, access), request.ip, auditWriter(access));
  };

  if (metrics !== undefined) {
    app.get("/metrics", { schema: { hide: true } }, async (_request, reply) =>
      reply.header("content-type", metrics.contentType).send(await metrics.text()),
    );
  }
  if (feed !== undefined) registerEventStream(app, feed, access);
  if (options.backup !== undefined) registerBackup(app, options.backup, access);
  registerReports(app, portFor);
  await app.register(async (scope) => registerOrderRoutes(scope, portFor));
  await app.register(async (scope) => registerImageUpload(scope, { ...options, portFor }));
  return app;
}

/** Clearer messages for some of the framework's errors. */
const objections: Readonly<Record<string, string>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "Unsupported Content-Type: send JSON as application/json, an image as application/octet-stream",
  FST_ERR_CTP_EMPTY_JSON_BODY: "The body is empty; send JSON, or omit the Content-Type",
};
const bodyMissing = "This request needs a body: send JSON with Content-Type: application/json";

/** An error of the framework or a schema, as one line. */
function failureOf(error: FastifyError): { status: number; failure: Failure } {
  if (error instanceof StoreReadOnly) return { status: httpStatusOf(error.failure), failure: error.failure };
  const invalid = (status: number, message: string) => ({ status, failure: { code: "invalid-request", message } });
  if (hasZodFastifySchemaValidationErrors(error)) {
    const places = error.validation.map(({ instancePath, message }) => {
      const field = instancePath.replace(/^\//, "").replaceAll("/", ".");
      if (field === "" && error.validationContext === "body" && /received (?:null|undefined)$/.test(message ?? "")) return bodyMissing;
      return field === "" ? message : `${field}: ${message}`;
    });
    return invalid(400, places.join("; "));
  }
  const status = error.statusCode ?? 500;
  if (status < 500) return invalid(status, objections[error.code] ?? error.message);
  return { status, failure: { code: "internal-error", message: `${STATUS_CODES[status] ?? "Error"}; the controller's log says more` } };
}
