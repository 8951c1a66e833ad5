/** What a controller counts, from its own events and views. */
import type { ControllerEvent } from "../core/controller/events.js";
import type { ControllerHost } from "./controller-host.js";
import type { Metrics } from "./metrics.js";

const backoffBuckets = [0.1, 1, 10, 50, 100, 150, 200, 250, 300, 600, 3600];

/** Registers the controller's metrics and feeds them from now on. */
export function measureController(metrics: Metrics, host: ControllerHost, now: () => number): void {
  const joins = metrics.counter("ap_joins_total", "APs that joined");
  const leaves = metrics.counter("ap_leaves_total", "APs that left");
  const runs = metrics.counter("runs_total", "Upgrade runs by how they ended", ["state"]);
  const transfers = metrics.counter("transfers_total", "Image transfers that ended, by path, role and end", ["path", "role", "end"]);
  const bytes = metrics.counter("image_bytes_total", "Image bytes that APs received, by path", ["path"]);
  const tries = metrics.counter("tries_total", "Tries at a primary that APs reported");
  const fallbacks = metrics.counter("fallbacks_total", "APs that took the WAN because they could not use a primary");
  const elections = metrics.counter("elections_total", "Primaries elected, by reason", ["because"]);
  const lost = metrics.counter("primaries_lost_total", "Primaries lost in a run");
  const orders = metrics.counter("orders_total", "Operator acts, by outcome", ["outcome"]);
  const resets = metrics.counter("resets_total", "AP resets by outcome", ["outcome"]);
  const dropped = metrics.counter("datagrams_dropped_total", "Datagrams dropped, by reason", ["reason"]);
  const backoff = metrics.histogram("backoff_seconds", "Back-off that APs drew after a try that failed", backoffBuckets);

  /** Last report of each transfer, so that reports of totals become increments. */
  const progress = new Map<string, { runId: number; path: string; bytesDone: number; tries: number }>();

  const take: { [Type in ControllerEvent["type"]]?: (event: Extract<ControllerEvent, { type: Type }>) => void } = {
    "ap-joined": () => joins.inc(),
    "ap-left": () => leaves.inc(),
    "run-finished": ({ state }) => runs.inc({ state }),
    "primary-elected": ({ because }) => elections.inc({ because }),
    "primary-lost": () => lost.inc(),
    "ap-phase": ({ runId, mac, role, phase }) => {
      const last = progress.get(mac);
      const path = last?.runId === runId ? last.path : "none";
      if (phase === "complete" || phase === "failed" || phase === "aborted") transfers.inc({ path, role, end: phase });
      if (role === "fallback" && phase === "queued") fallbacks.inc();
    },
    "ap-progress": (event) => {
      const before = progress.get(event.mac);
      const same = before?.runId === event.runId;
      const from = same && before.path === event.path && event.bytesDone >= before.bytesDone ? before.bytesDone : 0;
      if (event.path !== "none") bytes.inc({ path: event.path }, event.bytesDone - from);
      const newTries = event.tries - (same ? before.tries : 0);
      if (newTries > 0) tries.inc(newTries);
      if (newTries > 0 && event.nextRetryAt !== null) backoff.observe(Math.max(0, (event.nextRetryAt - now()) / 1000));
      progress.set(event.mac, event);
    },
    "order-done": () => orders.inc({ outcome: "done" }),
    "order-refused": () => orders.inc({ outcome: "refused" }),
    "reset-confirmed": () => resets.inc({ outcome: "confirmed" }),
    "reset-unconfirmed": () => resets.inc({ outcome: "unconfirmed" }),
    "datagram-dropped": ({ why }) => dropped.inc({ reason: why }),
  };
  host.onEvent((event) => (take[event.type] as ((event: ControllerEvent) => void) | undefined)?.(event));

  metrics.gauge("runs_running", "Upgrade runs that go on now", [], async (gauge) => {
    const runs = await host.order({ type: "show-run-summary" });
    if (runs.ok) gauge.set(runs.value.filter(({ state }) => state === "running").length);
  });
  metrics.gauge("aps", "APs by state", ["state"], async (gauge) => {
    const answer = await host.order({ type: "show-ap-summary" });
    if (!answer.ok) return;
    for (const state of ["Joined", "Not Joined"] as const) gauge.set({ state }, answer.value.filter((ap) => ap.state === state).length);
  });
  metrics.gauge("aps_by_status", "APs by predownload status", ["status"], async (gauge) => {
    const answer = await host.order({ type: "show-ap-image", ap: "all" });
    if (!answer.ok) return;
    for (const status of ["None", "Initiated", "Predownloading", "Complete", "Failed", "NotSupported"] as const)
      gauge.set({ status }, answer.value.aps.filter((ap) => ap.status === status).length);
  });
  metrics.gauge(
    "peer_images",
    "1 for what is known of the peer controller's images; unreachable stands beside what was heard last",
    ["state"],
    async (gauge) => {
      const answer = await host.order({ type: "show-peer" });
      if (!answer.ok || answer.value.peer === null) return;
      const { verdict, trouble } = answer.value.peer;
      for (const state of ["same", "differs", "unknown"] as const) gauge.set({ state }, verdict === state ? 1 : 0);
      gauge.set({ state: "unreachable" }, trouble === null ? 0 : 1);
    },
  );
  metrics.gauge("sessions_in_use", "TFTP sessions of primaries in use, all groups", [], async (gauge) => {
    const groups = await host.order({ type: "show-group-summary" });
    if (!groups.ok) return;
    const views = await Promise.all(groups.value.map(({ name }) => host.order({ type: "show-group", group: name })));
    gauge.set(views.flatMap((view) => (view.ok ? view.value.models : [])).reduce((sum, model) => sum + model.sessions, 0));
  });
}
