/** The page and the admin API in front of a controller that is not there, with the parts of the API that the daemon adds. */
import type { ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";
import type { Test } from "tap";
import type { LiveChange } from "../../../src/admin/live.js";
import { apiPrefix } from "../../../src/admin/order-paths.js";
import { createAdminServer } from "../../../src/admin/server.js";
import { ImageFolder } from "../../../src/runtime/controller-images.js";
import { createLogger } from "../../../src/runtime/log.js";
import { registerWeb } from "../../../src/web/serve.js";
import { temporaryFolder } from "../folder.js";
import type { FakeBranches } from "./fake-branches.js";

export interface PageServer {
  readonly url: URL;
  /** Ends every event stream, as a restart of the controller would. */
  cutStreams(): void;
}

export async function servePage(t: Pick<Test, "teardown">, branches: FakeBranches): Promise<PageServer> {
  const images = ImageFolder.open(temporaryFolder(t));
  if (!images.ok) throw new Error(images.failure.message);
  const log = createLogger({ name: "test", level: "silent" });
  const app = await createAdminServer({ door: branches, images: images.value, log, imageBytesMax: 1 << 26, version: "0.0.0" });
  const cutStreams = streamEvents(app, branches);
  holdSession(app);
  await registerWeb(app);
  t.teardown(async () => {
    await app.close();
    images.value.close();
  });
  return { url: new URL(await app.listen({ host: "127.90.0.1", port: 0 })), cutStreams };
}

function streamEvents(app: FastifyInstance, branches: FakeBranches): () => void {
  const readers = new Set<ServerResponse>();
  const send = (reader: ServerResponse, event: string, data: object): void => {
    reader.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  branches.onChange = (change: LiveChange) => {
    for (const reader of readers) send(reader, "change", change);
  };
  app.get(`${apiPrefix}/events`, (request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    readers.add(reply.raw);
    request.raw.on("close", () => readers.delete(reply.raw));
    send(reply.raw, "snapshot", branches.snapshot());
  });
  return () => {
    for (const reader of readers) reader.end();
  };
}

/** One user, `admin` with the password `lab`. */
function holdSession(app: FastifyInstance): void {
  let loggedIn = true;
  const session = { name: "admin", role: "admin", csrfToken: "token" };
  app.get(`${apiPrefix}/session`, (_request, reply) =>
    loggedIn ? session : reply.status(401).send({ code: "not-logged-in", message: "Log in first" }),
  );
  app.post(`${apiPrefix}/session`, (request, reply) => {
    loggedIn = (request.body as { password?: string }).password === "lab";
    if (loggedIn) return session;
    return reply.status(401).send({ code: "wrong-password", message: "User or password is wrong; type both again" });
  });
  app.delete(`${apiPrefix}/session`, (_request, reply) => {
    loggedIn = false;
    return reply.status(204).send();
  });
  app.get(`${apiPrefix}/users`, () => [
    { name: "admin", role: "admin" },
    { name: "noc", role: "read-only" },
  ]);
  app.get(`${apiPrefix}/audit`, () => [
    { id: 2, at: 1_795_600_000_000, who: "admin", from: "10.0.0.5", what: "group-retry-count Lyon", before: 44, after: 20 },
    { id: 1, at: 1_795_500_000_000, who: "noc", from: "10.0.0.9", what: "login", before: null, after: null },
  ]);
}
