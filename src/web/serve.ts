/** Serves the built page (`npm run build:page` writes it to `dist/web`). It contains no secrets, so it needs no login. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import fastifyStatic, { type FastifyStaticOptions } from "@fastify/static";
import type { FastifyInstance } from "fastify";
import { registerPublic } from "../admin/access.js";

/** Next to `dist/src`, wherever the package is installed. */
const pageFolder = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "web");

/** Own files only: no frames, no foreign scripts, no forms to elsewhere. */
const contentSecurityPolicy = [
  "default-src 'self'",
  "img-src 'self' data:",
  "style-src 'self'",
  "frame-ancestors 'none'",
  "form-action 'self'",
  "base-uri 'none'",
].join("; ");

/** Registers `/` and the page's files. Call it once, before `listen`; routes of the admin API are untouched. */
export async function registerWeb(app: FastifyInstance): Promise<void> {
  const options: FastifyStaticOptions = { root: pageFolder, wildcard: false, schemaHide: true, cacheControl: false, preCompressed: true };
  await registerPublic(app, async (scope) => {
    scope.addHook("onRequest", async (_request, reply) => {
      reply.headers({ "cache-control": "no-cache", "content-security-policy": contentSecurityPolicy });
    });
    await scope.register(fastifyStatic, options);
  });
}
