/** The controller's two releases, each a set of images by the models that they are for. */

import { type Result, success } from "../../base/failure.js";
import { isSha256Hex, type Sha256Hex } from "../../base/sha256.js";
import type { Instant } from "../../base/time.js";
import type { ImageChunks } from "../upgrade/image-chunks.js";
import { emptyVersion, type ReleaseName } from "../upgrade/limits.js";
import { covers, modelPattern } from "../upgrade/model-pattern.js";
import { familyOfName } from "../upgrade/models.js";
import { isVersionLabel } from "../upgrade/version-label.js";
import type { ImageBundle, NewImage } from "./operator/new-image.js";
import { refuse } from "./operator/refusals.js";
import { type ReleasesConfig, releaseDifferences, releaseNames } from "./operator/release-config.js";
import type { Outbox } from "./outbox.js";
import type { BundleRecord, ImageRecord } from "./records.js";
import { contention, type ImageFamily, ReleaseTable } from "./release-table.js";

const unique = (texts: readonly string[]): string[] => [...new Set(texts)];

type Check<T> = readonly [ok: (image: T) => boolean, what: string];

const factChecks: readonly Check<Omit<NewImage, "md5">>[] = [
  [({ sizeBytes }) => Number.isSafeInteger(sizeBytes) && sizeBytes > 0, "the file is empty"],
  [({ sizeBytes }) => sizeBytes < 2 ** 32, "the file is 4 GiB or more, which RFC 5415 cannot describe"],
  [({ version }) => /^[!-~]{1,64}$/.test(version), "the version must be 1 to 64 printable characters without blanks"],
  [({ version }) => version !== emptyVersion, `version ${emptyVersion} means an empty slot`],
  [
    ({ models }) => models.length > 0 && models.every((model) => /^[ -~]{1,64}$/.test(model) && model.trim() !== ""),
    "it needs one model or more",
  ],
  [({ release }) => release === "primary" || release === "backup", "the release must be primary or backup"],
  [({ sha256 }) => isSha256Hex(sha256), "its SHA-256 is not 64 lower-case hex digits"],
  [({ fileName }) => /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(fileName), 'the file name must be letters, digits, ".", "_" and "-"'],
];
/** Of a label that an operator gives; an image keeps the one it has. */
const labelCheck: Check<{ readonly version: string }> = [
  ({ version }) => isVersionLabel(version),
  "the version must be numbers joined by dots, such as 8.10.183.0",
];
const checks: readonly Check<NewImage>[] = [
  ...factChecks,
  labelCheck,
  [({ md5 }) => /^[0-9a-f]{32}$/.test(md5), "its MD5 is not 32 lower-case hex digits"],
];

/** An image that gives way for some of its models or all. */
export interface Replaced {
  readonly image: ImageRecord;
  readonly models: readonly string[];
}

/** What both releases would hold, oldest first in each, and how that differs from what they hold. */
export interface ReleasesPlan {
  readonly images: readonly ImageRecord[];
  readonly changes: readonly string[];
}

const idOf = (release: ReleaseName, sha256: Sha256Hex): string => `${release}-${sha256.slice(0, 12)}`;
const familiesOf = (models: readonly string[]): string[] => unique(models.map(familyOfName));

/** `before` null: a new image. `after` null: it is removed. */
export type ImageListener = (before: ImageRecord | null, after: ImageRecord | null) => void;

export class ImageCatalogue {
  readonly #images = new Map<string, ImageRecord>();
  /** Made when asked for; gone when an image changes. */
  #tables: { [Release in ReleaseName]?: ReleaseTable } = {};
  readonly #faults = new Map<Sha256Hex, string>();
  readonly #chunks = new Map<Sha256Hex, ImageChunks>();
  readonly #bundles = new Map<Sha256Hex, BundleRecord>();
  readonly #outbox: Outbox;
  readonly #onChange: ImageListener;

  constructor(records: readonly ImageRecord[], bundles: readonly BundleRecord[], outbox: Outbox, onChange: ImageListener = () => {}) {
    this.#outbox = outbox;
    this.#onChange = onChange;
    for (const bundle of bundles) this.#bundles.set(bundle.sha256, bundle);
    for (const record of records) this.#images.set(record.id, record);
  }

