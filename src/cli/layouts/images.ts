import type { ImageView } from "../../core/controller/operator/views.js";
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
  ]);
  const header = ["Id", "Release", "Version", "Family", "Models", "Bytes", "SHA-256 begins", "File"];
  const widths = header.map((title, column) => Math.max(title.length, ...cells.map((row) => (row[column] as string).length)));
  return lines(columns(widths, header, "  ").trimEnd(), dashes(widths, "  "), ...cells.map((row) => columns(widths, row, "  ").trimEnd()));
}
