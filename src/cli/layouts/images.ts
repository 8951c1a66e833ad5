import type { ImageAdded, ImageView } from "../../core/controller/operator/views.js";
import { columns, dashes, lines } from "./columns.js";

/** `image ls`, flexup's own. */
export function imagesText(images: readonly ImageView[]): string {
  const cells = images.map((image) => [
    image.id,
    image.release,
    image.version,
    image.families.join(","),
    image.models.join(","),
    String(image.sizeBytes),
    image.sha256.slice(0, 16),
    image.fileName,
    image.signature === null ? "unsigned" : `signed, security ${image.signature.securityVersion}`,
  ]);
  const header = ["Id", "Release", "Version", "Family", "Models", "Bytes", "SHA-256 begins", "File", "Signature"];
  const widths = header.map((title, column) => Math.max(title.length, ...cells.map((row) => (row[column] as string).length)));
  return lines(columns(widths, header, "  ").trimEnd(), dashes(widths, "  "), ...cells.map((row) => columns(widths, row, "  ").trimEnd()));
}

/** Outcome of `image add`: the image, the images it replaces, and models that it may be meant for. */
export function imageAddedText({ id, version, models, release, sizeBytes, sha256, replaced, suggested }: ImageAdded): string {
  const names = suggested.map(({ model, apCount }) => `${model} (${apCount === 1 ? "1 AP" : `${apCount} APs`})`);
  return lines(
    `Image ${id}: ${version} for ${models.join(", ")} in the ${release} release, ${sizeBytes} bytes, SHA-256 ${sha256}`,
    ...replaced.map(
      (other) => `Replaces image ${other.id} (${other.version}) for ${other.models.join(", ")}${other.removed ? "; removed" : ""}`,
    ),
    ...(names.length === 0
      ? []
      : [`Without an image in the ${release} release: ${names.join(", ")}; these usually run the same image; add it for them if so`]),
  );
}
