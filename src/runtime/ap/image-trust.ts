/** Decides which images an AP with a trusted root accepts and boots, without relying on the controller. */
import type { Sha256Hex } from "../../base/sha256.js";
import { admitRelease, barredFromBoot, contentOf, emptyTrustMemory, type OrderedImage, withFloor } from "../../core/trust/trust-rules.js";
import { accept, distrust, type TrustFault, type TrustVerdict } from "../../core/trust/verdict.js";
import { readBundle } from "../trust/bundle.js";
import { canonicalBytes } from "../trust/canonical-json.js";
import { type RootMetadata, readRoot, roleFacts } from "../trust/metadata.js";
import { verifyRelease } from "../trust/verify-release.js";
import type { Disk } from "./disk.js";
import type { StoredTrust } from "./stored-files.js";
import { TrustStore } from "./trust-store.js";

export interface TrustedRoot {
  /** As provisioned (`--trust-root`). */
  readonly root: RootMetadata;
  /** Of this AP's model. */
  readonly family: string;
  /** Release date of this software. */
  readonly builtAtMs: number;
}

export class ImageTrust {
  readonly #store: TrustStore;
  readonly #facts: TrustedRoot;
  #trust: StoredTrust;
  /** Oldest first. */
  #roots: readonly RootMetadata[];

  private constructor(store: TrustStore, facts: TrustedRoot, trust: StoredTrust, roots: readonly RootMetadata[]) {
    this.#store = store;
    this.#facts = facts;
    this.#trust = trust;
    this.#roots = roots;
  }

  /** @param present images in the slots; on the first start with a root they are trusted as found */
  static async open(folder: string, disk: Disk, facts: TrustedRoot, present: readonly Sha256Hex[]): Promise<ImageTrust> {
    const store = new TrustStore(folder, disk);
    const { root } = facts;
    const stored = await store.load();
    if (stored === undefined) {
      const { version, signedAtMs } = roleFacts(root);
      const memory = { ...emptyTrustMemory, rootVersion: version, newestSignedAtMs: signedAtMs };
      const trust = { ...memory, roots: [textOf(root)], provisioned: [...present] };
      await store.save(trust);
      return new ImageTrust(store, facts, trust, [root]);
    }
    const roots = withProvisioned(stored.roots.map(parsedRoot), root);
    return new ImageTrust(store, facts, stored, roots);
  }

  get securityFloor(): number {
    return this.#trust.securityFloor;
  }

  /**
   * Judges an order's image before any byte is fetched. An admitted release is persisted before this resolves.
   * @param bundle undefined to use the stored one
   * @param kept digests of images whose bundles to keep
   */
  async check(
    image: OrderedImage,
    bundle: Uint8Array | undefined,
    allowsDowngrade: boolean,
    kept: readonly Sha256Hex[],
  ): Promise<TrustFault | undefined> {
    const bytes = bundle ?? (await this.#store.bundle(image.sha256));
    if (bytes === undefined) return noBundle.fault;
    const read = readBundle(bytes);
    if (!read.ok) return read.fault;
    const verified = verifyRelease(this.#newestRoot, read.value);
    if (!verified.ok) return verified.fault;
    const { family, builtAtMs } = this.#facts;
    const admitted = admitRelease(verified.value.release, image, { family, builtAtMs, memory: this.#trust, allowsDowngrade });
    if (!admitted.ok) return admitted.fault;
    if (bundle !== undefined) {
      await this.#store.removeBundlesBut([...kept, image.sha256]);
      await this.#store.saveBundle(image.sha256, bundle);
    }
    const roots = [...this.#roots, ...verified.value.roots.slice(1)];
    await this.#save({ ...this.#trust, ...admitted.value.memory, roots: roots.map(textOf) });
    this.#roots = roots;
    return undefined;
  }

  /** Why an image may not be activated, judged by the newest root. */
  async activationFault(image: OrderedImage): Promise<TrustFault | undefined> {
    const judged = await this.#judge(image, [this.#newestRoot]);
    return judged.ok ? undefined : judged.fault;
  }

  /** Why an image may not boot. Revoking its key after activation does not keep an AP from restarting. */
  async bootFault(image: OrderedImage): Promise<TrustFault | undefined> {
    const judged = await this.#judge(image, [...this.#roots].reverse());
    return judged.ok ? undefined : judged.fault;
  }

  /** Persists the floor that the image sets. Call before activating it. */
  async raiseFloorTo(image: OrderedImage): Promise<void> {
    const judged = await this.#judge(image, [...this.#roots].reverse());
    if (judged.ok) await this.#save({ ...this.#trust, ...withFloor(this.#trust, judged.value) });
  }

  get #newestRoot(): RootMetadata {
    return this.#roots.at(-1) as RootMetadata;
  }

  /** The image's security version. */
  async #judge(image: OrderedImage, anchors: readonly RootMetadata[]): Promise<TrustVerdict<number>> {
    const bytes = await this.#store.bundle(image.sha256);
    if (bytes === undefined) return this.#judgeProvisioned(image.sha256);
    const bundle = readBundle(bytes);
    if (!bundle.ok) return bundle;
    const verdicts = anchors.map((root) => verifyRelease(root, bundle.value));
    const verified = verdicts.find(({ ok }) => ok) ?? (verdicts[0] as (typeof verdicts)[number]);
    if (!verified.ok) return verified;
    const signed = contentOf(verified.value.release, image);
    if (!signed.ok) return signed;
    const barred = barredFromBoot(signed.value, this.#facts.family, this.#trust.securityFloor);
    return barred === undefined ? accept(signed.value.securityVersion) : { ok: false, fault: barred };
  }

  #judgeProvisioned(sha256: Sha256Hex): TrustVerdict<number> {
    const { provisioned, securityFloor } = this.#trust;
    if (!provisioned.includes(sha256)) return noBundle;
    if (securityFloor === 0) return accept(0);
    return distrust(
      "below-security-floor",
      `the image is not signed, and security version ${securityFloor} is the lowest that may boot here`,
    );
  }

  async #save(trust: StoredTrust): Promise<void> {
    if (JSON.stringify(trust) === JSON.stringify(this.#trust)) return;
    await this.#store.save(trust);
    this.#trust = trust;
  }
}

const noBundle = distrust("not-signed", "no bundle came with the image");
const textOf = (root: RootMetadata): string => canonicalBytes(root.toJSON()).toString("latin1");

function parsedRoot(text: string): RootMetadata {
  const root = readRoot(Buffer.from(text, "latin1"));
  if (!root.ok) throw new Error(`trust.json holds a root that is not understood: ${root.fault.detail}`);
  return root.value;
}

/** The owner's root takes precedence: a newer one extends the chain, one outside the chain replaces it. */
function withProvisioned(chain: readonly RootMetadata[], root: RootMetadata): readonly RootMetadata[] {
  if (chain.some((each) => textOf(each) === textOf(root))) return chain;
  const newest = chain.at(-1)?.signed.version ?? 0;
  return root.signed.version > newest ? [...chain, root] : [root];
}
