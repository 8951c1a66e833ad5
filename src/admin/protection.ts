/** What protects whoever asks, and the server from who asks badly. */
import type { FastifyInstance, FastifyRequest } from "fastify";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Its body may take as long as it likes. */
    longBody?: true;
  }
}

/** Of every answer; what serves pages says itself what its pages may. */
export const protectiveHeaders = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

/** The page that shows the API document: its own files, and the styles that its script sets. */
export const docsPolicy =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** Ends a connection whose request has no whole body after `bodyMsMax`. Anybody may begin one, the login's. */
export function limitBodyTime(app: FastifyInstance, bodyMsMax: number): void {
  const timers = new WeakMap<FastifyRequest, NodeJS.Timeout>();
  app.addHook("preParsing", async (request) => {
    const { headers, raw, routeOptions } = request;
    const hasBody = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
    if (!hasBody || routeOptions.config.longBody) return;
    const timer = setTimeout(() => raw.destroy(), bodyMsMax).unref();
    timers.set(request, timer);
    raw.once("close", () => clearTimeout(timer));
  });
  app.addHook("preValidation", async (request) => clearTimeout(timers.get(request)));
}
