/** From the controller's state to what people and scripts see (`views.ts`). Nothing here changes anything. */
import type { MacAddress } from "../../../base/mac-address.js";
import type { Instant } from "../../../base/time.js";
import { emptyVersion, limits } from "../../upgrade/limits.js";
import type { Groups } from "../groups.js";
import type { ImageCatalogue } from "../image-catalogue.js";
import { holdsImage, type Inventory, type KnownAp } from "../inventory.js";
import type { GroupRecord, ImageRecord } from "../records.js";
import { hasEnded, type MemberPhase, roleOf } from "../run/member-state.js";
import { choosePrimary } from "../run/primary-choice.js";
import { type Family, isRunning, type Member, primaryOf, type Run, wanBytesOf } from "../run/run.js";
import type { RunTable } from "../run/run-table.js";
import type { SwapAndReset } from "../swap-and-reset.js";
import type { Order } from "./orders.js";
import type {
  ApImageRow,
  ApImageView,
  ApSummaryRow,
  BootView,
  GroupSummaryRow,
  GroupView,
  ImageView,
  ModelView,
  PredownloadRole,
  PredownloadStatus,
  RunReport,
  RunReportRow,
  RunSummaryRow,
  RunTotals,
  RunView,
  TransferView,
} from "./views.js";

export interface StatusParts {
  readonly inventory: Inventory;
  readonly groups: Groups;
  readonly catalogue: ImageCatalogue;
  readonly runs: RunTable;
  readonly acts: SwapAndReset;
  readonly downloadsAtJoin: ReadonlySet<MacAddress>;
  readonly sessionsMax: number;
}

const moves = ({ state, heard }: Member): boolean => state.phase === "active" && heard.state === "fetching";
const wholeRate = (bytesPerSecond: number | null): number | null => bytesPerSecond && Math.round(bytesPerSecond);

const paceOf = (now: Instant, { rate }: Member, bytesTotal: number): Pick<TransferView, "bytesPerSecond" | "secondsLeft"> => ({
  bytesPerSecond: wholeRate(rate.bytesPerSecond(now)),
  secondsLeft: rate.secondsLeft(now, bytesTotal),
});

const statusOfPhase = {
  pending: "Initiated",
  queued: "Initiated",
  ordered: "Initiated",
  active: "Predownloading",
  complete: "Complete",
  failed: "Failed",
  aborted: "None",
  unsupported: "NotSupported",
} as const satisfies Record<MemberPhase, PredownloadStatus>;

const statusOf = ({ state, heard }: Member): PredownloadStatus =>
  state.phase === "active" && heard.state === "initiated" ? "Initiated" : statusOfPhase[state.phase];

/** The four roles of the vendor's MIB: whose image came or comes from the controller is central. */
function predownloadRole({ run, state, source }: Member): PredownloadRole | null {
  if (run.group === null) return null;
  const role = roleOf(state);
  if (role === "primary") return source === "lan" ? "primaryLocal" : "primaryCentral";
  return role === "fallback" || source === "wan" ? "subordinateCentral" : "subordinateLocal";
}

const isManual = ({ state }: Family): boolean => state.phase !== "none" && state.manual;

/** Why it failed, or why it waits for another try. */
function reasonOf({ state, heard }: Member): ApImageRow["failureReason"] {
  if (state.phase === "failed") return state.reason;
  return state.phase === "active" ? heard.waitsBecause : null;
}

const noCounts = (): Record<PredownloadStatus, number> => ({
  None: 0,
  Initiated: 0,
  Predownloading: 0,
  Complete: 0,
  Failed: 0,
  NotSupported: 0,
});

export class StatusTable {
  readonly #parts: StatusParts;

  constructor(parts: StatusParts) {
    this.#parts = parts;
  }

  apImages(now: Instant, aps: readonly KnownAp[]): ApImageView {
    const rows = aps.map((ap) => this.#apImageRow(now, ap));
    const counts = noCounts();
    for (const { status } of rows) counts[status]++;
    return {
      total: rows.length,
      counts: {
        initiated: counts.Initiated,
        downloading: rows.filter(({ mac }) => this.#parts.downloadsAtJoin.has(mac as MacAddress)).length,
        predownloading: counts.Predownloading,
        completedPredownloading: counts.Complete,
        notSupported: counts.NotSupported,
        failedToPredownload: counts.Failed,
      },
      aps: rows,
    };
  }

  apSummary(): ApSummaryRow[] {
    return this.#parts.inventory.all().map(({ record, family, session }) => {
      const reset = this.#parts.acts.resetOf(record.mac);
      return {
        name: record.name,
        mac: record.mac,
        model: record.model,
        family,
        address: session?.peer.address ?? null,
        group: this.#parts.groups.of(record.mac)?.name ?? null,
        state: session ? "Joined" : "Not Joined",
        runningVersion: record.runningVersion,
        joinedAt: record.joinedAt,
        serial: record.serial,
        reset: reset ? { version: reset.version, state: reset.state } : null,
      };
    });
  }

