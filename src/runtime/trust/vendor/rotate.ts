import type { Key } from "@tufjs/models";
import { failure, type Result, success } from "../../../base/failure.js";
import { type RootMetadata, signatureFault } from "../metadata.js";
import { readRoots, rootDays, saveRoot } from "./folder.js";
import { idsOf, type KeyRole, keysMissing, newKeyFile, readKeys, type SignerOptions } from "./key-ring.js";
import { makeRoot, type RoleKeys } from "./make-metadata.js";
import { makeKey, signWith } from "./signing-key.js";

/**
 * Replaces a key by a new one, in a new root that enough of the old root keys sign.
 * @param revoked ID of the root key to replace, or its first digits; for other roles undefined
 */
export function rotateKey(
  folder: string,
  role: KeyRole,
  revoked: string | undefined,
  options: SignerOptions,
): Result<{ readonly rootVersion: number; readonly keyFile: string }> {
  const roots = readRoots(folder);
  if (!roots.ok) return roots;
  const root = roots.value.at(-1) as RootMetadata;
  const keys = readKeys(folder, options);
  const removed = keyToReplace(root, role, revoked);
  if (!removed.ok) return removed;
  const signers = keys.found.filter(({ id }) => idsOf(root, "root").includes(id));
  const { threshold } = root.signed.roles["root"] as { readonly threshold: number };
  const remaining = signers.filter(({ id }) => id !== removed.value).length + (role === "root" ? 1 : 0);
  if (signers.length < threshold || remaining < threshold) return keysMissing(root, "root", keys);
  const keyFile = newKeyFile(folder, role);
  const made = makeKey(keyFile, options.passphrase);
  if (!made.ok) return made;
  const next = makeRoot(root.signed.version + 1, rolesWith(root, role, removed.value, made.value.publicKey), {
    nowMs: options.nowMs,
    days: rootDays,
  });
  for (const key of role === "root" ? [...signers, made.value] : signers) signWith(next, key);
  for (const by of [root, next]) {
    const signed = signatureFault(by, "root", next);
    if (!signed.ok) return failure("keys-missing", signed.fault.detail);
  }
  const saved = saveRoot(folder, next);
  return saved.ok ? success({ rootVersion: next.signed.version, keyFile }) : saved;
}

function keyToReplace(root: RootMetadata, role: KeyRole, revoked: string | undefined): Result<string> {
  const ids = idsOf(root, role);
  if (revoked === undefined && role === "root") {
    return failure("key-unnamed", '--revoke must name the root key to replace, by the ID that "flexup release show" prints');
  }
  const found = ids.filter((id) => id.startsWith(revoked ?? ""));
  if (found.length === 1) return success(found[0] as string);
  return failure("key-unknown", `"${revoked}" names ${found.length} of the ${role} keys ${ids.map((id) => id.slice(0, 12)).join(", ")}`);
}

function rolesWith(root: RootMetadata, role: KeyRole, removed: string, added: Key): RoleKeys {
  const keysOf = (each: KeyRole): Key[] => idsOf(root, each).flatMap((id) => root.signed.keys[id] ?? []);
  const replaced = (each: KeyRole): Key[] => {
    const keys = keysOf(each);
    return each === role ? [...keys.filter(({ keyID }) => keyID !== removed), added] : keys;
  };
  const [release, freshness] = [replaced("release")[0], replaced("freshness")[0]] as [Key, Key];
  const { threshold = 1 } = root.signed.roles["root"] ?? {};
  return { root: replaced("root"), rootThreshold: threshold, release, freshness };
}
