import { basename, join } from "node:path";
import { failure, type Result, success } from "../../../base/failure.js";
import type { SignedImage } from "../../../core/trust/release.js";
import { bundleBytesMax } from "../../../core/trust/release.js";
import { bundleBytes } from "../bundle.js";
import type { RootMetadata } from "../metadata.js";
import { lastTargets, lineOf, readRoots } from "./folder.js";
import { keyFor, readKeys, type SignerOptions } from "./key-ring.js";
import { makeSnapshot, makeTargets, makeTimestamp, type Validity } from "./make-metadata.js";
import { measureImage } from "./measure-image.js";
import { type SigningKey, signWith, writeNew } from "./signing-key.js";

export interface ImageToSign {
  readonly file: string;
  readonly version: string;
  readonly families: readonly string[];
  /** Undefined: as high as that of the last image. */
  readonly securityVersion: number | undefined;
}

/**
 * Writes a bundle for one image to `out`.
 * Failures: `root-unreadable`, `keys-missing`, those of keys and files, `bundle-too-large`.
 */
export async function signRelease(
  folder: string,
  { file, version, families, securityVersion }: ImageToSign,
  validity: { readonly days: number; readonly timestampDays: number | undefined },
  out: string,
  options: SignerOptions,
): Promise<Result<{ readonly image: SignedImage; readonly targetsVersion: number }>> {
  const roots = readRoots(folder);
  if (!roots.ok) return roots;
  const root = roots.value.at(-1) as RootMetadata;
  const keys = readKeys(folder, options);
  const release = keyFor(root, "release", keys);
  if (!release.ok) return release;
  const freshness = validity.timestampDays === undefined ? success(undefined) : keyFor(root, "freshness", keys);
  if (!freshness.ok) return freshness;
  const last = lastTargets(folder);
  if (!last.ok) return last;
  const measured = await measureImage(file);
  if (!measured.ok) return measured;
  const image = { ...measured.value, version, families, securityVersion: securityVersion ?? last.value.securityVersion };
  const targetsVersion = last.value.version + 1;
  const { nowMs } = options;
  const targets = makeTargets(targetsVersion, basename(file), image, { nowMs, days: validity.days });
  signWith(targets, release.value);
  const pin = (days: number, key: SigningKey) => {
    const fresh: Validity = { nowMs, days };
    const snapshot = makeSnapshot(targets, fresh);
    signWith(snapshot, key);
    const timestamp = makeTimestamp(snapshot, fresh);
    signWith(timestamp, key);
    return { snapshot: snapshot.toJSON(), timestamp: timestamp.toJSON() };
  };
  const bytes = bundleBytes({
    roots: roots.value.map((each) => each.toJSON()),
    targets: targets.toJSON(),
    freshness: freshness.value === undefined || validity.timestampDays === undefined ? null : pin(validity.timestampDays, freshness.value),
  });
  if (bytes.length > bundleBytesMax) {
    return failure("bundle-too-large", `the bundle has ${bytes.length} bytes, more than ${bundleBytesMax}: the image is too large`);
  }
  const saved = writeNew(join(folder, "targets", `${targetsVersion}.targets.json`), lineOf(targets.toJSON()));
  if (!saved.ok) return saved;
  const written = writeNew(out, bytes, 0o644);
  return written.ok ? success({ image, targetsVersion }) : written;
}
