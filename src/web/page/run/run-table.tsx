/** The same run as rows: for screen readers, for search, and for groups too large for a picture. */
import type { GroupView, PredownloadRole } from "../../../core/controller/operator/views.js";
import type { Ap } from "../state/ap.js";
import { bytesText, percentText, rateText } from "../state/format.js";
import { apRates } from "../state/live.js";
import { useSeconds } from "../state/ticker.js";
import { PredownloadCell } from "../ui/status.js";
import { type Column, Table } from "../ui/table.js";

const roleWords: Readonly<Record<PredownloadRole, string>> = {
  primaryCentral: "Primary Central",
  primaryLocal: "Primary Local",
  subordinateCentral: "Subordinate Central",
  subordinateLocal: "Subordinate Local",
};

const columns: readonly Column<Ap>[] = [
  { title: "AP Name", cell: ({ summary }) => <strong>{summary.name}</strong>, sortBy: ({ summary }) => summary.name, wraps: true },
  { title: "Model", cell: ({ summary }) => summary.model, sortBy: ({ summary }) => summary.model, extra: true },
  {
    title: "Status",
    cell: ({ images }) => <PredownloadCell status={images?.status ?? "None"} reason={images?.failureReason ?? null} />,
    sortBy: ({ images }) => images?.status ?? "None",
  },
  {
    title: "Role",
    cell: ({ images }) => (images?.role ? roleWords[images.role] : ""),
    sortBy: ({ images }) => images?.role ?? "",
    extra: true,
  },
  {
    title: "Done",
    cell: ({ images }) => (images === undefined || images.bytesTotal === 0 ? "" : percentText(images.bytesDone, images.bytesTotal)),
    sortBy: ({ images }) => (images === undefined || images.bytesTotal === 0 ? -1 : images.bytesDone / images.bytesTotal),
    numeric: true,
  },
  {
    title: "Rate",
    cell: ({ summary }) => {
      const rates = apRates(summary.mac);
      return rates.wan + rates.lan > 0 ? rateText(rates.wan + rates.lan) : "";
    },
    numeric: true,
    extra: true,
  },
  { title: "WAN", cell: ({ images }) => bytesText(images?.wanBytes ?? 0), sortBy: ({ images }) => images?.wanBytes ?? 0, numeric: true },
  { title: "LAN", cell: ({ images }) => bytesText(images?.lanBytes ?? 0), sortBy: ({ images }) => images?.lanBytes ?? 0, numeric: true },
  {
    title: "Next retry",
    cell: ({ retryAt }) => (retryAt === null ? "" : `${Math.max(0, Math.ceil((retryAt - Date.now()) / 1000))} s`),
    sortBy: ({ retryAt }) => retryAt ?? Number.MAX_SAFE_INTEGER,
    numeric: true,
  },
  { title: "Retries", cell: ({ images }) => images?.retryCount ?? "", sortBy: ({ images }) => images?.retryCount ?? -1, numeric: true },
];

export function RunMembersTable({ group, aps }: { group: GroupView; aps: ReadonlyMap<string, Ap> }) {
  useSeconds(group.run?.state === "running");
  return (
    <Table
      caption={`APs of ${group.name} in this run`}
      captionHidden
      columns={columns}
      rows={group.aps.flatMap(({ mac }) => aps.get(mac) ?? [])}
      rowKey={({ summary }) => summary.mac}
      searchText={({ summary, images }) => `${summary.name} ${summary.mac} ${summary.model} ${images?.status} ${images?.role ?? ""}`}
      empty="No AP of this group has ever joined this controller."
    />
  );
}
