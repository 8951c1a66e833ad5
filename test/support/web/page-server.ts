/** The page and the admin API in front of a controller that is not there, with one user. */
import type { Test } from "tap";
import type { AccessOptions } from "../../../src/admin/access.js";
import { Accounts } from "../../../src/admin/accounts.js";
import { LiveFeed } from "../../../src/admin/live-feed.js";
import { createAdminServer } from "../../../src/admin/server.js";
import { Sessions } from "../../../src/admin/sessions.js";
import { AccountStore } from "../../../src/runtime/access/account-store.js";
import { AuditStore } from "../../../src/runtime/access/audit-store.js";
import { systemClock } from "../../../src/runtime/clock.js";
import { ImageFolder } from "../../../src/runtime/controller/controller-images.js";
import { openStore } from "../../../src/runtime/controller/store/open-store.js";
import { Log } from "../../../src/runtime/log.js";
import { registerWeb } from "../../../src/web/serve.js";
import { temporaryFolder } from "../folder.js";
import type { FakeBranches } from "./fake-branches.js";

/** Of the user `admin`. */
export const adminPassword = "correct horse";

export interface PageServer {
  readonly url: URL;
  readonly accounts: Accounts;
  /** Ends every event stream, as a restart of the controller would. */
  cutStreams(): void;
}

export async function servePage(t: Pick<Test, "fail" | "teardown">, branches: FakeBranches): Promise<PageServer> {
  const images = ImageFolder.open(temporaryFolder(t));
  if (!images.ok) throw new Error(images.failure.message);
  const log = new Log({ component: "controller", level: "silent" });
  // The feed paces itself by this clock, so it must run also while the branches stand still.
  const startedAt = performance.now();
  const feed = new LiveFeed({
    operator: branches,
    now: () => branches.now + performance.now() - startedAt,
    onTrouble: (message) => t.fail(message),
  });
  branches.onEvent = (event) => feed.note(event);
  const access = await testAccess(t);
  const app = await createAdminServer({
    operator: branches,
    feed,
    access,
    images: images.value,
    log,
    imageBytesMax: 1 << 26,
    version: "0.0.0",
  });
  await registerWeb(app);
  t.teardown(async () => {
    await app.close();
    images.value.close();
  });
  const url = new URL(await app.listen({ host: "127.90.0.1", port: 0 }));
  return { url, accounts: access.accounts, cutStreams: () => app.server.closeAllConnections() };
}

async function testAccess(t: Pick<Test, "teardown">): Promise<AccessOptions> {
  const opened = openStore(temporaryFolder(t));
  if (!opened.ok) throw new Error(opened.failure.message);
  t.teardown(() => opened.value.close());
  const { now } = systemClock;
  const store = new AccountStore(opened.value);
  const accounts = new Accounts(store, now);
  await accounts.ensureFirstUser(adminPassword);
  return { accounts, sessions: new Sessions(now), audit: new AuditStore(opened.value), now, openOnLoopback: false, secure: false };
}
