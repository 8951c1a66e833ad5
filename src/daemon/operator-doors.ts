/** A controller's doors for people and scripts: the admin API with the page, and the shell over SSH. */

import { join } from "node:path";
import type { Server as TlsServer } from "node:tls";
import type { FastifyInstance } from "fastify";
import { auditWriter, noteLogin } from "../admin/access.js";
import { passwordLengthMin } from "../admin/access-views.js";
import { Accounts } from "../admin/accounts.js";
import { AuditedPort } from "../admin/audited-port.js";
import { LiveFeed } from "../admin/live-feed.js";
import type { Caller } from "../admin/roles.js";
import { createAdminServer } from "../admin/server.js";
import { Sessions } from "../admin/sessions.js";
import { type Endpoint, endpointText } from "../base/endpoint.js";
import { failure, type Result, success } from "../base/failure.js";
import { Grammar } from "../cli/grammar.js";
import { OperatorCommands, prompt } from "../cli/shell/operator-commands.js";
import { startSshServer } from "../cli/ssh/server.js";
import { commandTable } from "../cli/table.js";
import { AccountStore } from "../runtime/access/account-store.js";
import { AuditStore } from "../runtime/access/audit-store.js";
import { removeLocalToken, writeLocalToken } from "../runtime/access/local-token.js";
import { sshHostKeys } from "../runtime/access/ssh-host-keys.js";
import { type TlsIdentity, tlsPolicy } from "../runtime/access/tls.js";
import { systemClock } from "../runtime/clock.js";
import type { ControllerHost } from "../runtime/controller/controller-host.js";
import type { ImageFolder } from "../runtime/controller/controller-images.js";
import type { Store } from "../runtime/controller/store/store.js";
import { LimitedLog, type Log } from "../runtime/log.js";
import { measureController } from "../runtime/metrics/controller-metrics.js";
import type { Metrics } from "../runtime/metrics/metrics.js";
import type { RootMetadata } from "../runtime/trust/metadata.js";
import { registerWeb } from "../web/serve.js";
import { AdminCertificate } from "./admin-certificate.js";
import type { ControllerSettings } from "./controller-config.js";
import { flexupVersion } from "./version.js";

export interface OperatorDoorsOptions {
  readonly settings: ControllerSettings;
  readonly host: ControllerHost;
  readonly store: Store;
  readonly images: ImageFolder;
  readonly trustedRoot: RootMetadata | undefined;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface OperatorDoors {
  readonly adminUrl: string;
  /** Undefined without `--ssh`. */
  readonly ssh: Endpoint | undefined;
  /** The password of the user that was made at the first start; to be shown once. */
  readonly firstPassword: string | undefined;
  close(): Promise<void>;
}

export async function openOperatorDoors(options: OperatorDoorsOptions): Promise<Result<OperatorDoors>> {
  const { settings, store, env, log } = options;
  const certificate = AdminCertificate.read({ settings, log, onView: (view) => options.host.systemChanged({ certificate: view }) });
  if (!certificate.ok) return certificate;
  const accountStore = new AccountStore(store);
  const given = env["FLEXUP_ADMIN_PASSWORD"];
  if (given !== undefined && given.length < passwordLengthMin && accountStore.users().length === 0)
    return failure(
      "password-too-short",
      `FLEXUP_ADMIN_PASSWORD has fewer than ${passwordLengthMin} characters; give a longer one, or none to have one made`,
    );
  const accounts = new Accounts(accountStore, systemClock.now);
  const audit = new AuditStore(store);
  const app = await adminServer(options, accounts, audit, certificate.value?.identity);
  certificate.value?.watch((identity) => (app.server as unknown as TlsServer).setSecureContext({ ...tlsPolicy, ...identity }));
  const adminUrl = await listen(app, settings.admin);
  if (!adminUrl.ok) {
    certificate.value?.close();
    await app.close();
    return adminUrl;
  }
  const endpoint = { address: settings.admin.address, port: Number(new URL(adminUrl.value).port) };
  try {
    writeLocalToken(env, endpoint, accounts.bindLocalToken(endpoint));
  } catch (error) {
    log.warn("local-token-missing", `no token for local commands (${(error as Error).message}); they need FLEXUP_TOKEN`);
  }
  const closeAdmin = async (): Promise<void> => {
    removeLocalToken(env, endpoint);
    certificate.value?.close();
    await app.close();
    audit.flush();
  };
  const ssh = settings.ssh === null ? undefined : await sshServer(settings.ssh, options, accounts, audit);
  if (ssh !== undefined && !ssh.ok) {
    await closeAdmin();
    return ssh;
  }
  return success({
    adminUrl: adminUrl.value,
    ssh: ssh?.value.local,
    // Only now that nothing can fail any more: the password is shown once, by the start that made it.
    firstPassword: await accounts.ensureFirstUser(given),
    async close() {
      await ssh?.value.close();
      await closeAdmin();
    },
  });
}

async function adminServer(
  { settings, host, store, images, trustedRoot, metrics, log }: OperatorDoorsOptions,
  accounts: Accounts,
  audit: AuditStore,
  tls: TlsIdentity | undefined,
): Promise<FastifyInstance> {
  const { now } = systemClock;
  const feed = new LiveFeed({
    operator: host,
    now,
    onTrouble: (reason) => log.warn("live-views-unreadable", "the live views cannot be read", { reason }),
  });
  host.onEvent((event) => feed.note(event));
  measureController(metrics, host, now);
  const access = { accounts, sessions: new Sessions(now), audit, now, openOnLoopback: settings.lab, secure: tls !== undefined };
  const app = await createAdminServer({
    operator: host,
    feed,
    metrics,
    images,
    storage: () => store.storage,
    backup: { store, folder: settings.data },
    access,
    log,
    imageBytesMax: settings.imageBytesMax,
    trustedRoot,
    now,
    version: flexupVersion,
    ...(tls !== undefined && { tls }),
  });
  await registerWeb(app);
  return app;
}

async function listen(app: FastifyInstance, { address, port }: Endpoint): Promise<Result<string>> {
  try {
    return success(await app.listen({ host: address, port }));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "EADDRINUSE" ? "is in use by another process; stop it or choose another port" : `cannot be opened: ${message}`;
    return failure("admin-port-failed", `--admin ${endpointText({ address, port })} ${why}`);
  }
}

async function sshServer(listen: Endpoint, { settings, host, log }: OperatorDoorsOptions, accounts: Accounts, audit: AuditStore) {
  const warnings = new LimitedLog(log, systemClock);
  const write = auditWriter({ audit, now: systemClock.now });
  const grammar = new Grammar(commandTable.filter(({ needsFiles }) => !needsFiles));
  return startSshServer<Caller>({
    listen,
    hostKeys: await sshHostKeys(join(settings.data, "ssh")),
    prompt,
    onTrouble: (kind, detail) => warnings.warn(kind, "an SSH connection failed", { detail }),
    door: {
      async password(user, password, from) {
        const caller = await accounts.logIn(user, password, from);
        noteLogin(write, "ssh login", user, from, caller);
        return caller.ok ? caller.value : undefined;
      },
      publicKey: async (user, key) => accounts.bySshKey(user, key),
      userOf: ({ name }) => name,
      enteredByKey: (caller, key, from) => {
        accounts.sshKeyUsed(caller.name, key);
        noteLogin(write, "ssh login", caller.name, from, success(caller));
      },
      commands: (caller, from) =>
        new OperatorCommands(grammar, { operator: new AuditedPort(host, accounts.standing(caller), from, write) }),
    },
  });
}
