/** The certificates and the revocation list that an authority signs. */
import { randomBytes, type webcrypto } from "node:crypto";
import type { Instant } from "../../base/time.js";
import { type CertificateSubject, extendedKeyUsageOf } from "./certificate-subject.js";
import { signingAlgorithm } from "./signing-key.js";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
  X509Crl,
  X509CrlGenerator,
  X509CrlReason,
} from "./x509.js";

export interface CertificateValidity {
  readonly from: Instant;
  readonly to: Instant;
}

/** The authority's certificate and key. */
export interface Signer {
  readonly certificate: X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

export interface Revocation {
  /** Hexadecimal. */
  readonly serialNumber: string;
  readonly revocationDate: Date;
}

/** Positive, unpredictable, at most 20 octets (RFC 5280 §4.1.2.2). */
function newSerialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

const dates = ({ from, to }: CertificateValidity) => ({ notBefore: new Date(from), notAfter: new Date(to) });

export async function authorityCertificate(
  name: string,
  keys: webcrypto.CryptoKeyPair,
  validity: CertificateValidity,
): Promise<X509Certificate> {
  return X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerialNumber(),
    name: [{ CN: [name] }],
    keys,
    signingAlgorithm,
    ...dates(validity),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
}

export async function subjectCertificate(
  signer: Signer,
  subject: CertificateSubject,
  publicKey: webcrypto.CryptoKey,
  validity: CertificateValidity,
): Promise<X509Certificate> {
  return X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject: [{ CN: [subject.commonName] }],
    issuer: signer.certificate.subjectName,
    publicKey,
    signingKey: signer.key,
    signingAlgorithm,
    ...dates(validity),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([extendedKeyUsageOf(subject)]),
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(signer.certificate),
    ],
  });
}

const crlNumberOid = "2.5.29.20";

/**
 * Valid as long as the authority: lists are distributed by hand, and one that expired unnoticed would lock out every AP.
 * @param number CRL number, larger than any before it
 */
export async function revocationList(signer: Signer, now: Instant, number: number, entries: readonly Revocation[]): Promise<X509Crl> {
  const { certificate, key } = signer;
  return X509CrlGenerator.create({
    issuer: certificate.subjectName,
    thisUpdate: new Date(now),
    nextUpdate: certificate.notAfter,
    entries: entries.map((entry) => ({ ...entry, reason: X509CrlReason.privilegeWithdrawn })),
    signingKey: key,
    signingAlgorithm,
    extensions: [await AuthorityKeyIdentifierExtension.create(certificate), new Extension(crlNumberOid, false, derInteger(number))],
  });
}

/** PEM under the labels of RFC 7468 §5 and §6; the library's own label for revocation lists is unknown to OpenSSL. */
export function pemFile(object: X509Certificate | X509Crl): string {
  const label = object instanceof X509Crl ? "X509 CRL" : "CERTIFICATE";
  const lines = Buffer.from(object.rawData)
    .toString("base64")
    .match(/.{1,64}/g) as string[];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

export function crlNumberOf(list: X509Crl): number {
  const extension = list.getExtension<Extension>(crlNumberOid);
  return extension === null ? 0 : Number(`0x${Buffer.from(extension.value).subarray(2).toString("hex")}`);
}

/** X.690 §8.3: the shortest encoding that keeps the sign. */
function derInteger(value: number): Uint8Array<ArrayBuffer> {
  const digits = value.toString(16);
  const even = digits.length % 2 === 0 ? digits : `0${digits}`;
  const content = Buffer.from(even >= "80" ? `00${even}` : even, "hex");
  return Uint8Array.of(2, content.length, ...content);
}
