/** A group's run: totals in one line, then the picture, then the table. */
import { useMemo } from "preact/hooks";
import type { GroupView, RunView } from "../../../core/controller/operator/views.js";
import type { Ap } from "../state/ap.js";
import { bytesText, durationText, instantText, rateText } from "../state/format.js";
import { apRates, controllerNow, useLive } from "../state/live.js";
import { useSeconds } from "../state/ticker.js";
import { RunBadge } from "../ui/status.js";
import { RunPicture } from "./run-picture.js";
import { RunMembersTable } from "./run-table.js";

export function RunPanel({ group, run, onAbort }: { group: GroupView; run: RunView; onAbort?: () => void }) {
  const aps = useLive((state) => state.aps);
  return (
    <section class="card" aria-labelledby="run-heading">
      <div class="card-head">
        <h3 id="run-heading">
          Run {run.id} <RunBadge state={run.state} />
        </h3>
        {onAbort !== undefined && (
          <button type="button" class="danger-text" onClick={onAbort}>
            Abort…
          </button>
        )}
      </div>
      <RunSum group={group} run={run} aps={aps} />
      <RunPicture group={group} aps={aps} />
      <RunMembersTable group={group} aps={aps} />
    </section>
  );
}

function RunSum({ group, run, aps }: { group: GroupView; run: RunView; aps: ReadonlyMap<string, Ap> }) {
  useSeconds(run.state === "running");
  const members = useMemo(() => group.aps.flatMap(({ mac }) => aps.get(mac) ?? []), [group, aps]);
  const sum = (of: (model: GroupView["models"][number]) => number): number => group.models.reduce((total, model) => total + of(model), 0);
  const rates = members.map(({ summary }) => apRates(summary.mac));
  const now = controllerNow();
  const wanBytes = sum((model) => model.wanBytes);
  const lanBytes = sum((model) => model.lanBytes);
  const total = group.aps.length;
  return (
    <>
      <ProgressStack run={run} total={total} />
      <dl class="figures-row">
        <Figure title="Started" value={instantText(run.startedAt, now)} detail={`${run.release} release`} />
        <Figure
          title={run.finishedAt === null ? "Running for" : "Took"}
          value={durationText(((run.finishedAt ?? now) - run.startedAt) / 1000)}
          detail={run.finishedAt === null ? "" : `ended ${instantText(run.finishedAt, now)}`}
        />
        <Figure
          title="Complete"
          value={`${run.counts.Complete} of ${total}`}
          detail={run.counts.Failed > 0 ? `${run.counts.Failed} failed` : ""}
        />
        <Figure
          title="Over the WAN"
          value={bytesText(wanBytes)}
          detail={run.finishedAt === null ? rateText(rates.reduce((all, { wan }) => all + wan, 0)) : ""}
          tone="wan"
        />
        <Figure
          title="Over the LAN"
          value={bytesText(lanBytes)}
          detail={run.finishedAt === null ? rateText(rates.reduce((all, { lan }) => all + lan, 0)) : ""}
          tone="lan"
        />
      </dl>
    </>
  );
}

export function Figure(props: { title: string; value: string; detail?: string; tone?: "wan" | "lan" }) {
  return (
    <div class={`figure ${props.tone ?? ""}`}>
      <dt>{props.title}</dt>
      <dd>
        <strong>{props.value}</strong>
        {props.detail !== undefined && <span class="muted">{props.detail}</span>}
      </dd>
    </div>
  );
}

function ProgressStack({ run, total }: { run: RunView; total: number }) {
  const parts = [
    ["good", run.counts.Complete],
    ["busy", run.counts.Predownloading],
    ["waiting", run.counts.Initiated],
    ["bad", run.counts.Failed + run.counts.NotSupported],
  ] as const;
  return (
    <div
      class="stack"
      role="img"
      aria-label={`${run.counts.Complete} of ${total} complete, ${run.counts.Predownloading} predownloading, ${run.counts.Initiated} initiated, ${run.counts.Failed + run.counts.NotSupported} failed`}
    >
      {parts.map(([tone, count]) => (
        <div key={tone} class={tone} style={{ width: `${(100 * count) / Math.max(1, total)}%` }} />
      ))}
    </div>
  );
}
