/** Where a daemon's DTLS credentials come from: files that an operator hands out (docs/security.md). */
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { failure, type Result, success } from "../../base/failure.js";
import { bytesOfHex } from "../../base/hex.js";
import { type MacAddress, parseMac } from "../../base/mac-address.js";
import type { CertificateCredential, PskCredential } from "./addon.js";

export const keyBytes = 32;
/** A shared secret that is guessed opens every AP's link. */
const tokenCharactersMin = 32;

/** @param mac of the AP that is to use it. Failures: `credential-unreadable`, `credential-malformed`, `credential-of-another-ap`. */
export function readCredentialFile(path: string, mac: MacAddress): Result<PskCredential> {
  const text = readText(path, "credential-unreadable", "The credential");
  if (!text.ok) return text;
  const lines = new Map(text.value.split("\n").map((line) => line.trim().split(/\s+/) as [string, string]));
  const identity = parseMac(lines.get("identity") ?? "");
  const key = lines.get("key")?.toLowerCase();
  if (identity === undefined || key === undefined || !/^[0-9a-f]{64}$/.test(key)) {
    return failure(
      "credential-malformed",
      `${path} is not a credential: expected the two lines "identity <MAC>" and "key <64 hex digits>" that the controller printed`,
    );
  }
  if (identity === mac) return success({ identity, key: Buffer.from(bytesOfHex(key)) });
  return failure("credential-of-another-ap", `${path} is the credential of ${identity}, but this AP is ${mac}; each AP needs its own`);
}

/** The secret from which every AP's key is derived. Failures: `join-token-unreadable`, `join-token-short`. */
export function readJoinToken(path: string): Result<string> {
  const text = readText(path, "join-token-unreadable", "The join token");
  if (!text.ok) return text;
  const token = text.value.trim();
  if (token.length >= tokenCharactersMin) return success(token);
  return failure(
    "join-token-short",
    `${path} holds ${token.length} characters: expected at least ${tokenCharactersMin}, for example from "openssl rand -hex 32"`,
  );
}

/** The key of one AP under a join token. */
export const keyFromJoinToken = (token: string, mac: MacAddress): Uint8Array =>
  createHmac("sha256", token).update(`flexup join ${mac}`).digest();

export interface CertificateFiles {
  readonly certificate: string;
  readonly privateKey: string;
  readonly authority: string;
  readonly revoked?: string | undefined;
}

/** Failure: `certificate-unreadable`. Whether the texts can be used shows when a DTLS layer is made with them. */
export function readCertificateFiles(files: CertificateFiles): Result<CertificateCredential> {
  const texts: Record<string, string> = {};
  for (const [name, path] of Object.entries(files) as [keyof CertificateFiles, string | undefined][]) {
    if (path === undefined) continue;
    const text = readText(path, "certificate-unreadable", "A file of the DTLS certificate");
    if (!text.ok) return text;
    texts[name] = text.value;
  }
  return success(texts as unknown as CertificateCredential);
}

function readText(path: string, code: string, what: string): Result<string> {
  try {
    return success(readFileSync(path, "utf8"));
  } catch (error) {
    return failure(code, `${what} cannot be read: ${(error as Error).message}`);
  }
}
