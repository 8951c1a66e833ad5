import { useState } from "preact/hooks";
import type { AuditView } from "../../../admin/access-views.js";
import type { Failure } from "../../../base/failure.js";
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
  { title: "What", cell: ({ what }) => what, sortBy: ({ what }) => what, wraps: true },
  { title: "Before", cell: ({ before }) => <code class="value">{valueText(before)}</code>, extra: true, wraps: true },
  { title: "After", cell: ({ after }) => <code class="value">{valueText(after)}</code>, extra: true, wraps: true },
];

export function AuditPage() {
  return (
    <>
      <p class="path">Management</p>
      <h1>Audit</h1>
      {useMayAct("admin") ? <AuditLog /> : <Note tone="info">Only admins can read the audit log.</Note>}
    </>
  );
}

interface Older {
  readonly entries: readonly AuditView[];
  /** The beginning of the log was reached. */
  readonly ended: boolean;
  readonly failure: Failure | null;
}
const nothingOlder: Older = { entries: [], ended: false, failure: null };
/** The controller's page size. */
const atOnce = 200;

function AuditLog() {
  const entries = useResource(() => request<readonly AuditView[]>("GET", "/audit"), []);
  /** Older entries, as far as they were requested. */
  const [older, setOlder] = useState<Older>(nothingOlder);
  const rows = [...(entries.value ?? []), ...older.entries];
  const refresh = (): void => {
    setOlder(nothingOlder);
    entries.reload();
  };
  const more = async (): Promise<void> => {
    const answer = await request<readonly AuditView[]>("GET", `/audit?before=${rows.at(-1)?.id}`);
    if (!answer.ok) setOlder({ ...older, failure: answer.failure });
    else setOlder({ entries: [...older.entries, ...answer.value], ended: answer.value.length < atOnce, failure: null });
  };
  return (
    <>
      <FailureNote failure={entries.failure ?? older.failure} />
      <Table
        caption="Audit, newest first"
        captionHidden
        columns={columns}
        rows={rows}
        rowKey={({ id }) => id}
        searchText={({ who, from, what, before, after }) => `${who} ${from} ${what} ${valueText(before)} ${valueText(after)}`}
        empty="Nobody has changed anything yet."
        tools={
          <button type="button" onClick={refresh}>
            Refresh
          </button>
        }
      />
      {rows.length >= atOnce && !older.ended && (
        <button type="button" onClick={() => void more()}>
          Load older entries
        </button>
      )}
    </>
  );
}