  groupSummary(): GroupSummaryRow[] {
    return this.#parts.groups.all().map(({ name, aps, predownload }) => ({
      name,
      apCount: aps.length,
      predownload,
      runState: this.#parts.runs.latestOfGroup(name)?.state ?? null,
    }));
  }

  group(now: Instant, group: GroupRecord): GroupView {
    const { name, predownload, retryCount, backoffSecondsMin, backoffSecondsMax, wave2Refetch, wan } = group;
    const run = this.#parts.runs.latestOfGroup(name);
    return {
      name,
      predownload,
      retryCount,
      backoffSecondsMin,
      backoffSecondsMax,
      wave2Refetch,
      wan,
      aps: group.aps.map((mac) => {
        const ap = this.#parts.inventory.get(mac);
        return {
          mac,
          name: ap?.record.name ?? null,
          model: ap?.record.model ?? null,
          status: ap?.session ? "Joined" : "Not Joined",
          forcedSubordinate: group.forcedSubordinates.includes(mac),
        };
      }),
      models: this.#models(group, run),
      run: run ? this.#runView(run) : null,
      transfers: run ? this.#transfers(now, run) : [],
    };
  }

  #transfers(now: Instant, run: Run): TransferView[] {
    return [...run.members.values()].flatMap((member) => {
      const { mac, family, heard } = member;
      const { path, bytesDone } = heard;
      if (!family.image || !moves(member) || path === "none") return [];
      const bytesTotal = family.image.sizeBytes;
      const name = this.#parts.inventory.get(mac)?.record.name ?? mac;
      return [{ mac, name, path, bytesDone, bytesTotal, ...paceOf(now, member, bytesTotal) }];
    });
  }

  boot(): BootView {
    return { primary: this.#parts.catalogue.version("primary"), backup: this.#parts.catalogue.version("backup") };
  }

  images(): ImageView[] {
    return this.#parts.catalogue.all().map(imageView);
  }

  /** Newest first. */
  runReports({
    group,
    before = Number.POSITIVE_INFINITY,
    limit = limits.reportsAtOnce.default,
  }: Omit<Order & { type: "show-runs" }, "type">): RunReport[] {
    return this.#parts.runs
      .all()
      .filter((run) => run.id < before && (group === null || run.group === group))
      .slice(0, limit)
      .map((run) => this.runReport(run));
  }

  /** Newest first. */
  runSummary(): RunSummaryRow[] {
    return this.#parts.runs.all().map((run) => this.#runSummaryRow(run));
  }

  runReport(run: Run): RunReport {
    return { ...this.#runSummaryRow(run), aps: [...run.members.values()].map((member) => this.#runReportRow(member)) };
  }

  #apImageRow(now: Instant, { record }: KnownAp): ApImageRow {
    const member = this.#parts.runs.latestOfAp(record.mac);
    const image = member?.family.image ?? null;
    const started = member !== undefined && member.state.phase !== "aborted" && image !== null;
    const nextRetryAt = member?.heard.nextRetryAt ?? null;
    return {
      name: record.name,
      mac: record.mac,
      model: record.model,
      group: this.#parts.groups.of(record.mac)?.name ?? null,
      role: started ? predownloadRole(member) : null,
      // Without our inventory only the running version is known.
      primaryImage: (record.slots ? record.slots.primary.version : record.runningVersion) || emptyVersion,
      backupImage: record.slots?.backup.version || emptyVersion,
      status: member ? statusOf(member) : "None",
      version: started ? image.version : null,
      nextRetrySeconds: nextRetryAt === null ? null : Math.max(0, Math.ceil((nextRetryAt - now) / 1000)),
      retryCount: started && member.run.group !== null ? member.tries : null,
      source: member?.source ?? null,
      wanBytes: member ? wanBytesOf(member) : 0,
      lanBytes: member?.lanBytes ?? 0,
      failureReason: member ? reasonOf(member) : null,
      bytesDone: member?.state.phase === "complete" ? (image?.sizeBytes ?? 0) : started ? member.heard.bytesDone : 0,
      bytesTotal: started ? image.sizeBytes : 0,
      ...(started && moves(member) ? paceOf(now, member, image.sizeBytes) : { bytesPerSecond: null, secondsLeft: null }),
      wanWireBytes: member?.wanWireBytes ?? 0,
    };
  }

  #models(group: GroupRecord, run: Run | undefined): ModelView[] {
    const known = group.aps.flatMap((mac) => this.#parts.inventory.get(mac) ?? []);
    const names = new Set(known.map(({ family }) => family));
    if (run) for (const name of run.families.keys()) names.add(name);
    const members = run ? membersByFamily(run) : new Map<string, Member[]>();
    return [...names].sort().map((name) => {
      const inFamily = known.filter(({ family }) => family === name);
      const family = run?.families.get(name);
      const chosen =
        run && family && isRunning(run)
          ? { mac: primaryOf(family), manual: isManual(family), warning: family.warning }
          : this.#electNow(group, name, inFamily);
      return this.#modelView(name, chosen, family, members.get(name) ?? [], inFamily);
    });
  }

  #electNow(
    group: GroupRecord,
    family: string,
    aps: readonly KnownAp[],
  ): Pick<ModelView, "manual" | "warning"> & { mac: MacAddress | null } {
    const image = this.#parts.catalogue.imageFor("primary", family);
    return choosePrimary(aps, group, this.#parts.inventory, {
      family,
      sizeBytes: image?.sizeBytes ?? 0,
      holds: (ap) => image !== undefined && holdsImage(ap, image.sha256),
      steppedDown: new Set(),
      isFirst: true,
    });
  }

  #modelView(
    family: string,
    { mac, manual, warning }: Pick<ModelView, "manual" | "warning"> & { mac: MacAddress | null },
    stored: Family | undefined,
    members: readonly Member[],
    aps: readonly KnownAp[],
  ): ModelView {
    const { inventory, sessionsMax } = this.#parts;
    const primary = mac === null ? undefined : inventory.get(mac)?.record;
    const served = stored?.served;
    const byAddress = new Map<string, KnownAp>();
    for (const ap of aps) {
      if (!ap.session) continue;
      byAddress.set(ap.session.peer.address, ap);
      byAddress.set(ap.session.tftp.address, ap);
    }
    return {
      family,
      models: this.#modelNames(members, aps),
      primary: primary ? { mac: primary.mac, name: primary.name, model: primary.model } : null,
      manual,
      warning,
      ...sumsOf(members),
      sessions: served?.sessions.length ?? 0,
      sessionsPeak: stored?.sessionsPeak ?? 0,
      sessionsMax: served?.sessionsMax ?? sessionsMax,
      serving: (served?.sessions ?? []).map(({ peer, bytesDone }) => {
        const ap = byAddress.get(peer.address)?.record;
        return { mac: ap?.mac ?? null, name: ap?.name ?? null, address: peer.address, bytesDone };
      }),
    };
  }

  #modelNames(members: readonly Member[], aps: readonly KnownAp[]): string[] {
    const names = new Set(aps.map(({ record }) => record.model));
    for (const { mac } of members) {
      const ap = this.#parts.inventory.get(mac);
      if (ap) names.add(ap.record.model);
    }
    return [...names].sort();
  }

  #runView(run: Run): RunView {
    const counts = noCounts();
    for (const member of run.members.values()) counts[statusOf(member)]++;
    const { id, state, release, startedAt, finishedAt } = run;
    return { id, state, release, startedAt, finishedAt, counts, ...totalsOf(run) };
  }

  #runSummaryRow(run: Run): RunSummaryRow {
    const members = membersByFamily(run);
    return {
      ...this.#runView(run),
      group: run.group,
      models: [...run.families.values()].map((family) => {
        const inFamily = members.get(family.family) ?? [];
        const mac = primaryOf(family);
        const primary = mac === null ? undefined : this.#parts.inventory.get(mac)?.record;
        return {
          family: family.family,
          models: this.#modelNames(inFamily, []),
          primary: primary ? { mac: primary.mac, name: primary.name, model: primary.model } : null,
          manual: isManual(family),
          warning: family.warning,
          ...sumsOf(inFamily),
        };
      }),
      apCount: run.members.size,
    };
  }

  #runReportRow(member: Member): RunReportRow {
    const { mac, state, source, startedAt, lanBytes, wanWireBytes, tries } = member;
    const ap = this.#parts.inventory.get(mac)?.record;
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
      wanWireBytes,
      tries,
      failureReason: state.phase === "failed" ? state.reason : null,
      detail: hasEnded(state) ? state.detail : "",
    };
  }
}

