/**
 * The source document's Image Upgrade tab, control by control (its GUI procedure, steps 4 to 8). As there, nothing takes effect before Apply
 * and nothing starts before FlexConnect Upgrade.
 */
import { useState } from "preact/hooks";
import type { Failure, Result } from "../../../base/failure.js";
import type { GroupView } from "../../../core/controller/operator/views.js";
import { limits, type ReleaseName } from "../../../core/upgrade/limits.js";
import { RunPanel } from "../run/run-panel.js";
import { order } from "../state/api.js";
import { countText } from "../state/format.js";
import { useMayAct } from "../state/session.js";
import { useConfirm } from "../ui/dialog.js";
import { FailureNote } from "../ui/note.js";
import { actColumn, type Column, Table } from "../ui/table.js";
import { tell } from "../ui/toast.js";
import { GroupActivation } from "./group-activation.js";
import { RunPreview } from "./run-preview.js";

/** The operator's changes that are not applied yet. */
interface Draft {
  readonly enabled?: boolean;
  readonly retryCount?: number;
  /** MAC addresses of manual primaries to add and to remove. */
  readonly add: readonly string[];
  readonly remove: readonly string[];
}
const nothing: Draft = { add: [], remove: [] };

type UpgradeImage = ReleaseName | "abort";
const upgradeImages: readonly (readonly [UpgradeImage, string])[] = [
  ["primary", "Primary"],
  ["backup", "Backup"],
  ["abort", "Abort"],
];

export function GroupImageUpgrade({ group }: { group: GroupView }) {
  const [draft, setDraft] = useState(nothing);
  const [image, setImage] = useState<UpgradeImage>("primary");
  const [refusal, setRefusal] = useState<Failure | null>(null);
  const [busy, setBusy] = useState(false);
  const { ask, dialog } = useConfirm();
  const mayChange = useMayAct();
  const enabled = draft.enabled ?? group.predownload;
  const retryCount = draft.retryCount ?? group.retryCount;
  const changed = enabled !== group.predownload || retryCount !== group.retryCount || draft.add.length > 0 || draft.remove.length > 0;

  const apply = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    const result = await applyDraft(group, draft);
    setBusy(false);
    setRefusal(result.ok ? null : result.failure);
    if (!result.ok) return;
    setDraft(nothing);
    tell(result, `Image upgrade settings of ${group.name} were applied`);
  };

  const { min, max } = limits.retryCount;
  const running = group.run?.state === "running";
  const run = group.run !== null && (
    <RunPanel group={group} run={group.run} {...(running && mayChange && { onAbort: () => ask(upgradeQuestion(group, "abort")) })} />
  );
  return (
    <>
      {running && run}
      <div class="columns">
        <section class="card" aria-label="Image Upgrade settings">
          <form onSubmit={apply}>
            <fieldset class="bare" disabled={!mayChange}>
              <label class="check strong">
                <input
                  type="checkbox"
                  checked={enabled}
                  onChange={(event) => setDraft({ ...draft, enabled: event.currentTarget.checked })}
                />
                FlexConnect AP Upgrade
              </label>
              <p class="hint">One AP of each model fetches the image over the WAN; the others take it from that AP over the LAN.</p>
              {enabled && (
                <>
                  <label>
                    Slave Maximum Retry Count
                    <input
                      type="number"
                      min={min}
                      max={max}
                      step="1"
                      required
                      value={retryCount}
                      onInput={(event) => setDraft({ ...draft, retryCount: event.currentTarget.valueAsNumber })}
                    />
                  </label>
                  <p class="hint">
                    {min} to {max}. After so many tries at its primary an AP fetches the image over the WAN.
                  </p>
                  <label>
                    Upgrade Image
                    <select value={image} onChange={(event) => setImage(event.currentTarget.value as UpgradeImage)}>
                      {upgradeImages.map(([value, title]) => (
                        <option key={value} value={value}>
                          {title}
                        </option>
                      ))}
                    </select>
                  </label>
                  <Masters group={group} draft={draft} change={setDraft} mayChange={mayChange} />
                </>
              )}
              <FailureNote failure={refusal} />
              {mayChange && (
                <div class="actions">
                  <button type="submit" disabled={busy || !changed}>
                    Apply
                  </button>
                  <button
                    type="button"
                    class="primary"
                    disabled={changed || !group.predownload || running === (image !== "abort")}
                    onClick={() => ask(upgradeQuestion(group, image))}
                  >
                    FlexConnect Upgrade
                  </button>
                  {changed && <span class="hint">Apply the changes first, then upgrade.</span>}
                  {!changed && group.predownload && running && image !== "abort" && (
                    <span class="hint">A run is in progress: wait for it to end, or choose Abort.</span>
                  )}
                  {!changed && group.predownload && !running && image === "abort" && <span class="hint">There is no run to abort.</span>}
                  {!changed && !group.predownload && (
                    <span class="hint">Check “FlexConnect AP Upgrade” and apply it to be able to upgrade.</span>
                  )}
                </div>
              )}
            </fieldset>
          </form>
        </section>
        {image !== "abort" && group.predownload && !running && <RunPreview group={group} release={image} />}
      </div>
      {!running && <GroupActivation group={group} />}
      {!running && run}
      {dialog}
    </>
  );
}

