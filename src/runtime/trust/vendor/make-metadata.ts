/** Unsigned metadata for a vendor's releases. Times come from the caller. */
import { createHash } from "node:crypto";
import { type Key, Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp } from "@tufjs/models";
import type { SignedImage } from "../../../core/trust/release.js";
import { canonicalBytes } from "../canonical-json.js";
import { type RootMetadata, type SnapshotMetadata, signedAtField, type TargetsMetadata, type TimestampMetadata } from "../metadata.js";

export interface Validity {
  readonly nowMs: number;
  readonly days: number;
}

/** Who signs what. The freshness key signs snapshot and timestamp. */
export interface RoleKeys {
  readonly root: readonly Key[];
  readonly rootThreshold: number;
  readonly release: Key;
  readonly freshness: Key;
}

export function makeRoot(version: number, { root, rootThreshold, release, freshness }: RoleKeys, validity: Validity): RootMetadata {
  const made = new Root({ version, ...common(validity), consistentSnapshot: false });
  for (const key of root) made.addKey(key, "root");
  made.addKey(release, "targets");
  for (const role of ["snapshot", "timestamp"]) made.addKey(freshness, role);
  (made.roles["root"] as { threshold: number }).threshold = rootThreshold;
  return new Metadata(made);
}

/** @param path the image's name in the metadata */
export function makeTargets(version: number, path: string, image: SignedImage, validity: Validity): TargetsMetadata {
  const { sizeBytes, sha256, families, version: imageVersion, securityVersion, chunks } = image;
  const custom = { version: imageVersion, families: [...families], securityVersion, chunks: [...chunks.sha256s] };
  const target = new TargetFile({ path, length: sizeBytes, hashes: { sha256 }, unrecognizedFields: { custom } });
  return new Metadata(new Targets({ version, ...common(validity), targets: { [path]: target } }));
}

/** @param targets signed, as `snapshot` below: each names the very bytes of the one before */
export const makeSnapshot = (targets: TargetsMetadata, validity: Validity): SnapshotMetadata =>
  new Metadata(new Snapshot({ version: targets.signed.version, ...common(validity), meta: { "targets.json": metaFile(targets) } }));

export const makeTimestamp = (snapshot: SnapshotMetadata, validity: Validity): TimestampMetadata =>
  new Metadata(new Timestamp({ version: snapshot.signed.version, ...common(validity), snapshotMeta: metaFile(snapshot) }));

function metaFile(metadata: TargetsMetadata | SnapshotMetadata): MetaFile {
  const bytes = canonicalBytes(metadata.toJSON());
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return new MetaFile({ version: metadata.signed.version, length: bytes.length, hashes: { sha256 } });
}

const dayMs = 86_400_000;

/** What every role has. */
const common = ({ nowMs, days }: Validity) => ({
  specVersion: "1.0.31",
  expires: dateText(nowMs + days * dayMs),
  unrecognizedFields: { [signedAtField]: dateText(nowMs) },
});

const dateText = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
