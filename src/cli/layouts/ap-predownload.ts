import type { ApImageRow, ApImageView, PredownloadRole } from "../../core/controller/operator/views.js";
import { columns, dashes, lines } from "./columns.js";

/** The vendor's words for the four roles (CISCO-LWAPP-DOWNLOAD-MIB). */
const roleWords: Readonly<Record<PredownloadRole, string>> = {
  primaryCentral: "masterCentral",
  primaryLocal: "masterLocal",
  subordinateCentral: "slaveCentral",
  subordinateLocal: "slaveLocal",
};

const widths = [18, 13, 14, 14, 14, 6, 12, 24];

/** `show ap predownload`, flexup's own: every known AP with its part in its last run; those that are away with when they were last seen. */
export const apPredownloadText = ({ aps }: ApImageView): string =>
  lines(
    columns(widths, ["AP Name", "State", "Role", "Status", "Version", "Source", "Bytes", "Reason"]).trimEnd(),
    dashes(widths),
    ...aps.map(row),
    ...aps.filter(({ joined }) => !joined).map(({ name, lastSeenAt }) => `${name}: last seen ${new Date(lastSeenAt).toISOString()}`),
  );

const row = (ap: ApImageRow): string =>
  columns(widths, [
    ap.name,
    ap.joined ? "Joined" : "Not Joined",
    ap.role === null ? "-" : roleWords[ap.role],
    ap.status,
    ap.version ?? "None",
    ap.source ?? "-",
    String(ap.wanBytes + ap.lanBytes),
    ap.failureReason ?? "-",
  ]).trimEnd();
