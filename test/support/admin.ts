import type { FastifyInstance, InjectOptions } from "fastify";
import type { Test } from "tap";
import { Accounts } from "../../src/admin/accounts.js";
import { LiveFeed } from "../../src/admin/live-feed.js";
import type { ControllerPort } from "../../src/admin/operator-port.js";
import { type AdminOptions, createAdminServer } from "../../src/admin/server.js";
import { Sessions } from "../../src/admin/sessions.js";
import { AccountStore } from "../../src/runtime/access/account-store.js";
import { AuditStore } from "../../src/runtime/access/audit-store.js";
import { ImageFolder } from "../../src/runtime/controller/controller-images.js";
import { openStore } from "../../src/runtime/controller/store/open-store.js";
import { Log } from "../../src/runtime/log.js";
import { Metrics } from "../../src/runtime/metrics/metrics.js";
import { FakeOperatorPort } from "./fake-operator-port.js";
import { temporaryFolder } from "./folder.js";

/** An admin API on a loopback port of its own in front of `operator`, for one test. */
export async function serving(
  t: Pick<Test, "teardown">,
  {
    operator,
    imageBytesMax = 1_000_000,
    ...optional
  }: { operator: ControllerPort; imageBytesMax?: number } & Partial<Pick<AdminOptions, "access" | "bodyMsMax" | "trustedRoot" | "now">>,
): Promise<{ app: FastifyInstance; feed: LiveFeed; url: URL; imageFolder: string }> {
  const imageFolder = temporaryFolder(t);
  const images = ImageFolder.open(imageFolder);
  if (!images.ok) throw new Error(images.failure.message);
  const log = new Log({ component: "controller", level: "silent" });
  const feed = new LiveFeed({ operator, now: () => Date.now(), onTrouble: () => {} });
  const metrics = new Metrics("controller");
  metrics.watchProcess();
  const app = await createAdminServer({
    operator,
    feed,
    metrics,
    images: images.value,
    log,
    imageBytesMax,
    version: "0.0.0",
    ...optional,
  });
  t.teardown(async () => {
    await app.close();
    images.value.close();
  });
  const url = new URL(await app.listen({ host: "127.50.0.3", port: 0 }));
  return { app, feed, url, imageFolder };
}

export const firstPassword = "first password";

/** The same behind logins: an `admin` user with `firstPassword`, and a clock that the test moves. */
export async function guarded(
  t: Pick<Test, "teardown">,
  { openOnLoopback = false, ...limits }: { openOnLoopback?: boolean; bodyMsMax?: number } = {},
) {
  const clock = { now: 1_000_000 };
  const now = (): number => clock.now;
  const opened = openStore(temporaryFolder(t));
  if (!opened.ok) throw new Error(opened.failure.message);
  t.teardown(() => opened.value.close());
  const store = new AccountStore(opened.value);
  const accounts = new Accounts(store, now);
  await accounts.ensureFirstUser(firstPassword);
  const audit = new AuditStore(opened.value);
  const operator = new FakeOperatorPort();
  const access = { accounts, sessions: new Sessions(now), audit, now, openOnLoopback, secure: false };
  return { ...(await serving(t, { operator, access, ...limits })), operator, accounts, store, audit, clock };
}

/** Headers of a script with this token. */
export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** Status and JSON body of an answer; null for none. */
export async function call(app: FastifyInstance, options: InjectOptions): Promise<[status: number, body: unknown]> {
  const response = await app.inject(options);
  return [response.statusCode, response.payload === "" ? null : response.json()];
}
