/** Subject of a certificate and its end of the link (RFC 5415 §2.4.4.3). */
import { failure, type Result, success } from "../../base/failure.js";
import { parseMac } from "../../base/mac-address.js";

/** id-kp-capwapAC and id-kp-capwapWTP. */
const usageOf = { ac: "1.3.6.1.5.5.7.3.18", wtp: "1.3.6.1.5.5.7.3.19" } as const;

export type CapwapRole = keyof typeof usageOf;

export interface CertificateSubject {
  readonly role: CapwapRole;
  /** A WTP's MAC address, in lower case with colons; the name or MAC address of an AC. */
  readonly commonName: string;
}

export const roleText = { ac: "controller", wtp: "AP" } as const;

export const extendedKeyUsageOf = ({ role }: CertificateSubject): string => usageOf[role];

export const roleOfUsages = (usages: readonly string[]): CapwapRole | undefined =>
  (Object.keys(usageOf) as CapwapRole[]).find((role) => usages.includes(usageOf[role]));

/** Failure: `invalid-mac`. */
export function apSubject(text: string): Result<CertificateSubject> {
  const mac = parseMac(text);
  if (mac !== undefined) return success({ role: "wtp", commonName: mac });
  return failure("invalid-mac", `"${text}" is not a valid MAC address: expected one like 00:0a:b8:3b:0b:c2`);
}

/** Failure: `invalid-controller-name`. */
export function controllerSubject(text: string): Result<CertificateSubject> {
  // X.520 ub-common-name.
  if (/^[\x20-\x7e]{1,64}$/.test(text)) return success({ role: "ac", commonName: parseMac(text) ?? text });
  return failure("invalid-controller-name", "A controller's name in its certificate has 1 to 64 printable ASCII characters");
}
