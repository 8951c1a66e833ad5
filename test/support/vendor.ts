/** A vendor with a release folder, and forgers who have some of its keys or none. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Metadata, MetadataKind } from "@tufjs/models";
import { type Bundle, bundleBytes, readBundle } from "../../src/runtime/trust/bundle.js";
import { canonicalBytes, type JsonObject, type JsonValue } from "../../src/runtime/trust/canonical-json.js";
import type { RootMetadata } from "../../src/runtime/trust/metadata.js";
import { readTrustRoot } from "../../src/runtime/trust/trust-root.js";
import { initReleaseFolder } from "../../src/runtime/trust/vendor/init.js";
import type { KeyRole } from "../../src/runtime/trust/vendor/key-ring.js";
import { rotateKey } from "../../src/runtime/trust/vendor/rotate.js";
import { signRelease } from "../../src/runtime/trust/vendor/sign.js";
import { readKey, signWith } from "../../src/runtime/trust/vendor/signing-key.js";

export const dayMs = 86_400_000;
/** When the tests' vendor works, later than this software was built. */
export const vendorNowMs = Date.parse("2030-01-01T00:00:00Z");

export interface SignedAs {
  readonly version?: string;
  readonly families?: readonly string[];
  readonly securityVersion?: number;
  readonly days?: number;
  readonly timestampDays?: number;
  readonly nowMs?: number;
}

export class Vendor {
  readonly folder: string;
  #bundles = 0;

  constructor(folder: string) {
    this.folder = folder;
    need(initReleaseFolder(folder, { keys: 3, threshold: 2 }, this.#options(vendorNowMs)));
  }

  get rootFile(): string {
    return join(this.folder, "root.json");
  }

  root(version?: number): RootMetadata {
    return need(readTrustRoot(version === undefined ? this.rootFile : join(this.folder, "roots", `${version}.root.json`)));
  }

  keyFile(name: string): string {
    return join(this.folder, "keys", `${name}.pem`);
  }

  /** A bundle for these bytes. */
  async sign(image: Uint8Array, as: SignedAs = {}): Promise<Buffer> {
    const { version = "8.5.182.0", families = ["ap3g3"], securityVersion, days = 1000, timestampDays, nowMs = vendorNowMs } = as;
    const file = join(this.folder, `image-${++this.#bundles}.bin`);
    const out = join(this.folder, `${this.#bundles}.bundle`);
    writeFileSync(file, image);
    need(await signRelease(this.folder, { file, version, families, securityVersion }, { days, timestampDays }, out, this.#options(nowMs)));
    return readFileSync(out);
  }

  rotate(role: KeyRole, revoked?: string): void {
    need(rotateKey(this.folder, role, revoked, this.#options(vendorNowMs)));
  }

  /** Signs changed targets metadata with a key of the folder. */
  resign(bundle: Uint8Array, change: (signed: JsonObject) => void, key = "release-1"): Buffer {
    const json = JSON.parse(Buffer.from(bundle).toString()) as JsonObject & { targets: { signed: JsonObject } };
    change(json.targets.signed);
    const metadata = Metadata.fromJSON(MetadataKind.Targets, { signed: json.targets.signed, signatures: [] });
    signWith(metadata, need(readKey(this.keyFile(key), undefined)));
    return canonicalBytes({ ...json, targets: metadata.toJSON() });
  }

  #options(nowMs: number) {
    return { passphrase: undefined, keyFiles: [], nowMs };
  }
}

/** Parts of several bundles in one. */
export function mixed(parts: { readonly roots: Buffer; readonly targets: Buffer; readonly freshness: Buffer | null }): Buffer {
  const json = (bytes: Buffer) => JSON.parse(bytes.toString()) as Record<string, JsonValue>;
  const freshness = parts.freshness && json(parts.freshness);
  return bundleBytes({
    roots: json(parts.roots)["roots"] as JsonObject[],
    targets: json(parts.targets)["targets"] as JsonObject,
    freshness: freshness && { snapshot: freshness["snapshot"] as JsonObject, timestamp: freshness["timestamp"] as JsonObject },
  });
}

export function read(bytes: Uint8Array): Bundle {
  const bundle = readBundle(bytes);
  if (!bundle.ok) throw new Error(bundle.fault.detail);
  return bundle.value;
}

function need<T>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: { readonly message: string } },
): T {
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
}
