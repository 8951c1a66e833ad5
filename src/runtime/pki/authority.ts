/**
 * An offline certificate authority for DTLS links in a folder:
 *
 *     authority.pem   its certificate
 *     authority.key   its private key, mode 0600
 *     crl.pem         the certificates that it revoked
 *     issued/SERIAL.pem   each certificate that it issued
 *
 * The last two are its only records: each certificate states its own subject, role and expiry.
 */
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Failure, failure, type Result, success } from "../../base/failure.js";
import type { Instant } from "../../base/time.js";
import { syncFolder, writeLastingFile } from "../lasting-file.js";
import { type CertificateSubject, roleOfUsages, roleText } from "./certificate-subject.js";
import {
  authorityCertificate,
  type CertificateValidity,
  crlNumberOf,
  pemFile,
  revocationList,
  type Signer,
  subjectCertificate,
} from "./certificates.js";
import { folderFault, makeFolder } from "./new-folder.js";
import { newKeyPair, privateKeyPem, readPrivateKey } from "./signing-key.js";
import { ExtendedKeyUsageExtension, X509Certificate, X509Crl } from "./x509.js";

const dayMs = 86_400_000;
/** Backdates certificates so that they are valid on a device whose clock is slightly behind. */
const clockSlackMs = 3_600_000;

export interface AuthorityOptions {
  readonly name: string;
  readonly days: number;
  /** Encrypts the authority's key; undefined leaves it unencrypted. */
  readonly passphrase: string | undefined;
  readonly now: Instant;
}

export interface IssueOptions {
  readonly days: number;
  /** A new folder for certificate.pem, key.pem and authority.pem. */
  readonly out: string;
  readonly now: Instant;
}

export type IssuedState = "valid" | "expired" | "revoked";

export interface IssuedCertificate extends CertificateSubject {
  /** Hexadecimal. */
  readonly serialNumber: string;
  readonly validTo: Instant;
  readonly state: IssuedState;
}

/** Failures: `folder-exists`, `folder-unwritable`. @returns when the authority expires */
export async function createAuthority(folder: string, { name, days, passphrase, now }: AuthorityOptions): Promise<Result<Instant>> {
  const keys = await newKeyPair();
  const validity = validityOf(now, days);
  const certificate = await authorityCertificate(name, keys, validity);
  const list = await revocationList({ certificate, key: keys.privateKey }, now, 1, []);
  const made = makeFolder(
    folder,
    [
      { name: "authority.pem", content: pemFile(certificate), mode: 0o644 },
      { name: "authority.key", content: await privateKeyPem(keys.privateKey, passphrase), mode: 0o600 },
      { name: "crl.pem", content: pemFile(list), mode: 0o644 },
    ],
    ["issued"],
  );
  return made.ok ? success(certificate.notAfter.getTime()) : made;
}

/** The certificates that the authority in a folder issued, by role, name and date. Failures: `no-authority`, `authority-damaged`. */
export function readIssued(folder: string, now: Instant): Result<IssuedCertificate[]> {
  const texts = readAuthority(folder);
  if (!texts.ok) return texts;
  try {
    return success(issuedCertificates(folder, new X509Crl(texts.value.list), now));
  } catch (error) {
    return damaged(folder, error);
  }
}

export class Authority {
  readonly #folder: string;
  readonly #signer: Signer;
  #list: X509Crl;

  private constructor(folder: string, signer: Signer, list: X509Crl) {
    this.#folder = folder;
    this.#signer = signer;
    this.#list = list;
  }

  /** Failures: `no-authority`, `authority-locked` (passphrase wrong or missing), `authority-damaged`. */
  static async open(folder: string, passphrase: string | undefined): Promise<Result<Authority>> {
    const texts = readAuthority(folder);
    if (!texts.ok) return texts;
    const { certificate, key, list } = texts.value;
    try {
      const signer = { certificate: new X509Certificate(certificate), key: await readPrivateKey(key, passphrase) };
      return success(new Authority(folder, signer, new X509Crl(list)));
    } catch (error) {
      if (key.includes("ENCRYPTED")) return locked(folder, passphrase);
      return damaged(folder, error);
    }
  }

