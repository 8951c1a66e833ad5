import { oneWord } from "../../base/one-word.js";
import type { ApImageRow, ApImageView } from "../../core/controller/operator/views.js";
import { columns, dashes, dotted, dottedNumber, lines } from "./columns.js";

const widths = [18, 14, 14, 15, 14, 16, 12, 14];
/** Cells of the last column are padded less than its dashes, as public captures show. */
const rowWidths = [...widths.slice(0, -1), 12];

/**
 * `show ap image`, AireOS 8.3 and 8.5: the joined APs. The last column stays empty: public parsers end a row after the retry count and
 * silently skip one with more. `show ap predownload` has the roles.
 */
export function apImageText({ total, counts, aps }: ApImageView): string {
  const count = (label: string, value: number): string => `\t${dotted(label, value, 48)}`;
  return lines(
    "",
    dotted("Total number of APs", total, 49),
    "Number of APs",
    count("Initiated", counts.initiated),
    count("Downloading", counts.downloading),
    count("Predownloading", counts.predownloading),
    count("Completed predownloading", counts.completedPredownloading),
    count("Not Supported", counts.notSupported),
    count("Failed to Predownload", counts.failedToPredownload),
    "",
    columns(widths, ["", "", "", "Predownload", "Predownload", "", "", "Flexconnect"]).trimEnd(),
    columns(widths, [
      "AP Name",
      "Primary Image",
      "Backup Image",
      "Status",
      "Version",
      "Next Retry Time",
      "Retry Count",
      "Predownload",
    ]).trimEnd(),
    dashes(widths),
    ...(aps.length === 1 ? aps : aps.filter(({ joined }) => joined)).map(row),
  );
}

const row = (ap: ApImageRow): string =>
  columns(rowWidths, [
    ap.name,
    dottedNumber(ap.primaryImage),
    dottedNumber(ap.backupImage),
    ap.status,
    oneWord(ap.version ?? "None"),
    ap.nextRetrySeconds === null ? "NA" : String(ap.nextRetrySeconds),
    ap.retryCount === null ? "NA" : String(ap.retryCount),
    "",
  ]);
