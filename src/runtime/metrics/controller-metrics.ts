/** What a controller counts, from its own events and views. */
import type { ControllerEvent } from "../../core/controller/events.js";
import type { ControllerHost } from "../controller/controller-host.js";
import type { Metrics } from "./metrics.js";

const backoffBuckets = [0.1, 1, 10, 50, 100, 150, 200, 250, 300, 600, 3600];

interface Totals {
  readonly runId: number;
  readonly wanBytes: number;
  readonly lanBytes: number;
  readonly tries: number;
  /** On which it fetched last. */
  readonly path: string;
}

/** What an event tells of them: phases say nothing of tries and path. */
type Reported = Pick<Totals, "runId" | "wanBytes" | "lanBytes"> & Partial<Totals>;

const noTotals: Totals = { runId: 0, wanBytes: 0, lanBytes: 0, tries: 0, path: "none" };

/** Registers the controller's metrics and feeds them from now on. */
export function measureController(metrics: Metrics, host: Pick<ControllerHost, "onEvent" | "order">, now: () => number): void {
  const joins = metrics.counter("ap_joins_total", "APs that joined");
  const leaves = metrics.counter("ap_leaves_total", "APs that left");
  const runs = metrics.counter("runs_total", "Upgrade runs by how they ended", ["state"]);
  const transfers = metrics.counter("transfers_total", "Image transfers that ended, by path, role and end", ["path", "role", "end"]);
  const bytes = metrics.counter("image_bytes_total", "Image bytes that went to APs, by path", ["path"]);
  const tries = metrics.counter("tries_total", "Tries at a primary that APs reported");
  const fallbacks = metrics.counter("fallbacks_total", "APs that took the WAN because they could not use a primary");
  const elections = metrics.counter("elections_total", "Primaries elected, by reason", ["because"]);
  const lost = metrics.counter("primaries_lost_total", "Primaries lost in a run");
  const orders = metrics.counter("orders_total", "Operator acts, by outcome", ["outcome"]);
  const resets = metrics.counter("resets_total", "AP resets by outcome", ["outcome"]);
  const dropped = metrics.counter("datagrams_dropped_total", "Datagrams dropped, by reason", ["reason"]);
  const backoff = metrics.histogram("backoff_seconds", "Back-off that APs drew after a try that failed", backoffBuckets);

  /** Last totals of each AP in its run, which become increments. */
  const known = new Map<string, Totals>();
  /** Runs that began in this process: what APs counted in an older one is not an increment. */
  const begun = new Set<number>();
  /** @returns tries that are new */
  const noteTotals = (mac: string, reported: Reported): number => {
    const before = known.get(mac);
    const same = before?.runId === reported.runId ? before : undefined;
    const now: Totals = { ...(same ?? { tries: 0, path: "none" }), ...reported };
    const from = same ?? (begun.has(reported.runId) ? noTotals : now);
    known.set(mac, now);
    bytes.inc({ path: "wan" }, Math.max(0, now.wanBytes - from.wanBytes));
    bytes.inc({ path: "lan" }, Math.max(0, now.lanBytes - from.lanBytes));
    return Math.max(0, now.tries - from.tries);
  };

  const take: { [Type in ControllerEvent["type"]]?: (event: Extract<ControllerEvent, { type: Type }>) => void } = {
    "ap-joined": () => joins.inc(),
    "ap-left": () => leaves.inc(),
    "run-started": ({ runId }) => begun.add(runId),
    "run-finished": ({ state }) => runs.inc({ state }),
    "primary-elected": ({ because }) => elections.inc({ because }),
    "primary-lost": () => lost.inc(),
    "ap-phase": ({ mac, runId, wanBytes, lanBytes, role, phase }) => {
      noteTotals(mac, { runId, wanBytes, lanBytes });
      const path = known.get(mac)?.path ?? "none";
      if (phase === "complete" || phase === "failed" || phase === "aborted") transfers.inc({ path, role, end: phase });
      if (role === "fallback" && phase === "queued") fallbacks.inc();
    },
    "ap-progress": ({ mac, runId, wanBytes, lanBytes, tries: triesTold, path, nextRetryAt }) => {
      const newTries = noteTotals(mac, { runId, wanBytes, lanBytes, tries: triesTold, path });
      if (newTries > 0) tries.inc(newTries);
      if (newTries > 0 && nextRetryAt !== null) backoff.observe(Math.max(0, (nextRetryAt - now()) / 1000));
    },
    "ap-bytes": ({ mac, runId, wanBytes, lanBytes }) => {
      noteTotals(mac, { runId, wanBytes, lanBytes });
    },
    "order-done": () => orders.inc({ outcome: "done" }),
    "order-refused": () => orders.inc({ outcome: "refused" }),
    "reset-confirmed": () => resets.inc({ outcome: "confirmed" }),
    "reset-unconfirmed": () => resets.inc({ outcome: "unconfirmed" }),
    "datagram-dropped": ({ why }) => dropped.inc({ reason: why }),
  };
  host.onEvent((event) => (take[event.type] as ((event: ControllerEvent) => void) | undefined)?.(event));

  metrics.gauge("storage_read_only", "1 while the data folder cannot be written and changes are refused", [], async (gauge) => {
    const system = await host.order({ type: "show-system" });
    if (system.ok) gauge.set(system.value.storage.state === "read-only" ? 1 : 0);
  });
  metrics.gauge("storage_unsaved_rows", "Rows that wait in memory for the data folder to be writable", [], async (gauge) => {
    const system = await host.order({ type: "show-system" });
    if (system.ok) gauge.set(system.value.storage.state === "read-only" ? system.value.storage.unsavedRows : 0);
  });
  metrics.gauge("capwap_clear_text", "1 where control messages of APs travel without DTLS", [], async (gauge) => {
    const system = await host.order({ type: "show-system" });
    if (system.ok) gauge.set(system.value.link === "clear" ? 1 : 0);
  });
  metrics.gauge("certificate_expiry_seconds", "When the certificate of the admin API ends, in seconds since 1970", [], async (gauge) => {
    const system = await host.order({ type: "show-system" });
    if (system.ok && system.value.certificate !== null) gauge.set(system.value.certificate.validTo / 1000);
  });
  metrics.gauge("runs_running", "Upgrade runs in progress", [], async (gauge) => {
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
