import type { RunReport } from "../../core/controller/operator/views.js";
import { limits } from "../../core/upgrade/limits.js";
import { columns, dashes, dotted, lines } from "./columns.js";

const widths = [18, 17, 18, 13, 6, 14, 14, 14, 5, 0];

const time = (at: number | null): string => (at === null ? "-" : new Date(at).toISOString());

/**
 * `show flexconnect reports`, flexup's own: each run with its APs, newest first.
 * @param command shows older ones with `before RUN` after it
 * @param none shown if there are none
 */
export function runsText(runs: readonly RunReport[], command: string, none = "No run yet\n"): string {
  const oldest = runs.at(-1)?.id;
  if (oldest === undefined) return none;
  const more = runs.length < limits.reportsAtOnce.default ? "" : `\nOlder runs, if there are any: "${command} before ${oldest}"\n`;
  return runs.map(runText).join("\n") + more;
}

const runText = (run: RunReport): string =>
  lines(
    dotted("Run", `${run.id} ${run.state}`, 33),
    dotted("Group", run.group ?? "none (over the WAN)", 33),
    dotted("Image", run.release, 33),
    dotted("Started", time(run.startedAt), 33),
    dotted("Finished", time(run.finishedAt), 33),
    dotted("WAN Bytes", run.wanBytes, 33),
    dotted("WAN Bytes on the Wire", run.wanWireBytes, 33),
    dotted("WAN Bytes Saved", run.wanBytesSaved, 33),
    columns(widths, ["AP Name", "Ethernet MAC", "Role", "Status", "Source", "WAN Bytes", "On the Wire", "LAN Bytes", "Tries", "Reason"]),
    dashes([...widths.slice(0, -1), 20]),
    ...run.aps.map((ap) =>
      columns(widths, [
        ap.name,
        ap.mac,
        ap.role ?? "",
        ap.status,
        ap.source ?? "",
        String(ap.wanBytes),
        String(ap.wanWireBytes),
        String(ap.lanBytes),
        String(ap.tries),
        ap.failureReason ?? "",
      ]).trimEnd(),
    ),
    ...run.aps.filter(({ status, detail }) => status !== "Complete" && detail !== "").map(({ name, detail }) => `${name}: ${detail}`),
  );
