/** What comes after a run: which AP boots its new image and when, the start of that, and its course batch by batch. */
import { useState } from "preact/hooks";
import { stateWords } from "../../../core/controller/activation/activation-state.js";
import type { ActivationRequest } from "../../../core/controller/operator/orders.js";
import type { ActivationPreview, ActivationView, GroupView } from "../../../core/controller/operator/views.js";
import { limits } from "../../../core/upgrade/limits.js";
import { order } from "../state/api.js";
import { countText, durationText } from "../state/format.js";
import { useResource } from "../state/resource.js";
import { useMayAct } from "../state/session.js";
import { useConfirm } from "../ui/dialog.js";
import { FailureNote, Note } from "../ui/note.js";
import { SkippedList } from "../ui/skipped-list.js";
import { type Column, Table } from "../ui/table.js";
import { tell } from "../ui/toast.js";

export function GroupActivation({ group }: { group: GroupView }) {
  const { activation, readyToActivate } = group;
  if (activation === null && readyToActivate === 0) return null;
  return (
    <section class="card" aria-labelledby="activation-heading">
      <h2 id="activation-heading">Activation</h2>
      {activation !== null && <Course activation={activation} />}
      {readyToActivate > 0 && <Start group={group} />}
    </section>
  );
}

// ---- before --------------------------------------------------------------------------------------------------------

type PlannedAp = ActivationPreview["batches"][number]["aps"][number] & {
  readonly batch: number;
  readonly canary: boolean;
  readonly afterSeconds: number;
};

const plannedColumns: readonly Column<PlannedAp>[] = [
  { title: "Batch", cell: ({ batch }) => batch, numeric: true },
  {
    title: "AP",
    cell: ({ name, canary, primary }) => (
      <>
        {name} {canary && <span class="tag">canary</span>} {primary && <span class="tag">primary</span>}
      </>
    ),
    wraps: true,
  },
  { title: "Runs", cell: ({ from }) => from, extra: true },
  { title: "Boots", cell: ({ version }) => version },
  { title: "After", cell: ({ afterSeconds }) => durationText(afterSeconds), numeric: true },
];

const plannedAps = ({ batches }: ActivationPreview): readonly PlannedAp[] =>
  batches.flatMap(({ aps, canary, startsAfterSeconds }, index) =>
    aps.map((ap) => ({ ...ap, batch: index + 1, canary, afterSeconds: startsAfterSeconds })),
  );

function Start({ group }: { group: GroupView }) {
  const { batchPercent, pauseSeconds, failures } = limits.activation;
  const [percent, setPercent] = useState<number>(batchPercent);
  const [pause, setPause] = useState<number>(pauseSeconds.default);
  const [failuresMax, setFailuresMax] = useState<number>(failures.default);
  const [canary, setCanary] = useState("");
  const { ask, dialog } = useConfirm();
  const mayChange = useMayAct();
  const request: ActivationRequest = {
    batch: { kind: "percent", percent },
    pauseSeconds: pause,
    failuresMax,
    ...(canary !== "" && { canary: [canary] }),
  };
  const preview = useResource(
    () => order({ type: "group-activation-preview", group: group.name, ...request }),
    [percent, pause, failuresMax, canary, group.readyToActivate, group.activation?.state.phase],
  );
  const { value } = preview;
  const start = async () =>
    tell(await order({ type: "group-activate", group: group.name, ...request }), `The activation of ${group.name} has started`);
  const number = (label: string, value: number, { min, max }: { min: number; max: number }, set: (value: number) => void) => (
    <label>
      {label}
      <input
        type="number"
        min={min}
        max={max}
        step="1"
        // Live updates draw the form again while somebody types.
        defaultValue={String(value)}
        onInput={(event) => {
          if (event.currentTarget.validity.valid && event.currentTarget.value !== "") set(event.currentTarget.valueAsNumber);
        }}
      />
    </label>
  );
  return (
    <>
      <p>
        {countText(group.readyToActivate, "AP")} in this group can boot the image of the last upgrade. Each is unavailable while it
        restarts.
      </p>
      {mayChange && (
        <form class="inline" onSubmit={(event) => event.preventDefault()}>
          {number("APs in a batch, %", percent, { min: 1, max: 100 }, setPercent)}
          {number("Pause between batches, s", pause, pauseSeconds, setPause)}
          {number("Failures allowed", failuresMax, failures, setFailuresMax)}
          <label>
            Canary
            <select value={canary} onChange={(event) => setCanary(event.currentTarget.value)}>
              <option value="">None</option>
              {group.aps
                .filter(({ status }) => status === "Joined")
                .map(({ mac, name }) => (
                  <option key={mac} value={mac}>
                    {name ?? mac}
                  </option>
                ))}
            </select>
          </label>
        </form>
      )}
      <FailureNote failure={preview.failure} />
      {value !== undefined && (
        <>
          {value.objection !== null && <Note tone="warning">An activation would be refused: {value.objection.message}</Note>}
          {value.expectedSeconds !== null && (
            <p class="hint">
              About {durationText(value.expectedSeconds)} in {countText(value.batches.length, "batch", "batches")}, if each AP restarts
              within {durationText(value.assumedRebootSeconds)}.
            </p>
          )}
          <Table
            caption="APs to activate"
            captionHidden
            columns={plannedColumns}
            rows={plannedAps(value)}
            rowKey={({ mac }) => mac}
            empty="No AP would boot another image."
          />
          <SkippedList aps={value.skipped} />
        </>
      )}
      {mayChange && (
        <div class="actions">
          <button
            type="button"
            class="primary"
            disabled={value === undefined || value.objection !== null}
            onClick={() =>
              ask({
                title: `Activate the new image in ${group.name}?`,
                action: "Activate",
                children: (
                  <p>
                    {countText(group.readyToActivate, "AP")} restart batch by batch, primaries last. A batch waits until the one before has
                    rejoined. An AP whose new image finds no controller returns to its former one.
                  </p>
                ),
                act: start,
              })
            }
          >
            Activate
          </button>
        </div>
      )}
      {dialog}
    </>
  );
}

