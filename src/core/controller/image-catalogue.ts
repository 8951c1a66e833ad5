/** The controller's two releases, each a set of images by family. */

import { type Result, success } from "../../base/failure.js";
import { isSha256Hex, type Sha256Hex } from "../../base/sha256.js";
import type { Instant } from "../../base/time.js";
import { emptyVersion, type ReleaseName } from "../upgrade/limits.js";
import { familyOfName } from "../upgrade/models.js";
import type { NewImage } from "./operator/new-image.js";
import { refuse } from "./operator/refusals.js";
import { type ReleasesConfig, releaseDifferences, releaseNames } from "./operator/release-config.js";
import type { Outbox } from "./outbox.js";
import type { ImageRecord } from "./records.js";

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
const checks: readonly Check<NewImage>[] = [
  ...factChecks,
  [({ md5 }) => /^[0-9a-f]{32}$/.test(md5), "its MD5 is not 32 lower-case hex digits"],
];

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
  readonly #outbox: Outbox;
  readonly #onChange: ImageListener;

  constructor(records: readonly ImageRecord[], outbox: Outbox, onChange: ImageListener = () => {}) {
    this.#outbox = outbox;
    this.#onChange = onChange;
    for (const record of records) this.#images.set(record.id, record);
  }

  /** Primary release first, then in the order of adding. */
  all(): ImageRecord[] {
    return [...this.#images.values()].sort((a, b) => (a.release === b.release ? a.addedAt - b.addedAt : a.release === "primary" ? -1 : 1));
  }

  get(id: string): ImageRecord | undefined {
    return this.#images.get(id);
  }

  imageFor(release: ReleaseName, family: string): ImageRecord | undefined {
    for (const image of this.#images.values()) if (image.release === release && image.families.includes(family)) return image;
    return undefined;
  }

  bySha256(sha256: Sha256Hex): ImageRecord | undefined {
    for (const image of this.#images.values()) if (image.sha256 === sha256) return image;
    return undefined;
  }

  /** The version that a release stands for: that of its newest image. */
  version(release: ReleaseName): string | null {
    return this.all().findLast((image) => image.release === release)?.version ?? null;
  }

  check(image: NewImage): Result<readonly string[]> {
    const failed = checks.find(([ok]) => !ok(image));
    return failed ? refuse.badImage(failed[1]) : success(familiesOf(image.models));
  }

  /** Images that give way, wholly or for a family, when this one is added. */
  replacedBy(image: NewImage, families: readonly string[]): ImageRecord[] {
    return this.all().filter((other) => other.release === image.release && other.families.some((family) => families.includes(family)));
  }

  /** Adds a checked image; in its release it takes the place of what its families had. */
  add(now: Instant, image: NewImage, families: readonly string[]): ImageRecord {
    const formerDigests = unique(this.all().map(({ sha256 }) => sha256));
    for (const other of this.replacedBy(image, families)) {
      const left = other.families.filter((family) => !families.includes(family));
      if (left.length === 0) this.#delete(other.id);
      else this.#store({ ...other, families: left, models: other.models.filter((model) => left.includes(familyOfName(model))) });
    }
    const { version, models, release, sizeBytes, sha256, md5, fileName } = image;
    const newest = this.all().findLast((other) => other.release === release);
    const record: ImageRecord = {
      id: idOf(release, sha256),
      version,
      models,
      families,
      release,
      sizeBytes,
      sha256,
      md5,
      fileName,
      // The newest of its release, whatever the clock was set to since the others came.
      addedAt: Math.max(now, newest === undefined ? now : newest.addedAt + 1),
    };
    const twin = this.#images.get(record.id);
    const rest = twin?.families.filter((family) => !families.includes(family)) ?? [];
    this.#store(twin ? { ...record, families: [...families, ...rest], models: unique([...models, ...twin.models]) } : record);
    for (const digest of formerDigests) this.dropFile(digest);
    return this.#images.get(record.id) as ImageRecord;
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
      if (sizeBytes !== stored.sizeBytes)
        return refuse.badImage(`the file of SHA-256 ${sha256} has ${stored.sizeBytes} bytes, not ${sizeBytes}`);
      const id = idOf(release, sha256);
      if (images.some((other) => other.id === id)) return refuse.badImage(`the ${release} release lists image ${id} twice`);
      const families = familiesOf(models);
      const peers = images.filter((other) => other.release === release);
      const disputed = families.find((family) => peers.some((other) => other.families.includes(family)));
      if (disputed !== undefined) return refuse.badImage(`the ${release} release lists two images for ${disputed}`);
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
    if (this.bySha256(sha256) === undefined) this.#outbox.imageGone(sha256);
  }

  #store(record: ImageRecord): void {
    this.#onChange(this.#images.get(record.id) ?? null, record);
    this.#images.set(record.id, record);
    this.#outbox.put("image", record.id, record);
  }

  #delete(id: string): void {
    this.#onChange(this.#images.get(id) ?? null, null);
    this.#images.delete(id);
    this.#outbox.remove("image", id);
  }
}

/** When an image was added that must sort behind `previous`: when it was, where that will do. */
function after(previous: ImageRecord | undefined, known: Instant | undefined, now: Instant): Instant {
  if (previous === undefined) return known ?? now;
  return known !== undefined && known > previous.addedAt ? known : Math.max(known ?? now, previous.addedAt + 1);
}
