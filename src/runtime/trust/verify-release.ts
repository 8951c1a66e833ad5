/** From a trusted root and a bundle to what the vendor has signed (TUF specification §5.3–5.6, without downloads). */
import type { TargetFile } from "@tufjs/models";
import { isSha256Hex } from "../../base/sha256.js";
import type { SignedImage, SignedRole, VerifiedRelease } from "../../core/trust/release.js";
import { accept, distrust, type TrustVerdict } from "../../core/trust/verdict.js";
import { imageChunkBytes } from "../../core/upgrade/image-chunks.js";
import type { Bundle } from "./bundle.js";
import { canonicalBytes, type JsonObject } from "./canonical-json.js";
import { type RootMetadata, roleFacts, signatureFault } from "./metadata.js";

export interface Verification {
  /** From the trusted root to the newest that the chain leads to, each verified by the one before. */
  readonly roots: readonly [RootMetadata, ...RootMetadata[]];
  readonly release: VerifiedRelease;
}

/**
 * Follows the chain from `trusted` as far as it leads: each root signed by its predecessor and by itself. A bundle older than
 * `trusted` leads nowhere, and its targets are judged by `trusted`. Other roots in the chain are not verified and not returned.
 */
function followRoots(trusted: RootMetadata, chain: readonly RootMetadata[]): TrustVerdict<Verification["roots"]> {
  const roots: [RootMetadata, ...RootMetadata[]] = [trusted];
  let root = trusted;
  for (const next of chain) {
    if (next.signed.version <= root.signed.version) continue;
    if (next.signed.version !== root.signed.version + 1) {
      return distrust("signature-invalid", `root version ${root.signed.version + 1} is missing in the chain`);
    }
    for (const by of [root, next]) {
      const signed = signatureFault(by, "root", next);
      if (!signed.ok) return signed;
    }
    root = next;
    roots.push(next);
  }
  return accept(roots);
}

export function verifyRelease(trusted: RootMetadata, bundle: Bundle): TrustVerdict<Verification> {
  const followed = followRoots(trusted, bundle.roots);
  if (!followed.ok) return followed;
  const roots = followed.value;
  const root = roots.at(-1) as RootMetadata;
  const targets = signatureFault(root, "targets", bundle.targets);
  if (!targets.ok) return targets;
  const fresh = verifyFreshness(root, bundle);
  if (!fresh.ok) return fresh;
  const images = signedImages(bundle);
  if (!images.ok) return images;
  return accept({
    roots,
    release: {
      root: roleFacts(root),
      targets: roleFacts(bundle.targets),
      timestamp: bundle.freshness && freshnessFacts(bundle.freshness),
      images: images.value,
    },
  });
}

function freshnessFacts({ snapshot, timestamp }: NonNullable<Bundle["freshness"]>): SignedRole {
  const facts = roleFacts(timestamp);
  return { ...facts, expiresAtMs: Math.min(facts.expiresAtMs, roleFacts(snapshot).expiresAtMs) };
}

/** The timestamp names the snapshot, the snapshot the targets: parts of different bundles do not fit together. */
function verifyFreshness(root: RootMetadata, { freshness, targets }: Bundle): TrustVerdict<null> {
  if (freshness === null) return accept(null);
  const { snapshot, timestamp } = freshness;
  for (const [role, metadata] of [
    ["timestamp", timestamp],
    ["snapshot", snapshot],
  ] as const) {
    const signed = signatureFault(root, role, metadata);
    if (!signed.ok) return signed;
  }
  const links = [
    { name: "snapshot.json", meta: timestamp.signed.snapshotMeta, metadata: snapshot },
    { name: "targets.json", meta: snapshot.signed.meta["targets.json"], metadata: targets },
  ];
  for (const { name, meta, metadata } of links) {
    if (meta?.version !== metadata.signed.version) return distrust("signature-invalid", `${name} belongs to another bundle`);
    try {
      meta.verify(canonicalBytes(metadata.toJSON()));
    } catch {
      return distrust("signature-invalid", `${name} belongs to another bundle`);
    }
  }
  return accept(null);
}

/** The images that the targets list. Not verified. */
export function signedImages({ targets }: Bundle): TrustVerdict<readonly SignedImage[]> {
  const images: SignedImage[] = [];
  for (const file of Object.values(targets.signed.targets)) {
    const image = imageOf(file);
    if (image === undefined) return distrust("bundle-malformed", `targets: ${file.path.slice(0, 64)} is not described as an image`);
    images.push(image);
  }
  return accept(images);
}

function imageOf({ length, hashes, custom }: TargetFile): SignedImage | undefined {
  const sha256 = hashes["sha256"];
  const { version, families, securityVersion, chunks } = custom as JsonObject;
  if (sha256 === undefined || !isSha256Hex(sha256) || !Number.isSafeInteger(length) || length < 1) return undefined;
  if (typeof version !== "string" || !/^[!-~]{1,64}$/.test(version)) return undefined;
  if (!Array.isArray(families) || families.length === 0) return undefined;
  if (!families.every((family) => typeof family === "string" && /^[a-z0-9._-]{1,32}$/.test(family))) return undefined;
  if (!Number.isSafeInteger(securityVersion) || (securityVersion as number) < 0) return undefined;
  if (!Array.isArray(chunks) || chunks.length !== Math.ceil(length / imageChunkBytes)) return undefined;
  if (!chunks.every((chunk) => typeof chunk === "string" && isSha256Hex(chunk))) return undefined;
  return {
    sizeBytes: length,
    sha256,
    families: families as string[],
    version,
    securityVersion: securityVersion as number,
    chunks: { chunkBytes: imageChunkBytes, sha256s: chunks as string[] },
  };
}
