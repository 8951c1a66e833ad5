import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { failure, type Result, success } from "../../../base/failure.js";
import { rootDays, saveRoot } from "./folder.js";
import type { SignerOptions } from "./key-ring.js";
import { makeRoot } from "./make-metadata.js";
import { makeKey, type SigningKey, signWith } from "./signing-key.js";

/** Failures: `folder-in-use`, `file-unwritable`. */
export function initReleaseFolder(
  folder: string,
  { keys, threshold }: { readonly keys: number; readonly threshold: number },
  { passphrase, nowMs }: SignerOptions,
): Result<{ readonly keyFiles: readonly string[] }> {
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    return failure("folder-in-use", `${folder} is not empty: give a new folder, so that no key is lost`);
  }
  try {
    for (const name of ["keys", "roots", "targets"]) mkdirSync(join(folder, name), { recursive: true, mode: 0o700 });
  } catch (error) {
    return failure("file-unwritable", `${folder} cannot be made: ${(error as Error).message}`);
  }
  const names = [...Array.from({ length: keys }, (_, index) => `root-${index + 1}`), "release-1", "freshness-1"];
  const keyFiles = names.map((name) => join(folder, "keys", `${name}.pem`));
  const made: SigningKey[] = [];
  for (const file of keyFiles) {
    const key = makeKey(file, passphrase);
    if (!key.ok) return key;
    made.push(key.value);
  }
  const root = made.slice(0, keys);
  const [release, freshness] = made.slice(keys) as [SigningKey, SigningKey];
  const roles = {
    root: root.map(({ publicKey }) => publicKey),
    rootThreshold: threshold,
    release: release.publicKey,
    freshness: freshness.publicKey,
  };
  const metadata = makeRoot(1, roles, { nowMs, days: rootDays });
  for (const key of root) signWith(metadata, key);
  const saved = saveRoot(folder, metadata);
  return saved.ok ? success({ keyFiles }) : saved;
}
