import { useMemo } from "preact/hooks";
import type { ReleaseName } from "../../../core/upgrade/limits.js";
import type { Ap } from "../state/ap.js";
import { countText, versionText } from "../state/format.js";
import { useLive } from "../state/live.js";
import { linkTo } from "../state/route.js";
import { useMayAct } from "../state/session.js";
import { useConfirm } from "../ui/dialog.js";
import { Menu } from "../ui/menu.js";
import { JoinBadge, PredownloadBadge } from "../ui/status.js";
import { type Column, Table } from "../ui/table.js";
import { predownloadQuestion, resetQuestion, swapQuestion } from "./ap-questions.js";

const columns: readonly Column<Ap>[] = [
  {
    title: "AP Name",
    cell: ({ summary }) => <a href={linkTo("wireless", "aps", summary.mac)}>{summary.name}</a>,
    sortBy: ({ summary }) => summary.name,
    wraps: true,
  },
  { title: "MAC Address", cell: ({ summary }) => <code>{summary.mac}</code>, sortBy: ({ summary }) => summary.mac, extra: true },
  { title: "Model", cell: ({ summary }) => summary.model, sortBy: ({ summary }) => summary.model, extra: true },
  { title: "State", cell: ({ summary }) => <JoinBadge state={summary.state} />, sortBy: ({ summary }) => summary.state },
  { title: "Link", cell: ({ summary }) => summary.link ?? "none", sortBy: ({ summary }) => summary.link ?? "", extra: true },
  {
    title: "Group",
    cell: ({ summary }) => summary.group !== null && <a href={linkTo("wireless", "groups", summary.group)}>{summary.group}</a>,
    sortBy: ({ summary }) => summary.group ?? "",
    extra: true,
  },
  {
    title: "Signature",
    cell: ({ summary }) => <span class={summary.signature === "unsigned" ? "muted" : ""}>{summary.signature}</span>,
    sortBy: ({ summary }) => summary.signature ?? "",
    extra: true,
  },
  {
    title: "Predownload Status",
    cell: ({ images }) => <PredownloadBadge status={images?.status ?? "None"} />,
    sortBy: ({ images }) => images?.status ?? "None",
  },
  {
    title: "Primary Image",
    cell: ({ images }) => versionText(images?.primaryImage ?? null),
    sortBy: ({ images }) => images?.primaryImage ?? "",
  },
  {
    title: "Backup Image",
    cell: ({ images }) => versionText(images?.backupImage ?? null),
    sortBy: ({ images }) => images?.backupImage ?? "",
  },
];

const searchText = ({ summary, images }: Ap): string =>
  `${summary.name} ${summary.mac} ${summary.model} ${summary.family} ${summary.state} ${summary.link ?? ""} ${summary.group ?? ""} ${images?.primaryImage} ${images?.backupImage} ${images?.status}`;

export function ApsPage() {
  const aps = useLive((state) => state.aps);
  const rows = useMemo(() => [...aps.values()], [aps]);
  const { ask, dialog } = useConfirm();
  const mayChange = useMayAct();
  const all = { selector: "all", title: `all ${countText(rows.length, "AP")}` } as const;
  const predownload = (release: ReleaseName): void => ask(predownloadQuestion(all, release));
  return (
    <>
      <p class="path">Wireless</p>
      <h1>Access Points</h1>
      <Table
        caption="Access Points"
        captionHidden
        columns={columns}
        rows={rows}
        rowKey={({ summary }) => summary.mac}
        searchText={searchText}
        empty="No AP has joined yet. Point an AP at this controller, for example with “flexup ap --controller ADDRESS”."
        tools={
          rows.length > 0 &&
          mayChange && (
            <Menu title="All APs">
              <button type="button" onClick={() => predownload("primary")}>
                Predownload primary…
              </button>
              <button type="button" onClick={() => predownload("backup")}>
                Predownload backup…
              </button>
              <button type="button" onClick={() => ask(swapQuestion(all))}>
                Swap images…
              </button>
              <button type="button" class="danger-text" onClick={() => ask(resetQuestion(all))}>
                Reset…
              </button>
            </Menu>
          )
        }
      />
      {dialog}
    </>
  );
}
