import { createPublicKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import selfsigned from "selfsigned";
import type { Instant } from "../../base/time.js";
import { writeLastingFile } from "../lasting-file.js";
import { readTlsIdentity, type TlsIdentity, validityOf } from "./tls.js";

const dayMs = 86_400_000;
const validDays = 3650;
const renewBeforeMs = 30 * dayMs;
/** Long ago, so that a clock that is set back does not make the certificate invalid. */
const notBeforeDate = new Date("2000-01-01T00:00:00Z");
const keyBits = 2048;

export interface OwnIdentity extends TlsIdentity {
  /** Why it was made just now; undefined where it was kept. */
  readonly made: "first start" | "damaged" | "not valid yet" | "expires soon" | "expired" | undefined;
}

/**
 * The self-signed certificate of a data folder: made at the first call and kept, since people and scripts pin it; renewed, with the same key,
 * 30 days before it ends or when the clock is outside of its validity.
 * @param addresses by which others reach this host, numeric; its names and loopback are always in it
 * @param now by the wall clock, which others hold the certificate against
 */
export function ownTlsIdentity(folder: string, addresses: readonly string[] = [], now: Instant = Date.now()): OwnIdentity {
  const certPath = join(folder, "cert.pem");
  const keyPath = join(folder, "key.pem");
  const stored = readTlsIdentity(certPath, keyPath);
  const kept = stored.ok && isUsable(stored.value) ? stored.value : undefined;
  const made = kept === undefined ? (stored.ok ? "damaged" : "first start") : renewalReason(kept, now);
  if (kept !== undefined && made === undefined) return { ...kept, made };
  const key = kept?.key ?? newKey();
  const cert = newCertificate(key, addresses);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (key !== kept?.key) writeLastingFile(keyPath, key, 0o600);
  writeLastingFile(certPath, cert, 0o644);
  return { cert, key, made };
}

function renewalReason(identity: TlsIdentity, now: Instant): OwnIdentity["made"] {
  const { validFrom, validTo } = validityOf(identity);
  // Before our own date it is the clock that is wrong.
  if (now < validFrom && validFrom > notBeforeDate.getTime()) return "not valid yet";
  if (now >= validTo) return "expired";
  return now >= validTo - renewBeforeMs ? "expires soon" : undefined;
}

/** Whether both are whole and belong together: the process may have ended between the two writes. */
function isUsable(identity: TlsIdentity): boolean {
  try {
    createSecureContext(identity);
    return new X509Certificate(identity.cert).validTo !== "";
  } catch {
    return false;
  }
}

const newKey = (): string =>
  generateKeyPairSync("rsa", { modulusLength: keyBits }).privateKey.export({ type: "pkcs1", format: "pem" }).toString();

function newCertificate(privateKey: string, addresses: readonly string[]): string {
  const names = [hostname(), "localhost"].map((value) => ({ type: 2, value }));
  const ips = [...new Set(["127.0.0.1", ...addresses])].map((ip) => ({ type: 7, ip }));
  const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString();
  const options = {
    days: validDays,
    notBeforeDate,
    algorithm: "sha256",
    extensions: [{ name: "subjectAltName", altNames: [...names, ...ips] }],
    keyPair: { privateKey, publicKey },
  };
  return selfsigned.generate([{ name: "commonName", value: hostname() }], options).cert;
}
