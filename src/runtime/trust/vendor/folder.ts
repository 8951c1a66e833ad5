/**
 * A vendor's offline signing folder; no daemon uses it.
 *
 *     root.json            the newest root: what controllers and APs are given
 *     roots/N.root.json    every root so far
 *     targets/N.targets.json   what was signed, N counting up
 *     keys/ROLE-N.pem      private keys; those of the root belong on media of their own
 *
 * Nothing is overwritten but `root.json`, whose content stays in `roots`.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { failure, type Result, success } from "../../../base/failure.js";
import { bundleBytesMax } from "../../../core/trust/release.js";
import { writeLastingFile } from "../../lasting-file.js";
import { canonicalBytes, type JsonObject, parseCanonical } from "../canonical-json.js";
import { type RootMetadata, targetsOf } from "../metadata.js";
import { asFailure, readTrustRoot } from "../trust-root.js";
import { writeNew } from "./signing-key.js";

export const rootDays = 3650;

/** Metadata as a file holds it. */
export const lineOf = (json: JsonObject): string => `${canonicalBytes(json).toString("latin1")}\n`;

export function saveRoot(folder: string, root: RootMetadata): Result<null> {
  const text = lineOf(root.toJSON());
  const kept = writeNew(join(folder, "roots", `${root.signed.version}.root.json`), text, 0o644);
  if (!kept.ok) return kept;
  writeLastingFile(join(folder, "root.json"), text, 0o644);
  return success(null);
}

/** Oldest first. Failure: `root-unreadable`. */
export function readRoots(folder: string): Result<readonly RootMetadata[]> {
  const roots: RootMetadata[] = [];
  for (const version of versionsIn(join(folder, "roots"), "root")) {
    const read = readTrustRoot(join(folder, "roots", `${version}.root.json`));
    if (!read.ok) return read;
    roots.push(read.value);
  }
  if (roots.length > 0) return success(roots);
  return failure("root-unreadable", `${folder} holds no root: "flexup release init ${folder}" makes one`);
}

export function lastTargets(folder: string): Result<{ readonly version: number; readonly securityVersion: number }> {
  const version = versionsIn(join(folder, "targets"), "targets").at(-1);
  if (version === undefined) return success({ version: 0, securityVersion: 0 });
  const path = join(folder, "targets", `${version}.targets.json`);
  const parsed = parseCanonical(readFileSync(path).subarray(0, -1), bundleBytesMax, path);
  const targets = parsed.ok ? targetsOf(parsed.value) : parsed;
  if (!targets.ok) return asFailure("targets-unreadable", path, targets);
  const versions = Object.values(targets.value.signed.targets).map(({ custom }) => Number(custom["securityVersion"]));
  return success({ version, securityVersion: Math.max(0, ...versions) });
}

/** `7.root.json`: ascending. */
function versionsIn(folder: string, kind: string): number[] {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const pattern = new RegExp(`^(\\d{1,9})\\.${kind}\\.json$`);
  return names.flatMap((name) => Number(pattern.exec(name)?.[1] ?? [])).sort((a, b) => a - b);
}
