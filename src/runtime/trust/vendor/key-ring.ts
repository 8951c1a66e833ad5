/** Who may sign what: the private keys at hand and the roles that a root gives to their public halves. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Failure, failure, type Result, success } from "../../../base/failure.js";
import type { RootMetadata } from "../metadata.js";
import { readKey, type SigningKey } from "./signing-key.js";

export const keyRoles = ["root", "release", "freshness"] as const;
export type KeyRole = (typeof keyRoles)[number];
/** The roles of TUF's root that a key of ours signs for. */
const tufRole: Readonly<Record<KeyRole, string>> = { root: "root", release: "targets", freshness: "timestamp" };

export interface SignerOptions {
  readonly passphrase: string | undefined;
  /** Private keys beside those in the folder. */
  readonly keyFiles: readonly string[];
  readonly nowMs: number;
}

export interface KeysFound {
  readonly found: readonly SigningKey[];
  readonly failures: readonly Failure[];
}

/** The folder's keys and those of `keyFiles`. */
export function readKeys(folder: string, { passphrase, keyFiles }: SignerOptions): KeysFound {
  const own = join(folder, "keys");
  const inFolder = existsSync(own) ? readdirSync(own).filter((name) => name.endsWith(".pem")) : [];
  const read = [...inFolder.map((name) => join(own, name)), ...keyFiles].map((file) => readKey(file, passphrase));
  return {
    found: read.flatMap((key) => (key.ok ? [key.value] : [])),
    failures: read.flatMap((key) => (key.ok ? [] : [key.failure])),
  };
}

export const idsOf = (root: RootMetadata, role: KeyRole): readonly string[] => root.signed.roles[tufRole[role]]?.keyIDs ?? [];

export function keyFor(root: RootMetadata, role: KeyRole, keys: KeysFound): Result<SigningKey> {
  const key = keys.found.find(({ id }) => idsOf(root, role).includes(id));
  return key === undefined ? keysMissing(root, role, keys) : success(key);
}

export function keysMissing(root: RootMetadata, role: KeyRole, { failures }: KeysFound): Result<never> {
  const [unread] = failures;
  if (unread !== undefined) return { ok: false, failure: unread };
  const { threshold = 1 } = root.signed.roles[tufRole[role]] ?? {};
  const ids = idsOf(root, role).map((id) => id.slice(0, 12));
  return failure("keys-missing", `${threshold} of the ${role} keys ${ids.join(", ")} must sign: give their files by --key`);
}

export function newKeyFile(folder: string, role: KeyRole): string {
  for (let number = 1; ; number++) {
    const file = join(folder, "keys", `${role}-${number}.pem`);
    if (!existsSync(file)) return file;
  }
}
