/** `flexup controller`: one process, one data folder, one CAPWAP port, one admin API. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Endpoint, endpointText } from "../base/endpoint.js";
import { type Failure, failure, type Result, success } from "../base/failure.js";
import { oneLine } from "../base/one-line.js";
import type { ControllerConfig, ControllerMachine } from "../core/controller/contract.js";
import { ApCredentials } from "../runtime/access/ap-credentials.js";
import { systemClock } from "../runtime/clock.js";
import { openCapwapPorts } from "../runtime/controller/capwap-ports.js";
import { ControllerHost } from "../runtime/controller/controller-host.js";
import { ImageFolder } from "../runtime/controller/controller-images.js";
import { CredentialDesk } from "../runtime/controller/credential-desk.js";
import { openStore } from "../runtime/controller/store/open-store.js";
import { diskFaultOf, StoreReadOnly } from "../runtime/controller/store/store.js";
import { storeFailure } from "../runtime/controller/store/store-failures.js";
import { readJoinToken } from "../runtime/dtls/credentials.js";
import type { DtlsServer } from "../runtime/dtls/dtls-server.js";
import type { SecurePort } from "../runtime/dtls/secure-port.js";
import { freshSeed } from "../runtime/entropy.js";
import { createLogger, type Log } from "../runtime/log.js";
import { CapwapMeter } from "../runtime/metrics/capwap-meter.js";
import { Metrics } from "../runtime/metrics/metrics.js";
import { readTrustRoot } from "../runtime/trust/trust-root.js";
import { interfaceMtuBytes } from "../runtime/udp/interface-mtu.js";
import { ownAddresses } from "../runtime/udp/own-addresses.js";
import { defaultTimers, labTimers } from "../wire/capwap/defaults.js";
import { type ControllerOptions, type ControllerSettings, readControllerSettings } from "./controller-config.js";
import { controllerLinkMode, openControllerLink } from "./controller-link.js";
import { openOperatorDoors } from "./operator-doors.js";
import { PeerWatch, peerAddress } from "./peer-watch.js";
import { onStopRequest } from "./stop-request.js";
import { flexupVersion } from "./version.js";

export interface RunningController {
  /** Where APs reach it. */
  readonly capwap: Endpoint;
  readonly adminUrl: string;
  /** Undefined without `--ssh`. */
  readonly ssh: Endpoint | undefined;
  /** Of the user `admin`, if this start created it. */
  readonly firstPassword: string | undefined;
  /** Resolves with the reason when the controller stops on its own. */
  readonly halted: Promise<Failure>;
  /** Orderly stop: everything is on disk, and APs find out and rejoin. */
  stop(): Promise<void>;
}

/** The daemon passes the real machine, a test a scripted one. */
export type CreateMachine = (config: ControllerConfig) => ControllerMachine;

type Environment = Readonly<Record<string, string | undefined>>;

type Closers = (() => void | Promise<void>)[];

/** Starts a controller in this process. After a failure nothing is left open. */
export async function startController(
  settings: ControllerSettings,
  log: Log,
  create: CreateMachine,
  env: Environment = process.env,
): Promise<Result<RunningController>> {
  const closers: Closers = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  const started = await assemble(settings, log, create, env, closers).catch((error: Error) => startFailure(settings.data, error, log));
  if (started.ok) return success({ ...started.value, stop });
  await stop();
  return started;
}

/** A full disk can fail a start anywhere; any other exception is a bug. */
function startFailure(folder: string, error: Error, log: Log): Result<never> {
  if (error instanceof StoreReadOnly || diskFaultOf(error) !== undefined) return storeFailure(folder, error);
  log.fatal("controller-failed", "the controller cannot start", { err: error });
  return failure("controller-failed", `The controller cannot start: ${oneLine(error.message, 200)}; the log says more`);
}

