/** Who belongs to the group, and the rules of its back-off and its WAN. */
import { useState } from "preact/hooks";
import type { Failure } from "../../../base/failure.js";
import type { FallbackPolicy } from "../../../core/controller/orders.js";
import type { GroupView } from "../../../core/controller/views.js";
import { limits } from "../../../core/upgrade/limits.js";
import { order } from "../state/api.js";
import { useLive } from "../state/live.js";
import { linkTo } from "../state/route.js";
import { useConfirm } from "../ui/dialog.js";
import { FailureNote } from "../ui/note.js";
import { JoinBadge } from "../ui/status.js";
import { type Column, Table } from "../ui/table.js";
import { tell } from "../ui/toast.js";

type MemberRow = GroupView["aps"][number];

export function GroupGeneral({ group }: { group: GroupView }) {
  return (
    <div class="columns wide-left">
      <Members group={group} />
      <div>
        <Rules group={group} />
      </div>
    </div>
  );
}

function Members({ group }: { group: GroupView }) {
  const { ask, dialog } = useConfirm();
  const remove = (row: MemberRow): void =>
    ask({
      title: `Take ${row.name ?? row.mac} out of ${group.name}?`,
      action: "Remove from group",
      dangerous: true,
      children: <p>The AP stays joined and keeps its images. It takes no part in this group’s upgrades any more.</p>,
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
    { title: "AP Name", cell: ({ name }) => name ?? <span class="muted">never joined</span>, sortBy: ({ name }) => name ?? "" },
    { title: "Model", cell: ({ model }) => model ?? "", sortBy: ({ model }) => model ?? "", extra: true },
    { title: "Status", cell: ({ status }) => <JoinBadge state={status} />, sortBy: ({ status }) => status },
    {
      title: "Never primary",
      extra: true,
      cell: (row) => (
        <input
          type="checkbox"
          aria-label={`${row.name ?? row.mac}: never elect as primary`}
          checked={row.forcedSubordinate}
          onChange={(event) => void force(row, event.currentTarget.checked)}
        />
      ),
    },
    {
      title: "",
      cell: (row) => (
        <button type="button" class="quiet danger-text" aria-label={`Remove ${row.name ?? row.mac}`} onClick={() => remove(row)}>
          Remove
        </button>
      ),
    },
  ];
  return (
    <section aria-labelledby="members-heading">
      <h2 id="members-heading">FlexConnect APs</h2>
      <AddMember group={group} />
      <Table
        caption={`APs of ${group.name}`}
        captionHidden
        columns={columns}
        rows={group.aps}
        rowKey={({ mac }) => mac}
        searchText={({ mac, name, model }) => `${mac} ${name} ${model}`}
        empty="No AP yet. Add one by its Ethernet MAC address above; it may join later."
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

const fallbackWords: Readonly<Record<FallbackPolicy, string>> = {
  fallback: "takes the image over the WAN",
  wait: "waits for its primary again",
  fail: "gives up",
};

function Rules({ group }: { group: GroupView }) {
  const [refusal, setRefusal] = useState<Failure | null>(null);
  const save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    const number = (name: string): number => Number(fields.get(name));
    const megabits = String(fields.get("megabitsMax")).trim();
    const { name } = group;
    const steps = [
      () => order({ type: "group-backoff", group: name, minSeconds: number("minSeconds"), maxSeconds: number("maxSeconds") }),
      () => order({ type: "group-wave2-refetch", group: name, enabled: fields.get("refetch") !== null }),
      () =>
        order({
          type: "group-wan",
          group: name,
          wan: {
            fallback: fields.get("fallback") as FallbackPolicy,
            transfersMax: number("transfersMax"),
            bytesPerSecondMax: megabits === "" ? null : Math.round((Number(megabits) * 1e6) / 8),
          },
        }),
    ];
    for (const step of steps) {
      const result = await step();
      setRefusal(result.ok ? null : result.failure);
      if (!result.ok) return;
    }
    tell({ ok: true, value: null }, `Rules of ${name} were saved`);
  };
  const { backoffSeconds } = limits;
  return (
    <section class="card" aria-labelledby="rules-heading">
      <h2 id="rules-heading">Rules</h2>
      <form onSubmit={save} key={group.name}>
        <fieldset>
          <legend>Random back-off, seconds</legend>
          <div class="pair">
            <label>
              more than
              <input
                type="number"
                name="minSeconds"
                step="any"
                min={backoffSeconds.labFloor}
                max={backoffSeconds.ceiling}
                defaultValue={String(group.backoffSecondsMin)}
                required
              />
            </label>
            <label>
              up to
              <input
                type="number"
                name="maxSeconds"
                step="any"
                min={backoffSeconds.labFloor}
                max={backoffSeconds.ceiling}
                defaultValue={String(group.backoffSecondsMax)}
                required
              />
            </label>
          </div>
          <p class="hint">A subordinate that finds its primary busy waits a random time in this range and asks again.</p>
        </fieldset>
        <label>
          An AP without tries left
          <select name="fallback" defaultValue={group.wan.fallback}>
            {Object.entries(fallbackWords).map(([value, words]) => (
              <option key={value} value={value} selected={value === group.wan.fallback}>
                {words}
              </option>
            ))}
          </select>
        </label>
        <div class="pair">
          <label>
            WAN transfers at once
            <input type="number" name="transfersMax" min="1" max="200" defaultValue={String(group.wan.transfersMax)} required />
          </label>
          <label>
            WAN limit, Mb/s
            <input
              type="number"
              name="megabitsMax"
              min="0.01"
              step="any"
              placeholder="none"
              defaultValue={group.wan.bytesPerSecondMax === null ? "" : String((group.wan.bytesPerSecondMax * 8) / 1e6)}
            />
          </label>
        </div>
        <label class="check">
          <input type="checkbox" name="refetch" defaultChecked={group.wave2Refetch} />A Wave 2 primary fetches the image even if it has it
        </label>
        <FailureNote failure={refusal} />
        <button type="submit">Save rules</button>
      </form>
    </section>
  );
}
