import { useState } from "preact/hooks";
import type { Failure } from "../../../base/failure.js";
import type { GroupView } from "../../../core/controller/operator/views.js";
import { order } from "../state/api.js";
import { countText } from "../state/format.js";
import { useLive } from "../state/live.js";
import { linkTo } from "../state/route.js";
import { useMayAct } from "../state/session.js";
import { useConfirm } from "../ui/dialog.js";
import { FailureNote } from "../ui/note.js";
import { RunBadge } from "../ui/status.js";
import { actColumn, type Column, Table } from "../ui/table.js";
import { tell } from "../ui/toast.js";

export function GroupsPage() {
  const groups = useLive((state) => state.groups);
  const { ask, dialog } = useConfirm();
  const mayChange = useMayAct();

  const askDelete = (group: GroupView): void =>
    ask({
      title: `Delete ${group.name}?`,
      action: "Delete group",
      dangerous: true,
      children: (
        <p>
          Its {countText(group.aps.length, "AP")} stay joined and keep their images; they belong to no group afterwards. Its primaries,
          retry count and back-off are lost.
        </p>
      ),
      act: async () => tell(await order({ type: "group-delete", group: group.name }), `${group.name} was deleted`),
    });

  const columns: readonly Column<GroupView>[] = [
    { title: "Group Name", cell: ({ name }) => <a href={linkTo("wireless", "groups", name)}>{name}</a>, sortBy: ({ name }) => name },
    { title: "APs", cell: ({ aps }) => aps.length, sortBy: ({ aps }) => aps.length, numeric: true },
    {
      title: "FlexConnect AP Upgrade",
      cell: ({ predownload }) => (predownload ? "Enabled" : <span class="muted">Disabled</span>),
      sortBy: ({ predownload }) => (predownload ? 0 : 1),
      extra: true,
    },
    { title: "Last run", cell: ({ run }) => <RunBadge state={run?.state ?? null} />, sortBy: ({ run }) => run?.state ?? "" },
    ...actColumn<GroupView>(mayChange, (group) => (
      <button type="button" class="quiet danger-text" aria-label={`Delete ${group.name}`} onClick={() => askDelete(group)}>
        Delete
      </button>
    )),
  ];
  return (
    <>
      <p class="path">Wireless</p>
      <h1>FlexConnect Groups</h1>
      {mayChange && <AddGroup />}
      <Table
        caption="FlexConnect Groups"
        captionHidden
        columns={columns}
        rows={[...groups.values()]}
        rowKey={({ name }) => name}
        searchText={({ name }) => name}
        empty={`No FlexConnect group yet.${mayChange ? " Give the first one a name above: usually one group for each branch." : ""}`}
      />
      {dialog}
    </>
  );
}

function AddGroup() {
  const [name, setName] = useState("");
  const [refusal, setRefusal] = useState<Failure | null>(null);
  const add = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const result = await order({ type: "group-add", group: name.trim() });
    setRefusal(result.ok ? null : result.failure);
    if (!result.ok) return;
    tell(result, `${name.trim()} was added`);
    setName("");
  };
  return (
    <>
      <form class="inline" onSubmit={add}>
        <label>
          New group
          <input value={name} required maxLength={32} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <button type="submit">Add group</button>
      </form>
      <FailureNote failure={refusal} />
    </>
  );
}
