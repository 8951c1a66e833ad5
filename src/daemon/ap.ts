/** `flexup ap`: one AP as one process, with a data folder for its flash, a CAPWAP port and a TFTP server. */

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { type Endpoint, endpointText } from "../base/endpoint.js";
import { failure, type Result, success } from "../base/failure.js";
import { isIPv6 } from "../base/ip-address.js";
import { Prng } from "../base/prng.js";
import { Agent } from "../core/ap/agent.js";
import { windowBytesFor } from "../core/capwap/image/fast-image-offer.js";
import { WtpSession } from "../core/capwap/wtp/wtp-session.js";
import { ApHost } from "../runtime/ap/ap-host.js";
import { lookUpControllers } from "../runtime/ap/controller-lookup.js";
import { nodeDisk } from "../runtime/ap/disk.js";
import { apEventLine } from "../runtime/ap/event-line.js";
import { lockFolder } from "../runtime/ap/folder-lock.js";
import { ImageFiles, type ImageFilesOptions } from "../runtime/ap/image-files.js";
import { memoryBytes } from "../runtime/ap/memory.js";
import { systemClock } from "../runtime/clock.js";
import { DtlsClient } from "../runtime/dtls/dtls-client.js";
import { SecurePort } from "../runtime/dtls/secure-port.js";
import { freshSeed } from "../runtime/entropy.js";
import { LimitedLog, Log } from "../runtime/log.js";
import { type ApMeter, measureAp } from "../runtime/metrics/ap-metrics.js";
import { Metrics } from "../runtime/metrics/metrics.js";
import { openMetricsPage } from "../runtime/metrics/metrics-page.js";
import { openTftpServer } from "../runtime/tftp/server.js";
import { openUdpPort } from "../runtime/udp/udp-ports.js";
import { defaultTimers, labTimers } from "../wire/capwap/defaults.js";
import { extensions } from "../wire/capwap/vendor.js";
import { type ApOptions, type ApSettings, readApSettings } from "./ap-config.js";
import { type ApLink, readApLink } from "./ap-link.js";
import { flexupVersion } from "./version.js";

/** How a life ended: by order of a controller, or because it could not go on. */
type LifeEnd = { readonly type: "reset" } | { readonly type: "fatal"; readonly error: unknown };

interface Life {
  readonly capwap: Endpoint;
  readonly tftp: Endpoint;
  readonly ended: Promise<LifeEnd>;
  /** Orderly: the stored part of a download stays for the next life. */
  stop(): Promise<void>;
}

/** A burst of image blocks must fit while the disk is busy. */
const socketBufferBytes = 4 * 2 ** 20;
/** A Reset Response is on its way when the port closes. */
const lastWordsMs = 100;

