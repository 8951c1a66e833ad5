import type { SignedImage } from "../../core/trust/release.js";
import type { Bundle } from "../../runtime/trust/bundle.js";
import { type RootMetadata, roleFacts } from "../../runtime/trust/metadata.js";

const dayMs = 86_400_000;
const dateText = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

export const imageLines = ({ version, families, securityVersion, sizeBytes, sha256, chunks }: SignedImage): string =>
  `  version ${version} for ${families.join(", ")}, security version ${securityVersion}\n` +
  `  ${sizeBytes} bytes in ${chunks.sha256s.length} chunks, SHA-256 ${sha256}\n`;

export function rootText(root: RootMetadata): string {
  const { version, signedAtMs, expiresAtMs } = roleFacts(root);
  const roles = Object.entries(root.signed.roles).map(
    ([name, { keyIDs, threshold }]) => `  ${name}: ${threshold} of ${keyIDs.map((id) => id.slice(0, 12)).join(", ")}\n`,
  );
  return `Root version ${version}, signed ${dateText(signedAtMs)}, valid until ${dateText(expiresAtMs)}\n${roles.join("")}`;
}

export function bundleText({ roots, targets, freshness }: Bundle, nowMs: number): string {
  const { version, signedAtMs, expiresAtMs } = roleFacts(targets);
  const age = Math.max(0, Math.floor((nowMs - signedAtMs) / dayMs));
  const images = Object.values(targets.signed.targets).map(({ path, length, hashes, custom }) => {
    const { version: imageVersion, families, securityVersion } = custom;
    return (
      `  ${path}: version ${imageVersion} for ${String(families)}, security version ${securityVersion}\n` +
      `  ${length} bytes, SHA-256 ${hashes["sha256"]}\n`
    );
  });
  const timestamp = freshness && roleFacts(freshness.timestamp);
  return [
    "Not verified: shown as it is written\n",
    `Release ${version}, signed ${dateText(signedAtMs)} (${age} days ago), valid until ${dateText(expiresAtMs)}\n`,
    ...images,
    timestamp === null ? "No timestamp\n" : `Timestamp ${timestamp.version}, valid until ${dateText(timestamp.expiresAtMs)}\n`,
    ...roots.map(rootText),
  ].join("");
}