export const imageView = ({
  id,
  version,
  release,
  models,
  families,
  sizeBytes,
  sha256,
  md5,
  fileName,
  addedAt,
}: ImageRecord): ImageView => ({ id, version, release, models, families, sizeBytes, sha256, md5, fileName, addedAt });

function membersByFamily(run: Run): Map<string, Member[]> {
  const members = new Map<string, Member[]>();
  for (const member of run.members.values()) {
    const list = members.get(member.family.family);
    if (list) list.push(member);
    else members.set(member.family.family, [member]);
  }
  return members;
}

function totalsOf(run: Run): RunTotals {
  const { wanBytes, lanBytes, wanWireBytes } = sumsOf([...run.members.values()]);
  let oneCopyEach = 0;
  for (const { state, source, family } of run.members.values()) {
    if (state.phase === "complete" && source !== null) oneCopyEach += family.image?.sizeBytes ?? 0;
  }
  return { wanBytes, lanBytes, wanWireBytes, wanBytesSaved: Math.max(0, oneCopyEach - wanBytes) };
}

function sumsOf(members: readonly Member[]): Pick<ModelView, "wanCopies" | "wanBytes" | "lanBytes" | "wanWireBytes"> {
  let wanCopies = 0;
  let wanWireBytes = 0;
  let wanBytes = 0;
  let lanBytes = 0;
  for (const member of members) {
    if (member.state.phase === "complete" && member.source === "wan") wanCopies++;
    wanBytes += wanBytesOf(member);
    lanBytes += member.lanBytes;
    wanWireBytes += member.wanWireBytes;
  }
  return { wanCopies, wanBytes, lanBytes, wanWireBytes };
}
