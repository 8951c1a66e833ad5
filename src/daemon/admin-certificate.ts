/** The certificate of the admin API while the controller runs: the operator's, or our own, which is renewed. */
import { join } from "node:path";
import { failure, type Result, success } from "../base/failure.js";
import { isLoopback } from "../base/ip-address.js";
import type { CertificateView } from "../core/controller/operator/views.js";
import { type OwnIdentity, ownTlsIdentity } from "../runtime/access/own-certificate.js";
import { readTlsIdentity, type TlsIdentity, validityOf } from "../runtime/access/tls.js";
import type { Log } from "../runtime/log.js";
import { ownAddresses } from "../runtime/udp/own-addresses.js";
import type { ControllerSettings } from "./controller-config.js";

/** Often: a clock that was wrong at the start is put right soon after. */
const checkMs = 3_600_000;
const warnBeforeMs = 30 * 86_400_000;

export interface AdminCertificateOptions {
  readonly settings: Pick<ControllerSettings, "tlsCert" | "tlsKey" | "admin" | "data">;
  readonly log: Log;
  /** Called at the start and with each change. */
  readonly onView: (view: CertificateView) => void;
  /** Default: an hour. */
  readonly checkMs?: number;
}

export class AdminCertificate {
  readonly identity: TlsIdentity;
  readonly #options: AdminCertificateOptions;
  readonly #own: boolean;
  #timer: NodeJS.Timeout | undefined;

  /** Undefined for plain HTTP on loopback. Failures: `tls-unreadable`, `tls-incomplete`. */
  static read(options: AdminCertificateOptions): Result<AdminCertificate | undefined> {
    const { tlsCert, tlsKey, admin } = options.settings;
    if (tlsCert !== undefined && tlsKey !== undefined) return given(readTlsIdentity(tlsCert, tlsKey), options);
    if (tlsCert !== undefined || tlsKey !== undefined)
      return failure("tls-incomplete", "--tls-cert and --tls-key belong together; give both");
    return success(isLoopback(admin.address) ? undefined : new AdminCertificate(options, own(options), true));
  }

  constructor(options: AdminCertificateOptions, identity: TlsIdentity, isOwn: boolean) {
    this.#options = options;
    this.#own = isOwn;
    this.identity = identity;
    if (this.#isFine(identity)) options.log.info("certificate", `the certificate of the admin API is valid until ${endOf(identity)}`);
  }

  /** @param renewed called with each new identity of our own */
  watch(renewed: (identity: TlsIdentity) => void): void {
    this.#timer = setInterval(() => {
      const now = this.#own ? own(this.#options) : undefined;
      if (now?.made !== undefined) renewed(now);
      this.#isFine(now ?? this.identity);
    }, this.#options.checkMs ?? checkMs).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Publishes the validity, and warns where the certificate is or soon will be invalid. */
  #isFine(identity: TlsIdentity): boolean {
    const { log, onView } = this.#options;
    const view = { own: this.#own, ...validityOf(identity) };
    onView(view);
    const now = Date.now();
    const isValid = now >= view.validFrom && now < view.validTo;
    const endsSoon = isValid && now >= view.validTo - warnBeforeMs;
    const begin = new Date(view.validFrom).toISOString();
    if (!isValid) log.warn("certificate-invalid", `the certificate of the admin API is valid from ${begin} to ${endOf(identity)}, not now`);
    if (endsSoon) log.warn("certificate-expires", `the certificate of the admin API expires on ${endOf(identity)}`);
    return isValid && !endsSoon;
  }
}

const endOf = (identity: TlsIdentity): string => new Date(validityOf(identity).validTo).toISOString();

function given(identity: Result<TlsIdentity>, options: AdminCertificateOptions): Result<AdminCertificate> {
  if (!identity.ok) return identity;
  try {
    return success(new AdminCertificate(options, identity.value, false));
  } catch (error) {
    return failure("tls-unreadable", `The TLS certificate cannot be read: ${(error as Error).message}`);
  }
}

function own({ settings, log }: AdminCertificateOptions): OwnIdentity {
  const identity = ownTlsIdentity(join(settings.data, "tls"), ownAddresses(settings.admin.address));
  if (identity.made !== undefined && identity.made !== "first start")
    log.warn(
      "certificate-renewed",
      `the controller's own certificate was made again (${identity.made}); whoever pinned it needs the new one`,
      { validTo: endOf(identity) },
    );
  return identity;
}
