/** Members of the group, and its back-off and WAN rules. */
import { useState } from "preact/hooks";
import type { Failure } from "../../../base/failure.js";
import type { GroupView } from "../../../core/controller/operator/views.js";
import { order } from "../state/api.js";
import { useLive } from "../state/live.js";
import { linkTo } from "../state/route.js";
import { useMayAct } from "../state/session.js";
import { useConfirm } from "../ui/dialog.js";
import { FailureNote } from "../ui/note.js";
import { JoinBadge } from "../ui/status.js";
import { actColumn, type Column, Table } from "../ui/table.js";
import { tell } from "../ui/toast.js";
import { GroupRules } from "./group-rules.js";

type MemberRow = GroupView["aps"][number];

export function GroupGeneral({ group }: { group: GroupView }) {
  return (
    <div class="columns wide-left">
      <Members group={group} />
      <div>
        <GroupRules group={group} />
      </div>
    </div>
  );
}

function Members({ group }: { group: GroupView }) {
  const { ask, dialog } = useConfirm();
  const mayChange = useMayAct();
  const remove = (row: MemberRow): void =>
    ask({
      title: `Take ${row.name ?? row.mac} out of ${group.name}?`,
      action: "Remove from group",
      dangerous: true,
      children: <p>The AP stays joined and keeps its images. It no longer takes part in this group’s upgrades.</p>,
      act: async () =>
        tell(await order({ type: "group-ap-delete", group: group.name, mac: row.mac }), `${row.name ?? row.mac} left ${group.name}`),
    });
  const force = async (row: MemberRow, forced: boolean): Promise<void> => {
    const type = forced ? "group-subordinate-add" : "group-subordinate-remove";
    tell(
      await order({ type, group: group.name, ap: row.mac }),
      forced ? `${row.name ?? row.mac} will never be primary` : `${row.name ?? row.mac} can be elected primary again`,
    );
  };
  const columns: readonly Column<MemberRow>[] = [
    { title: "AP MAC Address", cell: ({ mac }) => <a href={linkTo("wireless", "aps", mac)}>{mac}</a>, sortBy: ({ mac }) => mac },
    {
      title: "AP Name",
      cell: ({ name }) => name ?? <span class="muted">never joined</span>,
      sortBy: ({ name }) => name ?? "",
      wraps: true,
    },
    { title: "Model", cell: ({ model }) => model ?? "", sortBy: ({ model }) => model ?? "", extra: true },
    { title: "Status", cell: ({ status }) => <JoinBadge state={status} />, sortBy: ({ status }) => status, extra: true },
    {
      title: "Never primary",
      extra: true,
      cell: (row) => (
        <input
          type="checkbox"
          aria-label={`${row.name ?? row.mac}: never elect as primary`}
          checked={row.forcedSubordinate}
          disabled={!mayChange}
          onChange={(event) => void force(row, event.currentTarget.checked)}
        />
      ),
    },
    ...actColumn<MemberRow>(mayChange, (row) => (
      <button type="button" class="quiet danger-text" aria-label={`Remove ${row.name ?? row.mac}`} onClick={() => remove(row)}>
        Remove
      </button>
    )),
  ];
  return (
    <section aria-labelledby="members-heading">
      <h2 id="members-heading">FlexConnect APs</h2>
      {mayChange && <AddMember group={group} />}
      <Table
        caption={`APs of ${group.name}`}
        captionHidden
        columns={columns}
        rows={group.aps}
        rowKey={({ mac }) => mac}
        searchText={({ mac, name, model }) => `${mac} ${name} ${model}`}
        empty={`No AP yet.${mayChange ? " Add one by its Ethernet MAC address above; it may join later." : ""}`}
      />
      {dialog}
    </section>
  );
}

function AddMember({ group }: { group: GroupView }) {
  const aps = useLive((state) => state.aps);
  const [mac, setMac] = useState("");
  const [refusal, setRefusal] = useState<Failure | null>(null);
  const groupless = [...aps.values()].filter(({ summary }) => summary.group === null);
  const add = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const result = await order({ type: "group-ap-add", group: group.name, mac: mac.trim() });
    setRefusal(result.ok ? null : result.failure);
    if (result.ok) setMac("");
  };
  return (
    <>
      <form class="inline" onSubmit={add}>
        <label>
          AP MAC address
          <input
            value={mac}
            required
            list="aps-without-group"
            placeholder="00:0a:b8:3b:0b:c2"
            spellcheck={false}
            onInput={(event) => setMac(event.currentTarget.value)}
          />
        </label>
        <datalist id="aps-without-group">
          {groupless.slice(0, 200).map(({ summary }) => (
            <option key={summary.mac} value={summary.mac}>
              {summary.name}
            </option>
          ))}
        </datalist>
        <button type="submit">Add AP</button>
      </form>
      <FailureNote failure={refusal} />
    </>
  );
}
