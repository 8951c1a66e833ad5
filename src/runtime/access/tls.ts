import { mkdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import selfsigned from "selfsigned";
import { failure, type Result, success } from "../../base/failure.js";
import { writeLastingFile } from "../lasting-file.js";

/** PEM text. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

const validDays = 3650;
const keyBits = 2048;

/** Reads the operator's own certificate. Failure: `tls-unreadable`. */
export function readTlsIdentity(certPath: string, keyPath: string): Result<TlsIdentity> {
  try {
    return success({ cert: readFileSync(certPath, "utf8"), key: readFileSync(keyPath, "utf8") });
  } catch (error) {
    return failure("tls-unreadable", `The TLS certificate cannot be read: ${(error as Error).message}`);
  }
}

/**
 * The self-signed certificate of a data folder, made at the first call and kept: people and scripts pin it. One that is damaged is made anew.
 * @param addresses by which others reach this host, numeric; its names and loopback are always in it
 */
export function ownTlsIdentity(folder: string, addresses: readonly string[] = []): TlsIdentity {
  const certPath = join(folder, "cert.pem");
  const keyPath = join(folder, "key.pem");
  const kept = readTlsIdentity(certPath, keyPath);
  if (kept.ok && isUsable(kept.value)) return kept.value;
  const names = [hostname(), "localhost"].map((value) => ({ type: 2, value }));
  const ips = [...new Set(["127.0.0.1", ...addresses])].map((ip) => ({ type: 7, ip }));
  const made = selfsigned.generate([{ name: "commonName", value: hostname() }], {
    days: validDays,
    keySize: keyBits,
    algorithm: "sha256",
    extensions: [{ name: "subjectAltName", altNames: [...names, ...ips] }],
  });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeLastingFile(keyPath, made.private, 0o600);
  writeLastingFile(certPath, made.cert, 0o644);
  return { cert: made.cert, key: made.private };
}

/** Whether both are whole and belong together: between the two writes the process may have ended. */
function isUsable(identity: TlsIdentity): boolean {
  try {
    createSecureContext(identity);
    return true;
  } catch {
    return false;
  }
}