async function startLife(settings: ApSettings, link: ApLink, tftpPort: number, log: Log, meter: ApMeter): Promise<Result<Life>> {
  const { bind, data } = settings;
  const warnings = new LimitedLog(log, systemClock);
  const seed = freshSeed();
  const prng = new Prng(seed);
  let end = (_end: LifeEnd): void => {};
  const ended = new Promise<LifeEnd>((resolve) => {
    end = resolve;
  });
  const onFatal = (error: unknown): void => end({ type: "fatal", error });
  const resolveControllers = () =>
    lookUpControllers(settings.controller, ({ host }, error) =>
      warnings.warn("controller-not-found", `no address for controller ${host}`, { error: error.message }),
    );

  const closers: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  const give = async (lacking: { readonly ok: false; readonly failure: { readonly code: string; readonly message: string } }) => {
    await stop();
    return lacking;
  };

  const { data: folder, flashBytes, version: factoryVersion } = settings;
  const stored = await openFiles({
    ...{ folder, disk: nodeDisk, flashBytes, factoryVersion, onFatal },
    deliver: (input) => host.deliver(input),
    onJournalLost: (detail) => warnings.warn("journal-unsaved", "the state of the upgrade run could not be saved", { detail }),
  });
  if (!stored.ok) return stored;
  const { files, state } = stored.value;
  closers.push(() => files.close());
  const tftp = await openTftpServer({
    listen: { address: bind, port: tftpPort },
    settings: { rateBytesPerSecond: settings.tftpRate, singlePort: settings.tftpSinglePort },
    clock: systemClock,
    onServing: (serving) => {
      meter.serving(serving);
      host.serving(serving);
    },
    onFatal,
  });
  if (!tftp.ok) return give(tftp);
  closers.push(() => tftp.value.close());
  const localAddress = await ownAddress(bind, (await resolveControllers())[0]);
  const host = new ApHost({
    machine: new Agent({
      facts: {
        name: settings.name,
        location: settings.location,
        mac: settings.mac,
        model: settings.model,
        serial: settings.serial ?? settings.mac.replaceAll(":", "").toUpperCase(),
        hardwareVersion: settings.model,
        bootVersion: flexupVersion,
        localAddress,
        tftp: {
          address: settings.tftpAdvertise?.address ?? "",
          port: settings.tftpAdvertise?.port || tftp.value.local.port,
        },
        extensions: settings.fastTransfer ? [extensions.fastTransfer] : [],
      },
      prng: prng.split("agent"),
      session: (self) =>
        new WtpSession(
          {
            controllers: [],
            linkMode: link.mode,
            timers: settings.lab ? labTimers : defaultTimers,
            bootImageDownload: true,
            fastTransfer: settings.fastTransfer,
            fastWindowBytes: windowBytesFor(memoryBytes()),
          },
          self,
          prng.split("capwap"),
        ),
    }),
    files,
    tftp: tftp.value,
    clock: systemClock,
    warnings,
    bindAddress: bind,
    resolveControllers,
    onEvent: (event) => {
      meter.event(event);
      const line = apEventLine(event);
      if (event.name === "dropped") warnings.write(line, event.reason);
      else log.write(line);
    },
    onReboot: () => end({ type: "reset" }),
    onFatal,
  });
  const secure = new SecurePort<DtlsClient>({
    clock: systemClock,
    onClear: (bytes, from) => host.deliver({ type: "datagram", from, bytes, carriage: "clear" }),
    layer: link.mode === "clear" ? undefined : (send) => dtlsClient(link, host, send, log, warnings),
  });
  const port = await openUdpPort({
    address: bind,
    port: 0,
    bufferBytes: socketBufferBytes,
    onDatagram: (bytes, from) => secure.take(bytes, from),
    onError: (error) => warnings.warn("port-error", "the CAPWAP port reported an error", { error: error.message }),
  });
  if (!port.ok) return give(port);
  secure.attach(port.value);
  closers.push(
    () => port.value.close(),
    async () => secure.stop(),
    () => host.stop(),
  );
  host.start(secure, state);
  const { local } = port.value;
  log.info("ready", "AP ready", {
    tftp: endpointText(tftp.value.local),
    capwap: endpointText(local),
    address: localAddress,
    data,
    seed,
    version: flexupVersion,
  });
  return success({ capwap: local, tftp: tftp.value.local, ended, stop });
}

function dtlsClient(
  { addon, credentials }: Extract<ApLink, { readonly mode: "dtls" }>,
  host: ApHost,
  send: (datagram: Uint8Array, to: Endpoint) => void,
  log: Log,
  warnings: LimitedLog,
): DtlsClient {
  return new DtlsClient({
    addon,
    credentials,
    send,
    onPlaintext: (bytes, from) => host.deliver({ type: "datagram", from, bytes, carriage: "dtls" }),
    onUp: (peer, suite) => {
      log.info("link-up", "DTLS link to the controller is up", { controller: endpointText(peer), suite });
      host.deliver({ type: "link-up", peer });
    },
    onDown: (peer, reason) => {
      warnings.warn("link-down", "DTLS link to the controller ended or did not come about", { controller: endpointText(peer), reason });
      host.deliver({ type: "link-down", peer });
    },
  });
}

type OpenedFiles = Awaited<ReturnType<typeof ImageFiles.open>>;

async function openFiles(options: ImageFilesOptions): Promise<Result<OpenedFiles>> {
  try {
    return success(await ImageFiles.open(options));
  } catch (error) {
    return failure("data-folder-unusable", `--data ${options.folder} cannot be used: ${(error as Error).message}`);
  }
}

