/** The controller's two releases, each a set of images by family. */
import { type Result, success } from "../../base/failure.js";
import type { Instant } from "../../base/time.js";
import type { ReleaseName } from "../upgrade/limits.js";
import { familyOfName } from "../upgrade/models.js";
import type { NewImage } from "./orders.js";
import type { Outbox } from "./outbox.js";
import { type ImageRecord, keys } from "./records.js";
import { refuse } from "./refusals.js";

const unique = (texts: readonly string[]): string[] => [...new Set(texts)];

const checks: readonly (readonly [ok: (image: NewImage) => boolean, what: string])[] = [
  [({ sizeBytes }) => Number.isSafeInteger(sizeBytes) && sizeBytes > 0, "the file is empty"],
  [({ sizeBytes }) => sizeBytes < 2 ** 32, "the file is 4 GiB or more, which RFC 5415 cannot describe"],
  [({ version }) => /^[!-~]{1,64}$/.test(version), "the version must be 1 to 64 printable characters without blanks"],
  [({ version }) => version !== "0.0.0.0", "version 0.0.0.0 means an empty slot"],
  [
    ({ models }) => models.length > 0 && models.every((model) => /^[ -~]{1,64}$/.test(model) && model.trim() !== ""),
    "it needs one model or more",
  ],
  [({ release }) => release === "primary" || release === "backup", "the release must be primary or backup"],
  [({ sha256 }) => /^[0-9a-f]{64}$/.test(sha256), "its SHA-256 is not 64 lower-case hex digits"],
  [({ md5 }) => /^[0-9a-f]{32}$/.test(md5), "its MD5 is not 32 lower-case hex digits"],
  [({ fileName }) => /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(fileName), 'the file name must be letters, digits, ".", "_" and "-"'],
];

export class ImageCatalogue {
  readonly #images = new Map<string, ImageRecord>();
  readonly #outbox: Outbox;

  constructor(records: readonly ImageRecord[], outbox: Outbox) {
    this.#outbox = outbox;
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

  bySha256(sha256: string): ImageRecord | undefined {
    for (const image of this.#images.values()) if (image.sha256 === sha256) return image;
    return undefined;
  }

  /** The version that a release stands for: that of its newest image. */
  version(release: ReleaseName): string | null {
    return this.all().findLast((image) => image.release === release)?.version ?? null;
  }

  check(image: NewImage): Result<readonly string[]> {
    const failed = checks.find(([ok]) => !ok(image));
    return failed ? refuse.badImage(failed[1]) : success(unique(image.models.map(familyOfName)));
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
    const record: ImageRecord = {
      id: `${release}-${sha256.slice(0, 12)}`,
      version,
      models,
      families,
      release,
      sizeBytes,
      sha256,
      md5,
      fileName,
      addedAt: now,
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

  /** Has the file deleted unless a release still holds it. */
  dropFile(sha256: string): void {
    if (this.bySha256(sha256) === undefined) this.#outbox.imageGone(sha256);
  }

  #store(record: ImageRecord): void {
    this.#images.set(record.id, record);
    this.#outbox.put(keys.image(record.id), record);
  }

  #delete(id: string): void {
    this.#images.delete(id);
    this.#outbox.remove(keys.image(id));
  }
}
