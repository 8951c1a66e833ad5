/** What an AP counts, from its agent's events and its TFTP server's word. */
import type { ApEvent } from "../../core/ap/contract.js";
import type { Serving } from "../../core/tftp/server/contract.js";
import type { Metrics } from "./metrics.js";

const backoffBuckets = [0.1, 1, 10, 50, 100, 150, 200, 250, 300, 600, 3600];

export interface ApMeter {
  event(event: ApEvent): void;
  serving(serving: Serving): void;
}

/** Registers an AP's metrics. Totals are the process's: a reset of the AP within it does not clear them. */
export function measureAp(metrics: Metrics): ApMeter {
  const joins = metrics.counter("ap_joins_total", "Times that this AP joined a controller");
  const losses = metrics.counter("ap_sessions_lost_total", "CAPWAP sessions that ended, by reason", ["reason"]);
  const resets = metrics.counter("ap_resets_total", "Resets by order of a controller");
  const states = metrics.counter("ap_run_states_total", "States that upgrade runs went through here", ["state"]);
  const refusedOrders = metrics.counter("ap_orders_refused_total", "Upgrade orders that this AP refused, by reason", ["reason"]);
  const tries = metrics.counter("ap_tries_failed_total", "Tries at a primary that failed, by outcome", ["outcome"]);
  const backoff = metrics.histogram("ap_backoff_seconds", "Back-off drawn after a try that failed", backoffBuckets);
  const received = metrics.counter("ap_image_bytes_received_total", "Image bytes received, by path", ["path"]);
  const dropped = metrics.counter("ap_datagrams_dropped_total", "CAPWAP datagrams that changed nothing, by reason", ["reason"]);

  let serving: Serving | undefined;
  metrics.gauge("ap_tftp_sessions", "TFTP sessions that are open", [], (gauge) => gauge.set(serving?.sessions.length ?? 0));
  metrics.gauge("ap_tftp_bytes_served", "Image bytes served by TFTP since the last boot", [], (gauge) =>
    gauge.set(serving?.bytesServed ?? 0),
  );
  metrics.gauge("ap_tftp_refusals", "TFTP requests refused as busy since the last boot", [], (gauge) => gauge.set(serving?.refusals ?? 0));

  /** Reports carry a run's totals; they become increments here. */
  let counted = { runId: 0, wanBytes: 0, lanBytes: 0 };
  const count = (runId: number, { wanBytes, lanBytes }: { readonly wanBytes: number; readonly lanBytes: number }): void => {
    const from = counted.runId === runId ? counted : { wanBytes: 0, lanBytes: 0 };
    received.inc({ path: "wan" }, Math.max(0, wanBytes - from.wanBytes));
    received.inc({ path: "lan" }, Math.max(0, lanBytes - from.lanBytes));
    counted = { runId, wanBytes, lanBytes };
  };

  const take: { [Name in ApEvent["name"]]?: (event: Extract<ApEvent, { name: Name }>) => void } = {
    joined: () => joins.inc(),
    "session-lost": ({ reason }) => losses.inc({ reason }),
    reset: () => resets.inc(),
    "order-refused": ({ reason }) => refusedOrders.inc({ reason }),
    run: ({ runId, progress, nextRetryMs }) => {
      states.inc({ state: progress.state });
      count(runId, progress);
      if (progress.state === "waiting") backoff.observe(nextRetryMs / 1000);
    },
    "try-failed": ({ outcome }) => tries.inc({ outcome }),
    dropped: ({ reason }) => dropped.inc({ reason }),
  };
  return {
    event: (event) => (take[event.name] as ((event: ApEvent) => void) | undefined)?.(event),
    serving: (now) => {
      serving = now;
    },
  };
}