// ---- its course ----------------------------------------------------------------------------------------------------

type BatchRow = ActivationView["batches"][number] & { readonly number: number };

const batchColumns: readonly Column<BatchRow>[] = [
  { title: "Batch", cell: ({ number, canary }) => `${number}${canary ? " (canary)" : ""}` },
  { title: "Waiting", cell: ({ counts }) => counts.waiting, numeric: true },
  { title: "Restarting", cell: ({ counts }) => counts.underWay, numeric: true },
  { title: "Active", cell: ({ counts }) => counts.active, numeric: true },
  { title: "Failed", cell: ({ counts }) => counts.failed, numeric: true },
  { title: "Skipped", cell: ({ counts }) => counts.skipped, numeric: true, extra: true },
];

const tones = { complete: "good", partial: "warning", stopped: "bad", aborted: "warning" } as const;

function Course({ activation }: { activation: ActivationView }) {
  const { group, state, batches } = activation;
  const mayChange = useMayAct();
  const { ask, dialog } = useConfirm();
  const give = async (type: "group-activation-pause" | "group-activation-resume" | "group-activation-abort", done: string) =>
    tell(await order({ type, group }), `The activation of ${group} ${done}`);
  const isPausable = state.phase === "between" || (state.phase === "batch" && state.sequel === "continue");
  const isResumable = state.phase === "held" || state.phase === "between" || (state.phase === "batch" && state.sequel === "pause");
  return (
    <>
      <Note tone={state.phase === "ended" ? tones[state.outcome] : "info"}>The activation is {stateWords(state)}.</Note>
      {batches.length > 0 && (
        <Table
          caption="Batches"
          captionHidden
          columns={batchColumns}
          rows={batches.map((batch, index) => ({ ...batch, number: index + 1 }))}
          rowKey={({ number }) => number}
          empty=""
        />
      )}
      {mayChange && state.phase !== "ended" && (
        <div class="actions">
          {isPausable && (
            <button type="button" onClick={() => give("group-activation-pause", "pauses after this batch")}>
              Pause
            </button>
          )}
          {isResumable && (
            <button type="button" class="primary" onClick={() => give("group-activation-resume", "continues")}>
              Resume
            </button>
          )}
          <button
            type="button"
            class="danger"
            onClick={() =>
              ask({
                title: `Abort the activation of ${group}?`,
                action: "Abort activation",
                dangerous: true,
                children: <p>The batch in progress is finished. APs that still wait keep running the image that they run now.</p>,
                act: () => give("group-activation-abort", "was aborted"),
              })
            }
          >
            Abort
          </button>
        </div>
      )}
      {dialog}
    </>
  );
}