  /** Primary release first, then in the order of adding. */
  all(): ImageRecord[] {
    return [...this.#images.values()].sort((a, b) => (a.release === b.release ? a.addedAt - b.addedAt : a.release === "primary" ? -1 : 1));
  }

  get(id: string): ImageRecord | undefined {
    return this.#images.get(id);
  }

  /** The image that a release has for an AP of this model. */
  imageForModel(release: ReleaseName, model: string): ImageRecord | undefined {
    return this.familyFor(release, model).image ?? undefined;
  }

  /** Its family: the APs that get the same image. */
  familyFor(release: ReleaseName, model: string): ImageFamily {
    this.#tables[release] ??= new ReleaseTable(this.all().filter((image) => image.release === release));
    return this.#tables[release].familyFor(model);
  }

  bySha256(sha256: Sha256Hex): ImageRecord | undefined {
    for (const image of this.#images.values()) if (image.sha256 === sha256) return image;
    return undefined;
  }

  /** As the file was last read; undefined before that. */
  chunksOf(sha256: Sha256Hex): ImageChunks | undefined {
    return this.#chunks.get(sha256);
  }

  /** @returns whether they were not known */
  noteChunks(sha256: Sha256Hex, chunks: ImageChunks): boolean {
    if (this.#chunks.has(sha256) || this.bySha256(sha256) === undefined) return false;
    this.#chunks.set(sha256, chunks);
    return true;
  }

  /** What proves this image to APs; undefined where it came unsigned. */
  bundleOf(sha256: Sha256Hex): BundleRecord | undefined {
    return this.#bundles.get(sha256);
  }

  /** What is wrong with the file of this image, in words; undefined as far as is known. */
  faultOf(sha256: Sha256Hex): string | undefined {
    return this.#faults.get(sha256);
  }

  /** @returns whether that is new */
  noteCheck(sha256: Sha256Hex, fault: string | null): boolean {
    if (fault === null) return this.#faults.delete(sha256);
    if (this.#faults.get(sha256) === fault || this.bySha256(sha256) === undefined) return false;
    this.#faults.set(sha256, fault);
    return true;
  }

  /** The version that a release stands for: that of its newest image. */
  version(release: ReleaseName): string | null {
    return this.all().findLast((image) => image.release === release)?.version ?? null;
  }

  check(image: NewImage): Result<null> {
    const failed = checks.find(([ok]) => !ok(image));
    return failed ? refuse.badImage(failed[1]) : success(null);
  }

  /** What gives way in its release when this image is added. */
  replacedBy({ release, models, sha256 }: NewImage): Replaced[] {
    const patterns = models.map(modelPattern);
    const isCovered = (model: string): boolean => patterns.some((pattern) => covers(pattern, modelPattern(model)));
    return this.all().flatMap((image) => {
      const replaced = image.release === release && image.sha256 !== sha256 ? image.models.filter(isCovered) : [];
      return replaced.length === 0 ? [] : [{ image, models: replaced }];
    });
  }

  /** Adds a checked image. Models that it covers leave the images of its release that named them. */
  add(now: Instant, image: NewImage, bundle?: ImageBundle): ImageRecord {
    // Its file was measured as it was stored.
    this.#faults.delete(image.sha256);
    const formerDigests = unique(this.all().map(({ sha256 }) => sha256));
    for (const { image: other, models } of this.replacedBy(image)) {
      const left = other.models.filter((model) => !models.includes(model));
      if (left.length === 0) this.#delete(other.id);
      else this.#store({ ...other, models: left, families: familiesOf(left) });
    }
    const { version, release, sizeBytes, sha256, md5, fileName } = image;
    const newest = this.all().findLast((other) => other.release === release);
    const id = idOf(release, sha256);
    const models = unique([...image.models, ...(this.#images.get(id)?.models ?? [])]);
    const record: ImageRecord = {
      id,
      version,
      models,
      families: familiesOf(models),
      release,
      sizeBytes,
      sha256,
      md5,
      fileName,
      // The newest of its release, whatever the clock was set to since the others came.
      addedAt: Math.max(now, newest === undefined ? now : newest.addedAt + 1),
    };
    this.#store(record);
    this.#setBundle(sha256, bundle);
    for (const digest of formerDigests) this.dropFile(digest);
    return record;
  }

  remove(image: ImageRecord): void {
    this.#delete(image.id);
    this.dropFile(image.sha256);
  }

  /** What it takes to make both releases as `wanted`. The bytes of each image must be in the catalogue, in whichever release. Changes nothing. */
  plan(now: Instant, wanted: ReleasesConfig): Result<ReleasesPlan> {
    const entries = releaseNames.flatMap((release) => wanted[release].map((image) => ({ ...image, release })));
    for (const entry of entries) {
      const failed = factChecks.find(([ok]) => !ok(entry));
      if (failed) return refuse.badImage(failed[1]);
    }
    const missing = entries.filter(({ sha256 }) => this.bySha256(sha256) === undefined);
    const [lacking] = missing;
    if (lacking) return refuse.imageMissing(lacking, missing.length - 1);
    const images: ImageRecord[] = [];
    for (const entry of entries) {
      const { release, sha256, sizeBytes, models } = entry;
      const stored = this.bySha256(sha256) as ImageRecord;
      if (entry.version !== stored.version && !labelCheck[0](entry)) return refuse.badImage(labelCheck[1]);
      if (sizeBytes !== stored.sizeBytes)
        return refuse.badImage(`the file of SHA-256 ${sha256} has ${stored.sizeBytes} bytes, not ${sizeBytes}`);
      const id = idOf(release, sha256);
      if (images.some((other) => other.id === id)) return refuse.badImage(`the ${release} release lists image ${id} twice`);
      const families = familiesOf(models);
      const peers = images.filter((other) => other.release === release);
      const disputed = contention([...peers, { models }]);
      if (disputed)
        return refuse.badImage(
          `the ${release} release lists two images for the same models, by "${disputed.one}" and by "${disputed.other}"`,
        );
      const addedAt = after(peers.at(-1), this.#images.get(id)?.addedAt, now);
      images.push({ ...entry, id, families, md5: stored.md5, addedAt });
    }
    return success({ images, changes: releaseDifferences(this.all(), images) });
  }

  /** Puts a plan of this moment in place. */
  carryOut({ images, changes }: ReleasesPlan): void {
    if (changes.length === 0) return;
    const former = this.all();
    for (const { id } of former) if (!images.some((image) => image.id === id)) this.#delete(id);
    for (const image of images) this.#store(image);
    for (const { sha256 } of former) this.dropFile(sha256);
  }

  /** Has the file deleted unless a release still holds it. */
  dropFile(sha256: Sha256Hex): void {
    if (this.bySha256(sha256) !== undefined) return;
    this.#outbox.imageGone(sha256);
    this.#chunks.delete(sha256);
    this.#setBundle(sha256, undefined);
  }

  #setBundle(sha256: Sha256Hex, bundle: ImageBundle | undefined): void {
    const row = bundle && { sha256, ...bundle };
    if (row !== undefined) {
      this.#bundles.set(sha256, row);
      this.#outbox.put("bundle", sha256, row);
    } else if (this.#bundles.delete(sha256)) this.#outbox.remove("bundle", sha256);
  }

  #store(record: ImageRecord): void {
    this.#onChange(this.#images.get(record.id) ?? null, record);
    this.#tables = {};
    this.#images.set(record.id, record);
    this.#outbox.put("image", record.id, record);
  }

  #delete(id: string): void {
    this.#onChange(this.#images.get(id) ?? null, null);
    this.#tables = {};
    this.#images.delete(id);
    this.#outbox.remove("image", id);
  }
}

/** When an image was added that must sort behind `previous`: when it was, where that will do. */
function after(previous: ImageRecord | undefined, known: Instant | undefined, now: Instant): Instant {
  if (previous === undefined) return known ?? now;
  return known !== undefined && known > previous.addedAt ? known : Math.max(known ?? now, previous.addedAt + 1);
}
