/** `show flexconnect group summary` and `detail`. */
import type { MacAddress } from "../../../base/mac-address.js";
import type { Instant } from "../../../base/time.js";
import { holdsImage, type KnownAp } from "../inventory.js";
import type { GroupRecord } from "../records.js";
import { choosePrimary } from "../run/primary-choice.js";
import { type Family, isRunning, type Member, primaryOf, type Run } from "../run/run.js";
import { activationView, readyToActivate } from "./activation-view.js";
import { isManual, isTransferring, membersByFamily, paceOf, sumsOf } from "./member-status.js";
import { modelNames, primaryName, runView } from "./run-report.js";
import type { ViewParts } from "./view-parts.js";
import type { GroupSummaryRow, GroupView, ModelView, TransferView } from "./views.js";

export const groupSummary = ({ groups, runs }: ViewParts): GroupSummaryRow[] =>
  groups.all().map(({ name, aps, predownload }) => ({
    name,
    apCount: aps.length,
    predownload,
    runState: runs.latestOfGroup(name)?.state ?? null,
  }));

export function groupView(now: Instant, parts: ViewParts, group: GroupRecord): GroupView {
  const { aps, manualPrimaries: _, forcedSubordinates, ...settings } = group;
  const run = parts.runs.latestOfGroup(group.name);
  const activation = parts.activationTable.of(group.name);
  return {
    ...settings,
    aps: aps.map((mac) => {
      const ap = parts.inventory.get(mac);
      return {
        mac,
        name: ap?.record.name ?? null,
        model: ap?.record.model ?? null,
        status: ap?.session ? "Joined" : "Not Joined",
        forcedSubordinate: forcedSubordinates.includes(mac),
      };
    }),
    models: modelViews(parts, group, run),
    run: run ? runView(parts, run) : null,
    transfers: run ? transferViews(now, parts, run) : [],
    activation: activation ? activationView(activation) : null,
    readyToActivate: readyToActivate(parts, group),
  };
}

const transferViews = (now: Instant, { inventory }: ViewParts, run: Run): TransferView[] =>
  [...run.members.values()].flatMap((member) => {
    const { mac, family, heard } = member;
    const { path, bytesDone } = heard;
    if (!family.image || !isTransferring(member) || path === "none") return [];
    const bytesTotal = family.image.sizeBytes;
    const name = inventory.get(mac)?.record.name ?? mac;
    return [{ mac, name, path, bytesDone, bytesTotal, ...paceOf(now, member, bytesTotal) }];
  });

function modelViews(parts: ViewParts, group: GroupRecord, run: Run | undefined): ModelView[] {
  const known = group.aps.flatMap((mac) => parts.inventory.get(mac) ?? []);
  const familyOf = ({ record: { mac, model } }: KnownAp): string =>
    run?.members.get(mac)?.family.family ?? parts.catalogue.familyFor(run?.release ?? "primary", model).family;
  const names = new Set(known.map(familyOf));
  if (run) for (const name of run.families.keys()) names.add(name);
  const members = run ? membersByFamily(run) : new Map<string, Member[]>();
  return [...names].sort().map((name) => {
    const inFamily = known.filter((ap) => familyOf(ap) === name);
    const family = run?.families.get(name);
    const chosen =
      run && family && isRunning(run)
        ? { mac: primaryOf(family), manual: isManual(family), warning: family.warning }
        : electNow(parts, group, inFamily);
    return modelView(parts, name, chosen, family, members.get(name) ?? [], inFamily);
  });
}

type ChosenPrimary = Pick<ModelView, "manual" | "warning"> & { readonly mac: MacAddress | null };

function electNow({ catalogue, inventory }: ViewParts, group: GroupRecord, aps: readonly KnownAp[]): ChosenPrimary {
  const image = catalogue.imageForModel("primary", aps[0]?.record.model ?? "");
  return choosePrimary(aps, group, inventory, {
    isInFamily: (ap) => aps.includes(ap),
    sizeBytes: image?.sizeBytes ?? 0,
    holds: (ap) => image !== undefined && holdsImage(ap, image.sha256),
    steppedDown: new Set(),
    isFirst: true,
  });
}

function modelView(
  { inventory, sessionsMax }: ViewParts,
  family: string,
  { mac, manual, warning }: ChosenPrimary,
  stored: Family | undefined,
  members: readonly Member[],
  aps: readonly KnownAp[],
): ModelView {
  const served = stored?.served;
  const byAddress = new Map<string, KnownAp>();
  for (const ap of aps) {
    if (!ap.session) continue;
    const { peer, localAddress } = ap.session;
    byAddress.set(peer.address, ap);
    if (localAddress !== null) byAddress.set(localAddress, ap);
  }
  return {
    family,
    models: modelNames(inventory, members, aps),
    primary: primaryName(inventory, mac),
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
