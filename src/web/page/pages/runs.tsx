import { apiPrefix } from "../../../admin/order-paths.js";
import type { RunReport, RunReportRow, RunSummaryRow } from "../../../core/controller/operator/views.js";
import { Figure } from "../run/run-panel.js";
import { order } from "../state/api.js";
import { bytesText, durationText, instantText, percentText } from "../state/format.js";
import { controllerNow, useLive } from "../state/live.js";
import { useResource } from "../state/resource.js";
import { linkTo } from "../state/route.js";
import { FailureNote } from "../ui/note.js";
import { PredownloadCell, RunBadge } from "../ui/status.js";
import { type Column, Table } from "../ui/table.js";

/** Changes when a run starts or ends. Not a count, since the oldest events are dropped. */
const useTurns = (): number =>
  useLive((state) => state.events.findLast(({ event }) => event.type === "run-started" || event.type === "run-finished")?.at ?? 0);

const wanBytesOf = (report: RunSummaryRow): number => report.models.reduce((sum, { wanBytes }) => sum + wanBytes, 0);
const lanBytesOf = (report: RunSummaryRow): number => report.models.reduce((sum, { lanBytes }) => sum + lanBytes, 0);
const durationOf = (report: RunSummaryRow): number => ((report.finishedAt ?? controllerNow()) - report.startedAt) / 1000;
const groupOf = (report: RunSummaryRow): string => report.group ?? "single APs";

const columns: readonly Column<RunSummaryRow>[] = [
  { title: "Run", cell: ({ id }) => <a href={linkTo("monitor", "runs", String(id))}>Run {id}</a>, sortBy: ({ id }) => id },
  { title: "Group", cell: groupOf, sortBy: groupOf },
  { title: "State", cell: ({ state }) => <RunBadge state={state} />, sortBy: ({ state }) => state },
  { title: "Release", cell: ({ release }) => release, sortBy: ({ release }) => release, extra: true },
  { title: "Started", cell: ({ startedAt }) => instantText(startedAt, controllerNow()), sortBy: ({ startedAt }) => startedAt, extra: true },
  { title: "Duration", cell: (report) => durationText(durationOf(report)), sortBy: durationOf, numeric: true },
  {
    title: "Complete",
    cell: ({ counts, apCount }) => `${counts.Complete} of ${apCount}`,
    sortBy: ({ counts }) => counts.Complete,
    numeric: true,
  },
  { title: "WAN", cell: (report) => bytesText(wanBytesOf(report)), sortBy: wanBytesOf, numeric: true },
  {
    title: "WAN saved",
    cell: ({ wanBytesSaved }) => bytesText(wanBytesSaved),
    sortBy: ({ wanBytesSaved }) => wanBytesSaved,
    numeric: true,
    extra: true,
  },
];

export function RunsPage() {
  const turns = useTurns();
  const reports = useResource(() => order({ type: "show-run-summary" }), [turns]);
  return (
    <>
      <p class="path">Monitor</p>
      <h1>Runs</h1>
      <FailureNote failure={reports.failure} />
      <Table
        caption="Runs, newest first"
        captionHidden
        columns={columns}
        rows={reports.value ?? []}
        rowKey={({ id }) => id}
        searchText={(report) => `${report.id} ${groupOf(report)} ${report.state} ${report.release}`}
        empty="No upgrade has run yet. Each run leaves its report here."
      />
    </>
  );
}

const rowColumns: readonly Column<RunReportRow>[] = [
  { title: "AP Name", cell: ({ name }) => <strong>{name}</strong>, sortBy: ({ name }) => name, wraps: true },
  { title: "Model", cell: ({ model }) => model, sortBy: ({ model }) => model, extra: true },
  {
    title: "Status",
    cell: ({ status, failureReason }) => <PredownloadCell status={status} reason={failureReason} />,
    sortBy: ({ status }) => status,
  },
  { title: "From", cell: ({ source }) => source?.toUpperCase() ?? "", sortBy: ({ source }) => source ?? "" },
  {
    title: "Took",
    cell: ({ startedAt, endedAt }) => (startedAt === null || endedAt === null ? "" : durationText((endedAt - startedAt) / 1000)),
    sortBy: ({ startedAt, endedAt }) => (startedAt === null || endedAt === null ? 0 : endedAt - startedAt),
    numeric: true,
  },
  { title: "WAN", cell: ({ wanBytes }) => bytesText(wanBytes), sortBy: ({ wanBytes }) => wanBytes, numeric: true },
  { title: "LAN", cell: ({ lanBytes }) => bytesText(lanBytes), sortBy: ({ lanBytes }) => lanBytes, numeric: true },
  { title: "Tries", cell: ({ tries }) => tries, sortBy: ({ tries }) => tries, numeric: true },
  { title: "Detail", cell: ({ detail }) => detail, extra: true, wraps: true },
];

/** Printable: the browser's print command omits the page around the report. */
export function RunPage({ id }: { id: number }) {
  const turns = useTurns();
  const { value: report, failure } = useResource(() => order({ type: "show-run", run: id }), [id, turns]);
  return (
    <>
      <p class="path">
        Monitor › <a href={linkTo("monitor", "runs")}>Runs</a>
      </p>
      <h1>
        Run {id} {report !== undefined && <RunBadge state={report.state} />}
      </h1>
      <FailureNote failure={failure} />
      {failure?.code === "unknown-run" && (
        <p>
          The controller has no report of this run. <a href={linkTo("monitor", "runs")}>See the reports that it has</a>.
        </p>
      )}
      {report !== undefined && <Report report={report} />}
    </>
  );
}

function Report({ report }: { report: RunReport }) {
  const used = wanBytesOf(report);
  return (
    <>
      <dl class="figures-row tiles">
        <Figure title="Group" value={groupOf(report)} detail={`${report.release} release`} />
        <Figure title="Started" value={instantText(report.startedAt, controllerNow())} detail={durationText(durationOf(report))} />
        <Figure title="Complete" value={`${report.counts.Complete} of ${report.aps.length}`} detail={`${report.counts.Failed} failed`} />
        <Figure
          title="Over the WAN"
          value={bytesText(used)}
          detail={`${percentText(report.wanBytesSaved, used + report.wanBytesSaved)} saved`}
          tone="wan"
        />
        <Figure title="Over the LAN" value={bytesText(lanBytesOf(report))} detail="" tone="lan" />
      </dl>
      <div class="actions no-print">
        <button type="button" onClick={() => print()}>
          Print
        </button>
        <a class="button" download href={`${apiPrefix}/runs/${report.id}/report.csv`}>
          Save as CSV
        </a>
      </div>
      <Table
        caption={`APs of run ${report.id}`}
        captionHidden
        columns={rowColumns}
        rows={report.aps}
        rowKey={({ mac }) => mac}
        pageSize={1000}
        empty="No AP took part."
      />
    </>
  );
}