  get crlPath(): string {
    return join(this.#folder, "crl.pem");
  }

  /** For a subject without a valid certificate. Failures: `already-issued` and those of `makeFolder`. */
  issue(subject: CertificateSubject, options: IssueOptions): Promise<Result<IssuedCertificate>> {
    const valid = this.#validOf(subject, options.now).at(-1);
    if (valid === undefined) return this.#sign(subject, options);
    const message = `${titleOf(subject)} has a certificate until ${new Date(valid.validTo).toISOString().slice(0, 10)}: "flexup pki renew" issues its next one`;
    return Promise.resolve(failure("already-issued", message));
  }

  /**
   * Issues the next certificate, with a new key, to a subject that has a valid one. The former stays valid until it expires or is revoked.
   * Failures: `not-issued` and those of `makeFolder`.
   */
  renew(subject: CertificateSubject, options: IssueOptions): Promise<Result<IssuedCertificate>> {
    if (this.#validOf(subject, options.now).length > 0) return this.#sign(subject, options);
    return Promise.resolve(this.#notIssued(subject));
  }

  /** Revokes every valid certificate of a subject. Failure: `not-issued`. @returns how many there were */
  async revoke(subject: CertificateSubject, now: Instant): Promise<Result<number>> {
    const valid = this.#validOf(subject, now);
    if (valid.length === 0) return this.#notIssued(subject);
    const revocationDate = new Date(now);
    const former = this.#list.entries.map((entry) => ({ serialNumber: entry.serialNumber, revocationDate: entry.revocationDate }));
    const entries = [...former, ...valid.map(({ serialNumber }) => ({ serialNumber, revocationDate }))];
    this.#list = await revocationList(this.#signer, now, crlNumberOf(this.#list) + 1, entries);
    writeLastingFile(this.crlPath, pemFile(this.#list), 0o644);
    return success(valid.length);
  }

  async #sign(subject: CertificateSubject, { days, out, now }: IssueOptions): Promise<Result<IssuedCertificate>> {
    const fault = folderFault(out);
    if (fault !== undefined) return fault;
    const keys = await newKeyPair();
    const validity = validityOf(now, days);
    const to = Math.min(validity.to, this.#signer.certificate.notAfter.getTime());
    const certificate = await subjectCertificate(this.#signer, subject, keys.publicKey, { ...validity, to });
    // Recorded first: an unrecorded certificate could not be revoked.
    this.#record(certificate);
    const made = makeFolder(out, [
      { name: "certificate.pem", content: pemFile(certificate), mode: 0o644 },
      { name: "key.pem", content: await privateKeyPem(keys.privateKey), mode: 0o600 },
      { name: "authority.pem", content: pemFile(this.#signer.certificate), mode: 0o644 },
    ]);
    if (made.ok)
      return success({ ...subject, serialNumber: certificate.serialNumber, validTo: certificate.notAfter.getTime(), state: "valid" });
    return made;
  }

  #record(certificate: X509Certificate): void {
    const folder = join(this.#folder, "issued");
    const file = openSync(join(folder, `${certificate.serialNumber}.pem`), "wx", 0o644);
    try {
      writeFileSync(file, pemFile(certificate));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    syncFolder(folder);
  }

  #validOf({ role, commonName }: CertificateSubject, now: Instant): IssuedCertificate[] {
    return issuedCertificates(this.#folder, this.#list, now).filter(
      (each) => each.role === role && each.commonName === commonName && each.state === "valid",
    );
  }

  #notIssued(subject: CertificateSubject): { readonly ok: false; readonly failure: Failure } {
    return failure("not-issued", `${titleOf(subject)} has no valid certificate: "flexup pki issue" makes one`);
  }
}

const validityOf = (now: Instant, days: number): CertificateValidity => ({ from: now - clockSlackMs, to: now + days * dayMs });
const titleOf = ({ role, commonName }: CertificateSubject): string => `${roleText[role]} ${commonName}`;

interface AuthorityTexts {
  readonly certificate: string;
  readonly key: string;
  readonly list: string;
}

function readAuthority(folder: string): Result<AuthorityTexts> {
  const text = (name: string): string => readFileSync(join(folder, name), "utf8");
  try {
    return success({ certificate: text("authority.pem"), key: text("authority.key"), list: text("crl.pem") });
  } catch (error) {
    const message = `${folder} holds no authority (${(error as Error).message}): "flexup pki init ${folder}" makes one`;
    return failure("no-authority", message);
  }
}

const damaged = (folder: string, error: unknown): { readonly ok: false; readonly failure: Failure } =>
  failure("authority-damaged", `The authority in ${folder} cannot be used: ${(error as Error).message}`);

function locked(folder: string, passphrase: string | undefined): Result<never> {
  const how = passphrase === undefined ? "give --passphrase-file" : "the passphrase is not the one that it was made with";
  return failure("authority-locked", `The authority's key in ${folder} is encrypted: ${how}`);
}

function issuedCertificates(authority: string, list: X509Crl, now: Instant): IssuedCertificate[] {
  const folder = join(authority, "issued");
  const revoked = new Set(list.entries.map(({ serialNumber }) => serialNumber.toLowerCase()));
  return readdirSync(folder)
    .filter((name) => name.endsWith(".pem"))
    .map((name) => describe(new X509Certificate(readFileSync(join(folder, name), "utf8")), revoked, now))
    .filter((each) => each !== undefined)
    .sort((a, b) => a.role.localeCompare(b.role) || a.commonName.localeCompare(b.commonName) || a.validTo - b.validTo);
}

/** Undefined for a certificate without a CAPWAP role. */
function describe(certificate: X509Certificate, revoked: ReadonlySet<string>, now: Instant): IssuedCertificate | undefined {
  const role = roleOfUsages((certificate.getExtension(ExtendedKeyUsageExtension)?.usages ?? []) as string[]);
  const [commonName] = certificate.subjectName.getField("CN");
  if (role === undefined || commonName === undefined) return undefined;
  const validTo = certificate.notAfter.getTime();
  const serialNumber = certificate.serialNumber.toLowerCase();
  const state = revoked.has(serialNumber) ? "revoked" : now >= validTo ? "expired" : "valid";
  return { role, commonName, serialNumber, validTo, state };
}
