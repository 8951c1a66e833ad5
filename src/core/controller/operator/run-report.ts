/** Runs in numbers, and their reports with a row for each AP. */
import type { MacAddress } from "../../../base/mac-address.js";
import { limits } from "../../upgrade/limits.js";
import type { Inventory, KnownAp } from "../inventory.js";
import { hasEnded } from "../run/member-state.js";
import { type Member, primaryOf, type Run, wanBytesOf, wanWireBytesOf } from "../run/run.js";
import { isManual, membersByFamily, noCounts, predownloadRole, statusOf, statusOfPhase, sumsOf } from "./member-status.js";
import type { Order } from "./orders.js";
import type { ViewParts } from "./view-parts.js";
import type { ModelView, RunReport, RunReportRow, RunSummaryRow, RunTotals, RunView } from "./views.js";

type Page = Omit<Order & { type: "show-runs" }, "type">;

/** Newest first. */
export const runReports = (parts: ViewParts, { group, before = Number.POSITIVE_INFINITY, limit }: Page): RunReport[] =>
  parts.runs
    .all()
    .filter((run) => run.id < before && (group === null || run.group === group))
    .slice(0, limit ?? limits.reportsAtOnce.default)
    .map((run) => runReport(parts, run));

/** Newest first. */
export const runSummary = (parts: ViewParts): RunSummaryRow[] => parts.runs.all().map((run) => summaryRow(parts, run));

export const runReport = (parts: ViewParts, run: Run): RunReport => ({
  ...summaryRow(parts, run),
  aps: [...run.members.values()].map((member) => reportRow(parts, member)),
});

export function runView({ inventory }: ViewParts, run: Run): RunView {
  const counts = noCounts();
  for (const member of run.members.values()) counts[statusOf(member)]++;
  const { id, state, release, startedAt, finishedAt } = run;
  return {
    id,
    state,
    release,
    startedAt,
    finishedAt,
    counts,
    waits: waitsOf(run),
    stepsDown: stepsDownOf(inventory, run),
    ...totalsOf(run),
  };
}

/** "3 APs wait: …", a line for each reason. */
function waitsOf(run: Run): string[] {
  const waiting = new Map<string, number>();
  for (const { heldBack } of run.members.values()) if (heldBack) waiting.set(heldBack.detail, (waiting.get(heldBack.detail) ?? 0) + 1);
  return Array.from(waiting, ([because, count]) => `${count} ${count === 1 ? "AP waits" : "APs wait"}: ${because}`);
}

/** Only an AP whose part is over keeps the reason; for one that fetches again, the event has it. */
function stepsDownOf(inventory: Inventory, { members, families }: Run): string[] {
  return [...families.values()].flatMap(({ steppedDown }) =>
    Array.from(steppedDown, (mac) => {
      const state = members.get(mac)?.state;
      const detail = state && hasEnded(state) ? state.detail : "";
      return `${inventory.get(mac)?.record.name ?? mac}: ${detail || "stepped down as primary"}`;
    }),
  );
}

export function modelNames(inventory: Inventory, members: readonly Member[], aps: readonly KnownAp[]): string[] {
  const names = new Set(aps.map(({ record }) => record.model));
  for (const { mac } of members) {
    const ap = inventory.get(mac);
    if (ap) names.add(ap.record.model);
  }
  return [...names].sort();
}

export function primaryName(inventory: Inventory, mac: MacAddress | null): ModelView["primary"] {
  const ap = mac === null ? undefined : inventory.get(mac)?.record;
  return ap ? { mac: ap.mac, name: ap.name, model: ap.model } : null;
}

function summaryRow(parts: ViewParts, run: Run): RunSummaryRow {
  const members = membersByFamily(run);
  return {
    ...runView(parts, run),
    group: run.group,
    models: [...run.families.values()].map((family) => {
      const inFamily = members.get(family.family) ?? [];
      return {
        family: family.family,
        models: modelNames(parts.inventory, inFamily, []),
        primary: primaryName(parts.inventory, primaryOf(family)),
        manual: isManual(family),
        warning: family.warning,
        ...sumsOf(inFamily),
      };
    }),
    apCount: run.members.size,
  };
}

function totalsOf(run: Run): RunTotals {
  const { wanBytes, lanBytes, wanWireBytes } = sumsOf([...run.members.values()]);
  let oneCopyEach = 0;
  for (const { state, source, family } of run.members.values()) {
    if (state.phase === "complete" && source !== null) oneCopyEach += family.image?.sizeBytes ?? 0;
  }
  return { wanBytes, lanBytes, wanWireBytes, wanBytesSaved: Math.max(0, oneCopyEach - wanBytes) };
}

function reportRow({ inventory }: ViewParts, member: Member): RunReportRow {
  const { mac, state, source, startedAt, lanBytes, tries } = member;
  const ap = inventory.get(mac)?.record;
  return {
    name: ap?.name ?? mac,
    mac,
    model: ap?.model ?? "",
    role: predownloadRole(member),
    status: statusOfPhase[state.phase],
    source,
    startedAt,
    endedAt: hasEnded(state) ? state.at : null,
    wanBytes: wanBytesOf(member),
    lanBytes,
    wanWireBytes: wanWireBytesOf(member),
    tries,
    failureReason: state.phase === "failed" ? state.reason : null,
    detail: hasEnded(state) ? state.detail : "",
  };
}
