/** The DTLS options of both daemons, and what follows from them. */
import { z } from "zod";
import { failure, type Result, success } from "../base/failure.js";
import type { LinkMode } from "../core/capwap/link/secure-link.js";
import { type DtlsAddon, loadDtls } from "../runtime/dtls/addon.js";
import type { CertificateFiles } from "../runtime/dtls/credentials.js";

const path = z.string({ error: "expected the path of a file" }).min(1, { error: "expected the path of a file" });

export const linkOptions = {
  /** Without it: `off` for a lab on loopback to which no credential was given, else `require`. */
  dtls: z.enum(["require", "off"], { error: "expected require or off" }).optional(),
  joinTokenFile: path.optional(),
  dtlsCert: path.optional(),
  dtlsKey: path.optional(),
  /** Certificates of the authorities of the other end. */
  dtlsCa: path.optional(),
  /** Revocation lists of these authorities. */
  dtlsCrl: path.optional(),
};

export interface LinkSettings {
  readonly dtls?: "require" | "off" | undefined;
  readonly joinTokenFile?: string | undefined;
  readonly dtlsCert?: string | undefined;
  readonly dtlsKey?: string | undefined;
  readonly dtlsCa?: string | undefined;
  readonly dtlsCrl?: string | undefined;
  /** AP only. */
  readonly credential?: string | undefined;
  readonly lab: boolean;
}

/** @param onLoopback whether nothing of it can leave this host */
export function linkModeOf(settings: LinkSettings, onLoopback: boolean): LinkMode {
  if (settings.dtls !== undefined) return settings.dtls === "off" ? "clear" : "dtls";
  return settings.lab && onLoopback && !hasCredential(settings) ? "clear" : "dtls";
}

const hasCredential = ({ joinTokenFile, dtlsCert, credential }: LinkSettings): boolean =>
  joinTokenFile !== undefined || dtlsCert !== undefined || credential !== undefined;

/** One line on options that contradict each other; undefined where they do not. */
export function linkContradiction(settings: LinkSettings): string | undefined {
  const { dtls, dtlsCert, dtlsKey, dtlsCa, dtlsCrl, credential, joinTokenFile } = settings;
  const together = [dtlsCert, dtlsKey, dtlsCa].filter((given) => given !== undefined).length;
  if (together % 3 !== 0) return "--dtls-cert, --dtls-key and --dtls-ca belong together; give all three";
  if (dtlsCrl !== undefined && dtlsCert === undefined) return "--dtls-crl needs --dtls-cert, --dtls-key and --dtls-ca";
  if (dtls === "off" && hasCredential(settings)) return "--dtls off sends everything in clear; leave it out, or the credential";
  if (credential !== undefined && joinTokenFile !== undefined) return "--credential and --join-token-file are one or the other";
  return undefined;
}

export const certificateFilesOf = ({ dtlsCert, dtlsKey, dtlsCa, dtlsCrl }: LinkSettings): CertificateFiles | undefined =>
  dtlsCert === undefined || dtlsKey === undefined || dtlsCa === undefined
    ? undefined
    : { certificate: dtlsCert, privateKey: dtlsKey, authority: dtlsCa, revoked: dtlsCrl };

export const certificatesUnchanged = "the DTLS certificate files changed but cannot be used; the previous ones stay in use";

/** Failure: `dtls-unavailable`. Nothing falls back to clear text by itself. */
export function requireDtls(): Result<DtlsAddon> {
  const addon = loadDtls();
  if (addon !== undefined) return success(addon);
  return failure(
    "dtls-unavailable",
    'DTLS is not available here: its add-on was not compiled ("node native/build.js" in the package says why; it needs Linux and a C compiler). ' +
      "Install one and build again, or start with --dtls off to send everything in clear",
  );
}
