/**
 * TUF metadata by role: `@tufjs/models` parses and verifies it, and these checks narrow it to what flexup accepts — Ed25519 keys, whole
 * versions, dates in UTC, and a `signed_at` beside `expires`, which provides trusted time without a clock.
 */
import { isDeepStrictEqual } from "node:util";
import { Metadata, MetadataKind, type Root, type Snapshot, type Targets, type Timestamp } from "@tufjs/models";
import type { SignedRole } from "../../core/trust/release.js";
import { accept, distrust, type TrustVerdict } from "../../core/trust/verdict.js";
import { canonicalBytes, type JsonObject, type JsonValue, parseCanonical } from "./canonical-json.js";

export type RootMetadata = Metadata<Root>;
export type TargetsMetadata = Metadata<Targets>;
export type SnapshotMetadata = Metadata<Snapshot>;
export type TimestampMetadata = Metadata<Timestamp>;
type AnyMetadata = RootMetadata | TargetsMetadata | SnapshotMetadata | TimestampMetadata;

/** Our field beside `expires`: when the role was signed. */
export const signedAtField = "signed_at";
const rootBytesMax = 1 << 16;
/** Keys of a root, signatures of a role, images of a bundle: the library's work grows with their square. */
const entriesMax = 64;

const malformed = (what: string, why: string) => distrust("bundle-malformed", `${what}: ${why}`);

/** A `root.json` as it lies on a disk; a line feed at its end is allowed. */
export function readRoot(bytes: Uint8Array): TrustVerdict<RootMetadata> {
  const content = bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes;
  const parsed = parseCanonical(content, rootBytesMax, "the root file");
  return parsed.ok ? rootOf(parsed.value) : parsed;
}

export function rootOf(value: JsonValue | undefined): TrustVerdict<RootMetadata> {
  const parsed = parse("root", value, (json) => Metadata.fromJSON(MetadataKind.Root, json));
  if (!parsed.ok) return parsed;
  const { keys, roles } = parsed.value.signed;
  const all = Object.values(keys);
  const isEd25519 = all.every(({ keyType, scheme, keyVal }) => keyType === "ed25519" && scheme === "ed25519" && isKey(keyVal["public"]));
  if (!isEd25519) return malformed("root", "a key is not an Ed25519 key in hexadecimal");
  // Two names for one key would count twice towards a threshold.
  if (new Set(all.map(({ keyVal }) => keyVal["public"])).size < all.length) return malformed("root", "two keys are the same");
  for (const [name, { keyIDs, threshold }] of Object.entries(roles)) {
    if (!Number.isSafeInteger(threshold) || threshold > keyIDs.length) return malformed("root", `the threshold of ${name} cannot be met`);
  }
  return parsed;
}

export const targetsOf = (value: JsonValue | undefined): TrustVerdict<TargetsMetadata> =>
  parse("targets", value, (json) => Metadata.fromJSON(MetadataKind.Targets, json));
export const snapshotOf = (value: JsonValue | undefined): TrustVerdict<SnapshotMetadata> =>
  parse("snapshot", value, (json) => Metadata.fromJSON(MetadataKind.Snapshot, json));
export const timestampOf = (value: JsonValue | undefined): TrustVerdict<TimestampMetadata> =>
  parse("timestamp", value, (json) => Metadata.fromJSON(MetadataKind.Timestamp, json));

export const roleFacts = ({ signed }: AnyMetadata): SignedRole => ({
  version: signed.version,
  signedAtMs: Date.parse(String(signed.unrecognizedFields[signedAtField])),
  expiresAtMs: Date.parse(signed.expires),
});

/** Whether enough keys that `root` names for the role have signed. */
export function signatureFault(root: RootMetadata, role: string, metadata: AnyMetadata): TrustVerdict<null> {
  try {
    root.verifyDelegate(role, metadata);
    return accept(null);
  } catch (error) {
    return distrust("signature-invalid", `${(error as Error).message}, by root version ${root.signed.version}`);
  }
}

const isKey = (text: string | undefined): boolean => text !== undefined && /^[0-9a-f]{64}$/.test(text);
const isDate = (value: unknown): boolean =>
  typeof value === "string" && /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/.test(value) && Number.isFinite(Date.parse(value));

function parse<T extends AnyMetadata>(role: string, value: JsonValue | undefined, read: (json: JsonObject) => T): TrustVerdict<T> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return malformed(role, "missing");
  const { signatures, signed } = value;
  const crowded = [signatures, childOf(signed, "keys"), childOf(signed, "targets")].some((part) => sizeOf(part) > entriesMax);
  if (crowded) return malformed(role, `more than ${entriesMax} keys, signatures or images`);
  let metadata: T;
  try {
    metadata = read(value);
  } catch (error) {
    return malformed(role, (error as Error).message);
  }
  // Upper-case hex would be a second spelling of the same signature.
  if (!Object.values(metadata.signatures).every(({ sig }) => /^[0-9a-f]{128}$/.test(sig))) {
    return malformed(role, "a signature is not that of an Ed25519 key");
  }
  const { version, expires, unrecognizedFields } = metadata.signed;
  if (!Number.isSafeInteger(version) || version < 1) return malformed(role, "its version is not a whole number from 1");
  if (!isDate(expires) || !isDate(unrecognizedFields[signedAtField])) return malformed(role, "a date is not like 2026-11-28T12:00:00Z");
  // The library verifies its own serialization: nothing may be lost in parsing.
  const isWhole = isDeepStrictEqual(canonicalBytes(metadata.signed.toJSON()), canonicalBytes(signed ?? null));
  return isWhole ? accept(metadata) : malformed(role, "a field is not understood");
}

const isObject = (value: JsonValue | undefined): value is JsonObject | JsonValue[] => typeof value === "object" && value !== null;
const childOf = (value: JsonValue | undefined, name: string): JsonValue | undefined =>
  isObject(value) && !Array.isArray(value) ? value[name] : undefined;
const sizeOf = (value: JsonValue | undefined): number => (isObject(value) ? Object.keys(value).length : 0);
