import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { failure, type Result, success } from "../../base/failure.js";
import type { Instant } from "../../base/time.js";

/** PEM text. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

/** Reads a certificate and its key. Failure: `tls-unreadable`. */
export function readTlsIdentity(certPath: string, keyPath: string): Result<TlsIdentity> {
  try {
    return success({ cert: readFileSync(certPath, "utf8"), key: readFileSync(keyPath, "utf8") });
  } catch (error) {
    return failure("tls-unreadable", `The TLS certificate cannot be read: ${(error as Error).message}`);
  }
}

/** From when until when the first certificate of the text is valid. @throws for a text without one */
export function validityOf({ cert }: TlsIdentity): { readonly validFrom: Instant; readonly validTo: Instant } {
  const { validFrom, validTo } = new X509Certificate(cert);
  return { validFrom: Date.parse(validFrom), validTo: Date.parse(validTo) };
}
