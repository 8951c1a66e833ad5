/** `flexup pki show`. */
import type { Instant } from "../../base/time.js";
import type { IssuedCertificate } from "../../runtime/pki/authority.js";
import { roleText } from "../../runtime/pki/certificate-subject.js";
import { columns } from "./columns.js";

export const dateText = (at: Instant): string => new Date(at).toISOString().slice(0, 10);

const nameWidthMin = 17;

export function issuedText(certificates: readonly IssuedCertificate[]): string {
  const widths = [10, Math.max(nameWidthMin, ...certificates.map(({ commonName }) => commonName.length)), 10, 7];
  const rows = certificates.map(({ role, commonName, validTo, state, serialNumber }) => [
    ...[roleText[role], commonName, dateText(validTo), state, serialNumber],
  ]);
  return [["Role", "Name", "Valid To", "State", "Serial"], ...rows].map((cells) => `${columns(widths, cells)}\n`).join("");
}