/** Gives orders one after the other; the first refusal ends it, and earlier ones stay in effect. */
async function applyDraft(group: GroupView, draft: Draft): Promise<Result<null>> {
  const name = group.name;
  const { enabled, retryCount } = draft;
  const steps: (() => Promise<Result<null>>)[] = [];
  if (enabled !== undefined && enabled !== group.predownload) steps.push(() => order({ type: "group-predownload", group: name, enabled }));
  if (retryCount !== undefined && retryCount !== group.retryCount)
    steps.push(() => order({ type: "group-retry-count", group: name, retryCount }));
  for (const ap of draft.remove) steps.push(() => order({ type: "group-primary-remove", group: name, ap }));
  for (const ap of draft.add) steps.push(() => order({ type: "group-primary-add", group: name, ap }));
  for (const step of steps) {
    const result = await step();
    if (!result.ok) return result;
  }
  return { ok: true, value: null };
}

function upgradeQuestion(group: GroupView, image: UpgradeImage) {
  const name = group.name;
  if (image === "abort")
    return {
      title: `Abort the upgrade of ${name}?`,
      action: "Abort upgrade",
      dangerous: true,
      children: (
        <p>
          Running transfers stop within seconds and their partial files are deleted. APs that have the whole image keep it; no AP restarts.
        </p>
      ),
      act: async () => tell(await order({ type: "group-abort", group: name }), `The upgrade of ${name} was aborted`),
    };
  return {
    title: `Upgrade ${name} with the ${image} release?`,
    action: "Start upgrade",
    wide: true,
    children: (
      <>
        <RunPreview group={group} release={image} plain />
        <p>
          Each AP writes the image into the slot that it does not run from, and replaces what is there. APs keep serving clients; none
          restarts until you swap and reset it.
        </p>
      </>
    ),
    act: () => start(group, image),
    override: { code: "peer-differs", action: "Start anyway", act: () => start(group, image, true) },
  };
}

async function start(group: GroupView, release: ReleaseName, force?: true) {
  const result = await order({ type: "group-start", group: group.name, release, ...(force && { force }) });
  const leftOut = result.ok ? result.value.leftOut.length : 0;
  const without = leftOut === 0 ? "" : `; ${countText(leftOut, "AP")} left out`;
  return tell(result, `The upgrade of ${countText(group.aps.length - leftOut, "AP")} in ${group.name} has started${without}`);
}

interface MasterRow {
  readonly mac: string;
  readonly name: string;
  readonly model: string;
  readonly manual: boolean;
  readonly pending: boolean;
  readonly warning: string | null;
}

interface MastersProps {
  readonly group: GroupView;
  readonly draft: Draft;
  readonly change: (draft: Draft) => void;
  readonly mayChange: boolean;
}

function Masters({ group, draft, change, mayChange }: MastersProps) {
  const [chosen, setChosen] = useState("");
  const rows = masterRows(group, draft);
  const candidates = group.aps.filter(({ mac }) => !rows.some((row) => row.mac === mac && row.manual));
  const add = (): void => {
    const remove = draft.remove.filter((mac) => mac !== chosen);
    change({ ...draft, remove, add: remove.length < draft.remove.length ? draft.add : [...draft.add, chosen] });
    setChosen("");
  };
  const takeBack = (row: MasterRow): void =>
    change(row.pending ? { ...draft, add: draft.add.filter((mac) => mac !== row.mac) } : { ...draft, remove: [...draft.remove, row.mac] });
  const columns: readonly Column<MasterRow>[] = [
    { title: "Master AP Name", cell: ({ name }) => name, wraps: true },
    { title: "AP Model", cell: ({ model }) => model },
    {
      title: "Manual",
      cell: ({ manual, pending, warning }) => (
        <>
          {manual ? "Yes" : "No"}
          {pending && <span class="tag">not applied yet</span>}
          {warning !== null && <span class="lane-warning">! {warning}</span>}
        </>
      ),
    },
    ...actColumn<MasterRow>(
      mayChange,
      (row) =>
        row.manual && (
          <button type="button" class="quiet danger-text" aria-label={`Remove master ${row.name}`} onClick={() => takeBack(row)}>
            Remove
          </button>
        ),
    ),
  ];
  return (
    <fieldset>
      <legend>FlexConnect Master APs</legend>
      {mayChange && (
        <div class="inline">
          <label>
            AP Name
            <select value={chosen} onChange={(event) => setChosen(event.currentTarget.value)}>
              <option value="">Choose an AP</option>
              {candidates.map(({ mac, name, model }) => (
                <option key={mac} value={mac}>
                  {name ?? mac}
                  {model === null ? "" : ` (${model})`}
                </option>
              ))}
            </select>
          </label>
          <button type="button" disabled={chosen === ""} onClick={add}>
            Add Master
          </button>
        </div>
      )}
      <Table
        caption="FlexConnect Master APs"
        captionHidden
        columns={columns}
        rows={rows}
        rowKey={({ mac }) => mac}
        empty="No AP of this group has joined yet, so none can be primary."
      />
      <p class="hint">Without a manual master, the AP with the lowest MAC address of each model is used.</p>
    </fieldset>
  );
}

function masterRows(group: GroupView, draft: Draft): readonly MasterRow[] {
  const added = draft.add.map((mac): MasterRow => {
    const member = group.aps.find((ap) => ap.mac === mac);
    return { mac, name: member?.name ?? mac, model: member?.model ?? "", manual: true, pending: true, warning: null };
  });
  const replaced = new Set(
    group.models.filter(({ models }) => added.some(({ model }) => models.includes(model))).map(({ family }) => family),
  );
  const present = group.models.flatMap(({ family, primary, manual, warning }): MasterRow[] =>
    primary === null || replaced.has(family) || draft.remove.includes(primary.mac) ? [] : [{ ...primary, manual, pending: false, warning }],
  );
  return [...present, ...added];
}
