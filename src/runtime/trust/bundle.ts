/**
 * A bundle: the metadata that proves images, in one file.
 *
 *     {"format":"flexup-bundle-1","roots":[…],"snapshot":…,"targets":…,"timestamp":…}
 *
 * Canonical JSON as a whole. `roots` is the chain from version 1 on. Snapshot and timestamp, TUF's protection against old metadata, are
 * either both present or both absent.
 */
import { bundleBytesMax } from "../../core/trust/release.js";
import { accept, distrust, type TrustVerdict } from "../../core/trust/verdict.js";
import { canonicalBytes, type JsonObject, type JsonValue, parseCanonical } from "./canonical-json.js";
import {
  type RootMetadata,
  rootOf,
  type SnapshotMetadata,
  snapshotOf,
  type TargetsMetadata,
  type TimestampMetadata,
  targetsOf,
  timestampOf,
} from "./metadata.js";

export interface Bundle {
  readonly roots: readonly RootMetadata[];
  readonly targets: TargetsMetadata;
  readonly freshness: { readonly snapshot: SnapshotMetadata; readonly timestamp: TimestampMetadata } | null;
}

const format = "flexup-bundle-1";
const rootsMax = 64;
const names = ["format", "roots", "snapshot", "targets", "timestamp"];

export function readBundle(bytes: Uint8Array): TrustVerdict<Bundle> {
  const parsed = parseCanonical(bytes, bundleBytesMax, "the bundle");
  if (!parsed.ok) return parsed;
  const { format: found, roots: chain, targets: signed, snapshot, timestamp } = parsed.value;
  if (found !== format) return distrust("bundle-malformed", `the bundle's format is not ${format}`);
  const stray = Object.keys(parsed.value).find((name) => !names.includes(name));
  if (stray !== undefined) return distrust("bundle-malformed", `the bundle has an unknown field ${stray.slice(0, 32)}`);
  const roots = readRoots(chain);
  if (!roots.ok) return roots;
  const targets = targetsOf(signed);
  if (!targets.ok) return targets;
  const freshness = readFreshness(snapshot, timestamp);
  return freshness.ok ? accept({ roots: roots.value, targets: targets.value, freshness: freshness.value }) : freshness;
}

/** @param parts metadata as JSON, signed */
export const bundleBytes = (parts: {
  readonly roots: readonly JsonObject[];
  readonly targets: JsonObject;
  readonly freshness: { readonly snapshot: JsonObject; readonly timestamp: JsonObject } | null;
}): Buffer => canonicalBytes({ format, roots: [...parts.roots], targets: parts.targets, ...parts.freshness });

function readRoots(value: JsonValue | undefined): TrustVerdict<readonly RootMetadata[]> {
  if (!Array.isArray(value) || value.length === 0 || value.length > rootsMax) {
    return distrust("bundle-malformed", `roots: expected 1 to ${rootsMax}`);
  }
  const roots: RootMetadata[] = [];
  for (const each of value) {
    const root = rootOf(each);
    if (!root.ok) return root;
    roots.push(root.value);
  }
  return accept(roots);
}

function readFreshness(snapshot: JsonValue | undefined, timestamp: JsonValue | undefined): TrustVerdict<Bundle["freshness"]> {
  if (snapshot === undefined && timestamp === undefined) return accept(null);
  const read = { snapshot: snapshotOf(snapshot), timestamp: timestampOf(timestamp) };
  if (!read.snapshot.ok) return read.snapshot;
  if (!read.timestamp.ok) return read.timestamp;
  return accept({ snapshot: read.snapshot.value, timestamp: read.timestamp.value });
}