/** @param closers filled in order; run in reverse to undo the start */
async function assemble(
  settings: ControllerSettings,
  log: Log,
  create: CreateMachine,
  env: Environment,
  closers: Closers,
): Promise<Result<Omit<RunningController, "stop">>> {
  const peer = peerAddress(settings, env);
  if (!peer.ok) return peer;
  const store = openStore(settings.data);
  if (!store.ok) return store;
  closers.push(() => store.value.close());
  const images = ImageFolder.open(join(settings.data, "images"));
  if (!images.ok) return images;
  closers.push(() => images.value.close());

  const trustedRoot = settings.trustRoot === undefined ? success(undefined) : readTrustRoot(settings.trustRoot);
  if (!trustedRoot.ok) return trustedRoot;
  const joinToken = settings.joinTokenFile === undefined ? success(undefined) : readJoinToken(settings.joinTokenFile);
  if (!joinToken.ok) return joinToken;
  const credentials = new ApCredentials(store.value, joinToken.value, systemClock.now);

  const seed = freshSeed();
  let halt = (_failure: Failure): void => {};
  const halted = new Promise<Failure>((resolve) => {
    halt = resolve;
  });
  const metrics = new Metrics("controller");
  const mtuBytes = interfaceMtuBytes(settings.listen.address);
  metrics.watchProcess();
  let layer: DtlsServer | undefined;
  // Datagrams that come before the machine has its records are lost, as they would be a moment earlier.
  let running: ControllerHost | undefined;
  let link: SecurePort | undefined;
  const ports = await openCapwapPorts({
    listen: settings.listen,
    onControl: (bytes, from) => link?.take(bytes, from),
    onData: (bytes, from) => running?.dataDatagram(bytes, from),
    onError: (error) => running?.portError(error),
  });
  if (!ports.ok) return ports;
  closers.push(() => ports.value.close());
  const dataChannel = ports.value.data !== undefined;
  if (!dataChannel) {
    const detail = "the port behind the CAPWAP port is not free, so WTPs are not offered a data channel; WTPs of other makers need one";
    log.warn("data-port-unavailable", detail, { listen: endpointText(ports.value.control.local) });
  }
  const meter = new CapwapMeter(metrics);
  const host = new ControllerHost({
    machine: create({
      name: settings.name,
      platform: settings.platform,
      lab: settings.lab,
      seed,
      unguessable: () => randomBytes(16),
      timings: settings.timings,
      sessionsMax: settings.sessions,
      wan: { transfersMax: settings.wanTransfers, bytesPerSecondMax: settings.wanRate },
      capwap: {
        addresses: ownAddresses(settings.listen.address),
        hardwareVersion: settings.platform,
        softwareVersion: flexupVersion,
        linkMode: controllerLinkMode(settings),
        timers: settings.lab ? labTimers : defaultTimers,
        dataChannel,
        ...(mtuBytes !== undefined && { mtuBytes }),
      },
      downloadAtJoin: settings.downloadAtJoin,
      ...(settings.peer !== null && { peer: { name: settings.peer, onMismatch: settings.peerMismatch } }),
    }),
    store: store.value,
    images: images.value,
    credentials: new CredentialDesk(credentials, (mac) => layer?.closeAp(mac, "the AP's credential changed")),
    clock: systemClock,
    meter,
    log,
    onHalt: halt,
  });
  const secure = openControllerLink({ settings, host, keyOf: (identity) => credentials.keyOf(identity), metrics, meter, log });
  if (!secure.ok) return secure;
  const { port } = secure.value;
  layer = port.layer;
  port.attach(ports.value.control);
  closers.push(() => secure.value.stop());
  await host.start(port, ports.value.data);
  link = port;
  running = host;
  host.systemChanged({
    link: controllerLinkMode(settings),
    signatures: trustedRoot.value === undefined ? "unverified" : "required",
  });
  closers.push(() => host.stop());

  const doors = await openOperatorDoors({
    settings,
    host,
    store: store.value,
    images: images.value,
    trustedRoot: trustedRoot.value,
    metrics,
    log,
    env,
  });
  if (!doors.ok) return doors;
  closers.push(() => doors.value.close());
  if (peer.value !== undefined) {
    const watch = new PeerWatch({ peer: peer.value, onAnswer: (answer) => host.peerAnswered(answer) });
    const end = host.onEvent((event) => watch.note(event));
    closers.push(async () => {
      end();
      await watch.close();
    });
  }
  const { adminUrl, ssh, firstPassword } = doors.value;
  if (controllerLinkMode(settings) === "clear") log.warn("link-clear", "CAPWAP goes in clear text: anyone on the path can command the APs");
  if (trustedRoot.value === undefined) log.warn("images-unsigned", "no --trust-root: unsigned images are accepted");
  log.info("ready", "controller ready", {
    capwap: endpointText(ports.value.control.local),
    admin: adminUrl,
    ...(ssh !== undefined && { ssh: endpointText(ssh) }),
    data: settings.data,
    link: controllerLinkMode(settings),
    neverFragments: ports.value.control.neverFragments,
    seed,
    version: flexupVersion,
  });
  return success({ capwap: ports.value.control.local, adminUrl, ssh, firstPassword, halted });
}

/** Runs until SIGTERM or SIGINT (exit code 0) or until it cannot continue (1). An invalid option is 2. */
export async function runController(options: ControllerOptions, create: CreateMachine): Promise<0 | 1 | 2> {
  const settings = readControllerSettings(options);
  if (!settings.ok) {
    process.stderr.write(`${settings.failure.message}\n`);
    return settings.failure.code === "invalid-config" ? 2 : 1;
  }
  // Its files include keys and password hashes.
  process.umask(0o077);
  const log = createLogger({ component: "controller", level: settings.value.log });
  const stopAsked = new Promise<undefined>((resolve) => onStopRequest(() => resolve(undefined)));
  const started = await startController(settings.value, log, create);
  if (!started.ok) {
    process.stderr.write(`${started.failure.message}\n`);
    return 1;
  }
  const { firstPassword } = started.value;
  if (firstPassword !== undefined) process.stderr.write(`User admin was made with the password ${firstPassword}; it is shown this once\n`);
  const ended = await Promise.race([stopAsked, started.value.halted]);
  await started.value.stop();
  if (ended === undefined) {
    log.info("stopped", "controller stopped");
    return 0;
  }
  process.stderr.write(`${ended.message}\n`);
  return 1;
}
