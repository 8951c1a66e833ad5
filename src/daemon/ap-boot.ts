import { type Endpoint, endpointText } from "../base/endpoint.js";
import { failure, type Result, success } from "../base/failure.js";
import { Prng } from "../base/prng.js";
import { secondsToMs } from "../base/time.js";
import { Agent } from "../core/ap/agent.js";
import { windowBytesFor } from "../core/capwap/image/fast-image-offer.js";
import { WtpSession } from "../core/capwap/wtp/wtp-session.js";
import { modelFacts } from "../core/upgrade/models.js";
import { ApHost } from "../runtime/ap/ap-host.js";
import { lookUpControllers } from "../runtime/ap/controller-lookup.js";
import { nodeDisk } from "../runtime/ap/disk.js";
import { apEventLine } from "../runtime/ap/event-line.js";
import { ImageFiles, type ImageFilesOptions } from "../runtime/ap/image-files.js";
import { memoryBytes } from "../runtime/ap/memory.js";
import { ownAddress } from "../runtime/ap/own-address.js";
import { systemClock } from "../runtime/clock.js";
import { CertificateSource } from "../runtime/dtls/certificate-source.js";
import { DtlsClient } from "../runtime/dtls/dtls-client.js";
import { SecurePort } from "../runtime/dtls/secure-port.js";
import { freshSeed } from "../runtime/entropy.js";
import { LimitedLog, type Log } from "../runtime/log.js";
import type { ApMeter } from "../runtime/metrics/ap-metrics.js";
import { openTftpServer } from "../runtime/tftp/server.js";
import type { RootMetadata } from "../runtime/trust/metadata.js";
import { networkControlClass } from "../runtime/udp/socket-options.js";
import { openUdpPort } from "../runtime/udp/udp-ports.js";
import { defaultTimers, labTimers } from "../wire/capwap/defaults.js";
import { extensions } from "../wire/capwap/vendor.js";
import { type ApSettings, controllerSources } from "./ap-config.js";
import { type ApLinkSetup, currentCredentials } from "./ap-link.js";
import { certificatesUnchanged } from "./link-options.js";
import { flexupBuiltAtMs, flexupVersion } from "./version.js";

/** By a controller's reset, or because the AP cannot continue. */
type BootEnd = { readonly type: "reset" } | { readonly type: "fatal"; readonly error: unknown };

export interface BootedAp {
  readonly capwap: Endpoint;
  readonly tftp: Endpoint;
  readonly ended: Promise<BootEnd>;
  /** Orderly: the stored part of a download stays for the next boot. */
  stop(): Promise<void>;
}

/** A burst of image blocks must fit while the disk is busy. */
const socketBufferBytes = 4 * 2 ** 20;
/** One boot of an AP, up to its reset or end. */
export async function bootAp(
  settings: ApSettings,
  link: ApLinkSetup,
  root: RootMetadata | undefined,
  tftpPort: number,
  log: Log,
  meter: ApMeter,
): Promise<Result<BootedAp>> {
  const { bind, data } = settings;
  const warnings = new LimitedLog(log, systemClock);
  const seed = freshSeed();
  const prng = new Prng(seed);
  let end = (_end: BootEnd): void => {};
  const ended = new Promise<BootEnd>((resolve) => {
    end = resolve;
  });
  const onFatal = (error: unknown): void => end({ type: "fatal", error });
  const resolveControllers = () =>
    lookUpControllers(controllerSources(settings), ({ host }, error) =>
      warnings.warn("controller-not-found", `no address for controller ${host}`, { error: error.message }),
    );

  const closers: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  const giveUp = async (lacking: { readonly ok: false; readonly failure: { readonly code: string; readonly message: string } }) => {
    await stop();
    return lacking;
  };

  const { data: folder, flashBytes, version: factoryVersion } = settings;
  const stored = await openFiles({
    ...{ folder, disk: nodeDisk, flashBytes, factoryVersion, onFatal },
    trustedRoot: root && { root, family: modelFacts(settings.model).family, builtAtMs: flexupBuiltAtMs },
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
  if (!tftp.ok) return giveUp(tftp);
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
        extensions: [...(settings.fastTransfer ? [extensions.fastTransfer] : []), ...(root === undefined ? [] : [extensions.signedImages])],
      },
      prng: prng.split("agent"),
      confirmMs: secondsToMs(settings.confirmSeconds),
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
    broadcast: true,
    trafficClass: networkControlClass,
    onDatagram: (bytes, from) => secure.take(bytes, from),
    onError: (error) => warnings.warn("port-error", "the CAPWAP port reported an error", { error: error.message }),
  });
  if (!port.ok) return giveUp(port);
  secure.attach(port.value);
  if (link.mode === "dtls" && link.credentials instanceof CertificateSource) {
    const endWatch = watchCertificates(link.credentials, secure.layer as DtlsClient, log);
    closers.push(async () => endWatch());
  }
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
  { addon, credentials }: Extract<ApLinkSetup, { readonly mode: "dtls" }>,
  host: ApHost,
  send: (datagram: Uint8Array, to: Endpoint) => void,
  log: Log,
  warnings: LimitedLog,
): DtlsClient {
  return new DtlsClient({
    addon,
    credentials: currentCredentials(credentials),
    send,
    onPlaintext: (bytes, from) => host.deliver({ type: "datagram", from, bytes, carriage: "dtls" }),
    onUp: (peer, suite) => {
      log.info("link-up", "DTLS link to the controller is up", { controller: endpointText(peer), suite });
      host.deliver({ type: "link-up", peer });
    },
    onDown: (peer, reason) => {
      warnings.warn("link-down", "DTLS link to the controller ended or could not be established", {
        controller: endpointText(peer),
        reason,
      });
      host.deliver({ type: "link-down", peer });
    },
  });
}

const watchCertificates = (source: CertificateSource, client: DtlsClient, log: Log): (() => void) =>
  source.watch({
    renew: (certificate) => {
      client.renew(certificate);
      log.info("certificates-read", "the DTLS certificate files changed and were read again");
    },
    onFault: (detail) => log.warn("certificate-unusable", certificatesUnchanged, { detail }),
  });

type OpenedFiles = Awaited<ReturnType<typeof ImageFiles.open>>;

async function openFiles(options: ImageFilesOptions): Promise<Result<OpenedFiles>> {
  try {
    return success(await ImageFiles.open(options));
  } catch (error) {
    return failure("data-folder-unusable", `--data ${options.folder} cannot be used: ${(error as Error).message}`);
  }
}
