import { Figure } from "../run/run-panel.js";
import { order } from "../state/api.js";
import { bytesText, countText, durationText, percentText, versionText } from "../state/format.js";
import { controllerNow, useLive } from "../state/live.js";
import { useResource } from "../state/resource.js";
import { linkTo } from "../state/route.js";
import { useSeconds } from "../state/ticker.js";
import { EventList } from "../ui/event-list.js";
import { FailureNote } from "../ui/note.js";
import { RunBadge } from "../ui/status.js";

export function DashboardPage() {
  const aps = useLive((state) => state.aps);
  const groups = useLive((state) => state.groups);
  const boot = useLive((state) => state.boot);
  const events = useLive((state) => state.events);
  const finished = events.findLast(({ event }) => event.type === "run-finished")?.at;
  const runs = useResource(() => order({ type: "show-run-summary" }), [finished]);
  const all = [...aps.values()];
  const joined = all.filter(({ summary }) => summary.state === "Joined").length;
  const running = [...groups.values()].filter(({ run }) => run?.state === "running");
  useSeconds(running.length > 0);

  const reports = runs.value ?? [];
  const wanUsed = reports.reduce((sum, { models }) => sum + models.reduce((part, { wanBytes }) => part + wanBytes, 0), 0);
  const wanSaved = reports.reduce((sum, { wanBytesSaved }) => sum + wanBytesSaved, 0);
  const now = controllerNow();
  return (
    <>
      <h1>Dashboard</h1>
      <dl class="figures-row tiles">
        <Figure title="APs joined" value={`${joined} of ${all.length}`} detail={all.length === 0 ? "waiting for the first AP" : ""} />
        <Figure title="Runs now" value={String(running.length)} detail={countText(groups.size, "group")} />
        <Figure title="WAN used" value={bytesText(wanUsed)} detail={`in ${countText(reports.length, "run")}`} tone="wan" />
        <Figure
          title="WAN saved"
          value={bytesText(wanSaved)}
          detail={wanUsed + wanSaved === 0 ? "no run yet" : `${percentText(wanSaved, wanUsed + wanSaved)} less than one copy per AP`}
          tone="lan"
        />
        <Figure title="Primary release" value={versionText(boot.primary)} detail={`backup ${versionText(boot.backup)}`} />
      </dl>
      <FailureNote failure={runs.failure} />
      <div class="columns">
        <section class="card" aria-labelledby="running-heading">
          <h2 id="running-heading">Runs</h2>
          {groups.size === 0 && (
            <p class="empty">
              No FlexConnect group yet. <a href={linkTo("wireless", "groups")}>Add one</a> and put a branch’s APs into it.
            </p>
          )}
          <ul class="rows">
            {[...groups.values()]
              .filter(({ run }) => run !== null)
              .sort((a, b) => (b.run?.startedAt ?? 0) - (a.run?.startedAt ?? 0))
              .slice(0, 8)
              .map(({ name, run, aps: members }) => (
                <li key={name}>
                  <a href={linkTo("wireless", "groups", name, "image-upgrade")}>{name}</a>
                  <RunBadge state={run?.state ?? null} />
                  <span class="muted figures">
                    {run?.counts.Complete} of {members.length}
                    {run !== null && ` · ${durationText(((run.finishedAt ?? now) - run.startedAt) / 1000)}`}
                  </span>
                </li>
              ))}
          </ul>
          <a href={linkTo("monitor", "runs")}>All runs</a>
          {groups.size > 0 && ![...groups.values()].some(({ run }) => run !== null) && (
            <p class="empty">
              No run yet. Open a <a href={linkTo("wireless", "groups")}>group</a> and its Image Upgrade tab to start one.
            </p>
          )}
        </section>
        <section class="card" aria-labelledby="events-heading">
          <h2 id="events-heading">Last events</h2>
          <EventList events={events.slice(-12).reverse()} />
          <a href={linkTo("monitor", "events")}>All events</a>
        </section>
      </div>
    </>
  );
}
