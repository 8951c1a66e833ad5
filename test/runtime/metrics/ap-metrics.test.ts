import t from "tap";
import type { RunProgress } from "../../../src/core/ap/contract.js";
import { measureAp } from "../../../src/runtime/metrics/ap-metrics.js";
import { Metrics } from "../../../src/runtime/metrics/metrics.js";
import { openMetricsPage } from "../../../src/runtime/metrics/metrics-page.js";

t.test("an AP's metrics over HTTP", async (t) => {
  const metrics = new Metrics("ap");
  const meter = measureAp(metrics);
  const progress: RunProgress = { state: "fetching", path: "lan", tries: 0, wanBytes: 0, lanBytes: 500, reason: "none", detail: "" };
  meter.event({ name: "run", runId: 1, progress, nextRetryMs: 0 });
  meter.event({ name: "run", runId: 1, progress: { ...progress, state: "waiting", tries: 1, lanBytes: 700 }, nextRetryMs: 120_000 });
  meter.event({ name: "try-failed", runId: 1, tries: 1, outcome: "busy", detail: "" });
  meter.event({ name: "run", runId: 2, progress: { ...progress, lanBytes: 50 }, nextRetryMs: 0 });
  const peer = { address: "10.0.0.9", port: 1000 };
  meter.serving({
    sessions: [{ peer, fileName: "f", bytesDone: 1, sizeBytes: 2 }],
    ...{ bytesServed: 9, refusals: 4, sessionsComplete: 0, sessionsFailed: 0, datagramsDropped: 0 },
  });
  const page = await openMetricsPage(metrics, { address: "127.0.0.1", port: 0 });
  if (!page.ok) throw new Error(page.failure.message);
  t.teardown(() => page.value.close());
  const base = `http://127.0.0.1:${page.value.local.port}`;
  const text = await (await fetch(`${base}/metrics`)).text();
  for (const line of [
    'flexup_ap_image_bytes_received_total{path="lan",daemon="ap"} 750',
    'flexup_ap_tries_failed_total{outcome="busy",daemon="ap"} 1',
    'flexup_ap_backoff_seconds_bucket{le="150",daemon="ap"} 1',
    'flexup_ap_tftp_sessions{daemon="ap"} 1',
    'flexup_ap_tftp_refusals{daemon="ap"} 4',
  ]) {
    t.ok(text.includes(line), line);
  }
  t.equal((await fetch(`${base}/other`)).status, 404);
  const taken = await openMetricsPage(metrics, page.value.local);
  t.match(taken, { ok: false, failure: { code: "metrics-port-failed" } });
});
