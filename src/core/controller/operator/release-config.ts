/** The two releases as a document that can be kept, compared and put back. It describes images; their bytes are not in it. */
import type { ReleaseName } from "../../upgrade/limits.js";
import type { ImageRecord } from "../records.js";
import { differenceLines, differences, type NamedSettings } from "./differences.js";
import type { NewImage } from "./new-image.js";

/** An image of a release. The MD5 follows from the bytes that the SHA-256 names. */
export type ReleaseImage = Omit<NewImage, "release" | "md5">;

/** Oldest first: the last image gives the release its version. */
export type ReleasesConfig = Readonly<Record<ReleaseName, readonly ReleaseImage[]>>;

export const releaseNames: readonly ReleaseName[] = ["primary", "backup"];

/** @param images oldest first */
export function releasesOf(images: readonly ImageRecord[]): ReleasesConfig {
  const of = (release: ReleaseName): ReleaseImage[] => images.filter((image) => image.release === release).map(factsOf);
  return { primary: of("primary"), backup: of("backup") };
}

/** In the lines of `differenceLines`. Both lists oldest first. */
export function releaseDifferences(before: readonly ImageRecord[], after: readonly ImageRecord[]): string[] {
  return [
    ...differences("image", before.map(namedImage), after.map(namedImage)),
    ...differences("release", orders(before, after), orders(after, before)),
  ].flatMap(differenceLines);
}

const factsOf = ({ version, models, fileName, sizeBytes, sha256 }: ImageRecord): ReleaseImage => ({
  version,
  models,
  fileName,
  sizeBytes,
  sha256,
});

export const namedImage = (image: ImageRecord): NamedSettings => ({ name: image.id, settings: { ...factsOf(image) } });

/** The order of the images that both have. */
function orders(images: readonly ImageRecord[], others: readonly ImageRecord[]): NamedSettings[] {
  const shared = images.filter(({ id }) => others.some((other) => other.id === id));
  return releaseNames.map((name) => ({
    name,
    settings: { order: shared.filter(({ release }) => release === name).map(({ id }) => id) },
  }));
}