/** The address that others reach: the bound one, else that of the way to the controller, else any that leaves this host. */
async function ownAddress(bind: string, controller: Endpoint | undefined): Promise<string> {
  if (bind !== "0.0.0.0" && bind !== "::") return bind;
  if (controller !== undefined) {
    const socket = createSocket(isIPv6(controller.address) ? "udp6" : "udp4");
    try {
      socket.connect(controller.port, controller.address);
      await once(socket, "connect");
      return socket.address().address;
    } catch {
      // No way to the controller yet; it may come.
    } finally {
      socket.close();
    }
  }
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return own.find(({ internal, family }) => !internal && family === "IPv4")?.address ?? "127.0.0.1";
}

export interface RunningAp {
  readonly tftp: Endpoint;
  /** Resolves with the exit code: 0 after `stop` or a reset with `exit`, 1 when it could not go on. */
  readonly ended: Promise<0 | 1>;
  stop(): Promise<void>;
}

/** Starts an AP in this process. With `onReset` restart a reset boots it anew, in this process, on the same TFTP port. */
export async function startAp(settings: ApSettings, log: Log): Promise<Result<RunningAp>> {
  const lock = lockFolder(settings.data);
  if (!lock.ok) return lock;
  const started = await startLocked(settings, log);
  if (!started.ok) {
    lock.value.release();
    return started;
  }
  return success({ ...started.value, ended: started.value.ended.finally(() => lock.value.release()) });
}

async function startLocked(settings: ApSettings, log: Log): Promise<Result<RunningAp>> {
  const link = readApLink(settings);
  if (!link.ok) return link;
  if (link.value.mode === "clear") log.warn("link-clear", "CAPWAP goes in clear text: anyone on the path can command this AP");
  const metrics = new Metrics("ap");
  const meter = measureAp(metrics);
  const page = settings.metrics === undefined ? undefined : await openMetricsPage(metrics, settings.metrics);
  if (page?.ok === false) return page;
  if (page !== undefined) metrics.watchProcess();
  if (page !== undefined) log.info("metrics-ready", "metrics ready", { metrics: endpointText(page.value.local) });
  const first = await startLife(settings, link.value, settings.tftpPort, log, meter);
  if (!first.ok) {
    await page?.value.close();
    return first;
  }
  const { tftp } = first.value;
  let stopAsked = (): void => {};
  const stopping = new Promise<{ readonly type: "stop" }>((resolve) => {
    stopAsked = () => resolve({ type: "stop" });
  });

  const live = async (): Promise<0 | 1> => {
    for (let life = first.value; ; ) {
      const end = await Promise.race([life.ended, stopping]);
      if (end.type === "reset") await sleep(lastWordsMs);
      await life.stop();
      if (end.type === "fatal") log.fatal("ap-failed", "the AP cannot continue", { err: end.error });
      if (end.type !== "reset") return end.type === "stop" ? 0 : 1;
      if (settings.onReset === "exit") return 0;
      const next = await startLife(settings, link.value, tftp.port, log, meter);
      if (!next.ok) {
        log.fatal(next.failure.code, next.failure.message);
        return 1;
      }
      life = next.value;
    }
  };
  const ended = live().finally(() => page?.value.close());
  return success({
    tftp,
    ended,
    stop: async () => {
      stopAsked();
      await ended;
    },
  });
}

/** Runs until SIGTERM, SIGINT or a reset with `--on-reset exit` (exit code 0), or until it cannot go on (1). A wrong option is 2. */
export async function runAp(options: ApOptions): Promise<0 | 1 | 2> {
  const settings = readApSettings(options);
  if (!settings.ok) {
    process.stderr.write(`${settings.failure.message}\n`);
    return 2;
  }
  const log = new Log({ component: "ap", level: settings.value.log, ap: { mac: settings.value.mac, name: settings.value.name } });
  const started = await startAp(settings.value, log);
  if (!started.ok) {
    process.stderr.write(`${started.failure.message}\n`);
    return 1;
  }
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => started.value.stop());
  const code = await started.value.ended;
  if (code === 0) log.info("stopped", "AP stopped");
  return code;
}
