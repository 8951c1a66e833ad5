import type { AuditView } from "../../../admin/access-views.js";
import { request } from "../state/api.js";
import { instantText } from "../state/format.js";
import { controllerNow } from "../state/live.js";
import { useResource } from "../state/resource.js";
import { useMayAct } from "../state/session.js";
import { FailureNote, Note } from "../ui/note.js";
import { type Column, Table } from "../ui/table.js";

const valueText = (value: unknown): string =>
  value === null || value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);

const columns: readonly Column<AuditView>[] = [
  { title: "Time", cell: ({ at }) => instantText(at, controllerNow()), sortBy: ({ at }) => at },
  { title: "Who", cell: ({ who }) => <strong>{who}</strong>, sortBy: ({ who }) => who },
  { title: "From", cell: ({ from }) => from, sortBy: ({ from }) => from, extra: true },
  { title: "What", cell: ({ what }) => what, sortBy: ({ what }) => what },
  { title: "Before", cell: ({ before }) => <code class="value">{valueText(before)}</code>, extra: true },
  { title: "After", cell: ({ after }) => <code class="value">{valueText(after)}</code>, extra: true },
];

export function AuditPage() {
  return (
    <>
      <p class="path">Management</p>
      <h1>Audit</h1>
      {useMayAct("admin") ? <AuditLog /> : <Note tone="info">Only an admin sees who did what.</Note>}
    </>
  );
}

function AuditLog() {
  const entries = useResource(() => request<readonly AuditView[]>("GET", "/audit"), []);
  return (
    <>
      <FailureNote failure={entries.failure} />
      <Table
        caption="Audit, newest first"
        captionHidden
        columns={columns}
        rows={entries.value ?? []}
        rowKey={({ id }) => id}
        searchText={({ who, from, what, before, after }) => `${who} ${from} ${what} ${valueText(before)} ${valueText(after)}`}
        empty="Nobody has changed anything yet."
        tools={
          <button type="button" onClick={entries.reload}>
            Refresh
          </button>
        }
      />
    </>
  );
}
