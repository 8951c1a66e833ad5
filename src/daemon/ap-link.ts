/** An AP's way to its controllers: clear, or DTLS with the credential that it was given. */
import { type Failure, failure, type Result, success } from "../base/failure.js";
import { isLoopback } from "../base/ip-address.js";
import type { ClientCredentials, DtlsAddon, PskCredential } from "../runtime/dtls/addon.js";
import { CertificateSource } from "../runtime/dtls/certificate-source.js";
import { keyFromJoinToken, readCredentialFile, readJoinToken } from "../runtime/dtls/credentials.js";
import type { ApSettings } from "./ap-config.js";
import { certificateFilesOf, linkModeOf, requireDtls } from "./link-options.js";

export type ApLinkSetup =
  | { readonly mode: "clear" }
  | { readonly mode: "dtls"; readonly addon: DtlsAddon; readonly credentials: PskCredential | CertificateSource };

/** What a link to the controller begins with now. */
export const currentCredentials = (credentials: PskCredential | CertificateSource): ClientCredentials =>
  credentials instanceof CertificateSource ? credentials.current : credentials;

/** Failures: `dtls-unavailable`, `no-credential` and those of the files. */
export function readApLink(settings: ApSettings): Result<ApLinkSetup> {
  const onLoopback = settings.controller.every(({ host }) => host === "localhost" || isLoopback(host));
  if (linkModeOf(settings, onLoopback) === "clear") return success({ mode: "clear" });
  const addon = requireDtls();
  if (!addon.ok) return addon;
  const credentials = readCredentials(settings);
  if (!credentials.ok) return credentials;
  try {
    addon.value.client(currentCredentials(credentials.value));
  } catch (error) {
    return failure("certificate-unusable", `The DTLS certificate cannot be used: ${(error as Error).message}`);
  }
  return success({ mode: "dtls", addon: addon.value, credentials: credentials.value });
}

function readCredentials(settings: ApSettings): Result<PskCredential | CertificateSource> {
  const { credential, joinTokenFile, mac } = settings;
  if (credential !== undefined) return readCredentialFile(credential, mac);
  if (joinTokenFile !== undefined) {
    const token = readJoinToken(joinTokenFile);
    return token.ok ? success({ identity: mac, key: keyFromJoinToken(token.value, mac) }) : token;
  }
  const files = certificateFilesOf(settings);
  return files === undefined ? noCredential : CertificateSource.open(files);
}

const noCredential: { readonly ok: false; readonly failure: Failure } = failure(
  "no-credential",
  'This AP has no credential: "flexup config ap credential add MAC" on the controller prints one for --credential FILE ' +
    "(or use --join-token-file, or --dtls-cert, --dtls-key and --dtls-ca); --dtls off sends everything in clear",
);
