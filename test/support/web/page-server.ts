/** The page and the admin API in front of a controller that is not there, with logins that hold one user. */
import type { FastifyInstance } from "fastify";
import type { Test } from "tap";
import { LiveFeed } from "../../../src/admin/live-feed.js";
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

export async function servePage(t: Pick<Test, "fail" | "teardown">, branches: FakeBranches): Promise<PageServer> {
  const images = ImageFolder.open(temporaryFolder(t));
  if (!images.ok) throw new Error(images.failure.message);
  const log = createLogger({ name: "test", level: "silent" });
  const feed = new LiveFeed({ door: branches, now: () => branches.now, onTrouble: (message) => t.fail(message) });
  branches.onEvent = (event) => feed.note(event);
  const app = await createAdminServer({ door: branches, feed, images: images.value, log, imageBytesMax: 1 << 26, version: "0.0.0" });
  holdSession(app);
  await registerWeb(app);
  t.teardown(async () => {
    await app.close();
    images.value.close();
  });
  return { url: new URL(await app.listen({ host: "127.90.0.1", port: 0 })), cutStreams: () => app.server.closeAllConnections() };
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
