import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { failure, type Result, success } from "../../base/failure.js";
import type { Instant } from "../../base/time.js";

/** PEM text. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

/** TLS 1.3, and of TLS 1.2 the suites with forward secrecy and authenticated encryption (RFC 9325 §4.2). */
export const tlsPolicy = {
  minVersion: "TLSv1.2",
  ciphers: [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
  ].join(":"),
} as const;

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
