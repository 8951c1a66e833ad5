/** A controller's control port: clear, or DTLS with the credentials of its APs. */
import { endpointText } from "../base/endpoint.js";
import { failure, type Result, success } from "../base/failure.js";
import { isLoopback } from "../base/ip-address.js";
import type { LinkMode } from "../core/capwap/link/secure-link.js";
import { systemClock } from "../runtime/clock.js";
import type { ControllerHost } from "../runtime/controller/controller-host.js";
import type { ServerCredentials } from "../runtime/dtls/addon.js";
import { CertificateSource } from "../runtime/dtls/certificate-source.js";
import { DtlsServer, type DtlsServerOptions } from "../runtime/dtls/dtls-server.js";
import { SecurePort } from "../runtime/dtls/secure-port.js";
import { LimitedLog, type Log } from "../runtime/log.js";
import type { CapwapMeter, Direction } from "../runtime/metrics/capwap-meter.js";
import type { Metrics } from "../runtime/metrics/metrics.js";
import type { ControllerSettings } from "./controller-config.js";
import { certificateFilesOf, certificatesUnchanged, linkModeOf, requireDtls } from "./link-options.js";

export const controllerLinkMode = (settings: ControllerSettings): LinkMode => linkModeOf(settings, isLoopback(settings.listen.address));

export interface ControllerLinkOptions {
  readonly settings: ControllerSettings;
  readonly host: ControllerHost;
  readonly keyOf: (identity: string) => Uint8Array | undefined;
  readonly metrics: Metrics;
  readonly meter: CapwapMeter;
  readonly log: Log;
}

/** More than a MAC address; a peer may call itself anything. */
const identityCharactersMax = 64;

export interface ControllerLink {
  readonly port: SecurePort<DtlsServer>;
  /** Tells the APs of all links. The UDP port stays the caller's. */
  stop(): void;
}

/** Failures: `dtls-unavailable`, `certificate-unreadable`, `certificate-unusable`. */
export function openControllerLink({ settings, host, keyOf, metrics, meter, log }: ControllerLinkOptions): Result<ControllerLink> {
  const port = {
    clock: systemClock,
    onCarried: (direction: Direction, octets: number) => meter.carried(direction, octets),
    onClear: (bytes: Uint8Array, from: Parameters<typeof endpointText>[0]) => host.datagram(bytes, from, "clear"),
  };
  if (controllerLinkMode(settings) === "clear") return success(stoppable(new SecurePort<DtlsServer>({ ...port, layer: undefined })));
  const addon = requireDtls();
  if (!addon.ok) return addon;
  const files = certificateFilesOf(settings);
  const source = files === undefined ? success(undefined) : CertificateSource.open(files);
  if (!source.ok) return source;
  const credentials: ServerCredentials = { keyOf, ...source.value?.current };
  const note = handshakeNotes(metrics, log, host);
  try {
    const secure = new SecurePort<DtlsServer>({
      ...port,
      layer: (send) =>
        new DtlsServer({
          addon: addon.value,
          credentials,
          send,
          onPlaintext: (bytes, from) => host.datagram(bytes, from, "dtls"),
          onUp: (peer, identity) => host.linkUp(peer, identity),
          onDown: (peer) => host.linkDown(peer),
          onHandshake: note,
        }),
    });
    return success(
      stoppable(secure, source.value === undefined ? undefined : watchCertificates(source.value, secure.layer as DtlsServer, log)),
    );
  } catch (error) {
    return failure("certificate-unusable", `The DTLS certificate cannot be used: ${(error as Error).message}`);
  }
}

const stoppable = (port: SecurePort<DtlsServer>, endWatch?: () => void): ControllerLink => ({
  port,
  stop() {
    endWatch?.();
    port.stop();
  },
});

function watchCertificates(source: CertificateSource, layer: DtlsServer, log: Log): () => void {
  return source.watch({
    renew: (certificate) => {
      const ended = layer.renew(certificate);
      log.info("certificates-read", "the DTLS certificate files changed and were read again", { linksEnded: ended });
    },
    onFault: (detail) => log.warn("certificate-unusable", certificatesUnchanged, { detail }),
  });
}

/** Counts each outcome. A refused credential is an event; what else fails gets a line in the log. */
function handshakeNotes(metrics: Metrics, log: Log, host: ControllerHost): DtlsServerOptions["onHandshake"] {
  const handshakes = metrics.counter("dtls_handshakes_total", "DTLS handshakes of APs, by outcome", ["outcome"]);
  const warnings = new LimitedLog(log, systemClock);
  return (outcome, from, identity, detail) => {
    handshakes.inc({ outcome });
    switch (outcome) {
      case "established":
      case "replaced":
        return;
      case "timeout":
      case "failed":
        warnings.warn(`handshake-${outcome}`, "a DTLS handshake stopped on the way", { from: endpointText(from), detail });
        return;
      default:
        host.linkRefused({ from, reason: outcome, identity: identity?.slice(0, identityCharactersMax) ?? null, detail });
    }
  };
}
