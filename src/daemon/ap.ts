/** `flexup ap`: one AP as one process, with a data folder for its flash, a CAPWAP port and a TFTP server. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Endpoint, endpointText } from "../base/endpoint.js";
import { type Result, success } from "../base/failure.js";
import { lockFolder } from "../runtime/ap/folder-lock.js";
import { createLogger, type Log } from "../runtime/log.js";
import { measureAp } from "../runtime/metrics/ap-metrics.js";
import { Metrics } from "../runtime/metrics/metrics.js";
import { openMetricsPage } from "../runtime/metrics/metrics-page.js";
import { readTrustRoot } from "../runtime/trust/trust-root.js";
import { bootAp } from "./ap-boot.js";
import { type ApOptions, type ApSettings, readApSettings } from "./ap-config.js";
import { readApLink } from "./ap-link.js";
import { onStopRequest } from "./stop-request.js";

/** A Reset Response leaves before the port closes. */
const resetResponseMs = 100;

export interface RunningAp {
  readonly tftp: Endpoint;
  /** Resolves with the exit code: 0 after `stop` or a reset with `exit`, 1 when the AP could not continue. */
  readonly ended: Promise<0 | 1>;
  stop(): Promise<void>;
}

/** Starts an AP in this process. With `onReset` restart a reset boots it again in this process, on the same TFTP port. */
export async function startAp(settings: ApSettings, log: Log): Promise<Result<RunningAp>> {
  const lock = lockFolder(settings.data);
  if (!lock.ok) return lock;
  const started = await startLocked(settings, log);
  if (!started.ok) {
    lock.value.release();
    return started;
  }
  return success({ ...started.value, ended: started.value.ended.finally(() => lock.value.release()) });
}

async function startLocked(settings: ApSettings, log: Log): Promise<Result<RunningAp>> {
  const link = readApLink(settings);
  if (!link.ok) return link;
  if (link.value.mode === "clear") log.warn("link-clear", "CAPWAP goes in clear text: anyone on the path can command this AP");
  const root = settings.trustRoot === undefined ? success(undefined) : readTrustRoot(settings.trustRoot);
  if (!root.ok) return root;
  if (root.value === undefined) log.warn("images-unsigned", "no --trust-root: this AP accepts and boots unsigned images");
  const boot = (tftpPort: number) => bootAp(settings, link.value, root.value, tftpPort, log, meter);
  const metrics = new Metrics("ap");
  const meter = measureAp(metrics);
  const page = settings.metrics === undefined ? undefined : await openMetricsPage(metrics, settings.metrics);
  if (page?.ok === false) return page;
  if (page !== undefined) metrics.watchProcess();
  if (page !== undefined) log.info("metrics-ready", "metrics ready", { metrics: endpointText(page.value.local) });
  const first = await boot(settings.tftpPort);
  if (!first.ok) {
    await page?.value.close();
    return first;
  }
  const { tftp } = first.value;
  let stopAsked = (): void => {};
  const stopping = new Promise<{ readonly type: "stop" }>((resolve) => {
    stopAsked = () => resolve({ type: "stop" });
  });

  const run = async (): Promise<0 | 1> => {
    for (let booted = first.value; ; ) {
      const end = await Promise.race([booted.ended, stopping]);
      if (end.type === "reset") await sleep(resetResponseMs);
      await booted.stop();
      if (end.type === "fatal") log.fatal("ap-failed", "the AP cannot continue", { err: end.error });
      if (end.type !== "reset") return end.type === "stop" ? 0 : 1;
      if (settings.onReset === "exit") return 0;
      const next = await boot(tftp.port);
      if (!next.ok) {
        log.fatal(next.failure.code, next.failure.message);
        return 1;
      }
      booted = next.value;
    }
  };
  const ended = run().finally(() => page?.value.close());
  return success({
    tftp,
    ended,
    stop: async () => {
      stopAsked();
      await ended;
    },
  });
}

/** Runs until SIGTERM, SIGINT or a reset with `--on-reset exit` (exit code 0), or until it cannot continue (1). A wrong option is 2. */
export async function runAp(options: ApOptions): Promise<0 | 1 | 2> {
  const settings = readApSettings(options);
  if (!settings.ok) {
    process.stderr.write(`${settings.failure.message}\n`);
    return 2;
  }
  const log = createLogger({ component: "ap", level: settings.value.log, ap: { mac: settings.value.mac, name: settings.value.name } });
  const started = await startAp(settings.value, log);
  if (!started.ok) {
    process.stderr.write(`${started.failure.message}\n`);
    return 1;
  }
  onStopRequest(() => started.value.stop());
  const code = await started.value.ended;
  if (code === 0) log.info("stopped", "AP stopped");
  return code;
}
