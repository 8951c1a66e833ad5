/**
 * What a start does first, or why it is refused. The run carries a plan out and the preview forecasts from one, so that
 * they cannot differ.
 */
import type { Failure } from "../../../base/failure.js";
import type { MacAddress } from "../../../base/mac-address.js";
import type { ReleaseName } from "../../upgrade/limits.js";
import type { ImageCatalogue } from "../image-catalogue.js";
import { holdsImage, type Inventory, type KnownAp } from "../inventory.js";
import { refuse } from "../operator/refusals.js";
import type { GroupRecord } from "../records.js";
import type { FirstStep } from "./first-step.js";
import { choosePrimary, nobody, type PrimaryChoice } from "./primary-choice.js";
import { isTakingPart, type Run, type RunImage, runImage } from "./run.js";
import type { RunTable } from "./run-table.js";
import type { StartedRun } from "./started-run.js";
import { unusedAddress } from "./tftp-address.js";

/** What a plan is made from; it changes none of it. */
export interface PlanState {
  readonly inventory: Inventory;
  readonly catalogue: ImageCatalogue;
  readonly runs: RunTable;
}

export interface PlannedMember {
  readonly mac: MacAddress;
  readonly name: string;
  readonly model: string;
  readonly family: string;
  readonly step: FirstStep;
}

export interface PlannedFamily {
  readonly family: string;
  /** Null where the release has none. */
  readonly image: RunImage | null;
  readonly choice: PrimaryChoice;
  /** What may go wrong, as lines for people. */
  readonly warnings: readonly string[];
}

export interface LeftOut {
  readonly mac: MacAddress;
  /** Null for an AP that never joined. */
  readonly name: string | null;
  readonly reason: string;
}

export interface RunPlan {
  /** Why a start is refused, null when it is not. The rest describes the run without that refusal. */
  readonly refusal: Failure | null;
  /** Null for a run over the WAN alone. */
  readonly group: string | null;
  readonly release: ReleaseName;
  /** APs that join the group later take part. */
  readonly open: boolean;
  readonly families: readonly PlannedFamily[];
  readonly members: readonly PlannedMember[];
  /** APs of the group that take no part. */
  readonly leftOut: readonly LeftOut[];
}

/** All joined APs of a group, sharing over the LAN. */
export function planRun(state: PlanState, group: GroupRecord, release: ReleaseName): RunPlan {
  const running = state.runs.runningOfGroup(group.name);
  const aps: KnownAp[] = [];
  const leftOut: LeftOut[] = [];
  for (const mac of group.aps) {
    const ap = state.inventory.get(mac);
    const other = otherRunOf(state.runs, mac, running);
    if (ap?.session && !other) aps.push(ap);
    else {
      const reason = other ? `takes part in run ${other.id}` : ap ? "not joined to this controller" : "has never joined this controller";
      leftOut.push({ mac, name: ap?.record.name ?? null, reason });
    }
  }
  const plan = { ...planOf(state, group, release, true, aps), leftOut };
  const refused =
    (!group.predownload && refuse.predownloadOff(group.name)) ||
    (running && refuse.groupBusy(group.name)) ||
    (aps.length === 0 && refuse.noJoinedAps(`of group "${group.name}"`));
  return refused ? { ...plan, refusal: refused.failure } : plan;
}

/** One AP of a group: from an AP of the group that has the image, else over the WAN. */
export function planOne(state: PlanState, group: GroupRecord, ap: KnownAp, release: ReleaseName): RunPlan {
  const server = holderFor(state, group, ap, release);
  const plan = planOf(state, group, release, false, server ? [ap, server] : [ap]);
  return state.runs.runningOfGroup(group.name) ? { ...plan, refusal: refuse.groupBusy(group.name).failure } : plan;
}

/** APs without a group or with the feature off: each over the WAN. */
export const planOverWan = (state: PlanState, aps: readonly KnownAp[], release: ReleaseName): RunPlan =>
  planOf(state, null, release, false, aps);

/** Whether an AP fetches over the WAN whatever its primary does: there is no sharing, or it cannot take part in it. */
export const isOnWan = (group: GroupRecord | string | null, ap: KnownAp | undefined): boolean => group === null || !ap?.session?.capable;

/** The APs of the group that would get no image, and why. */
export function notTakingPart({ leftOut, members, release }: RunPlan): StartedRun["leftOut"] {
  const reason = (family: string): string => `the ${release} release has no image for ${family}: add one with "flexup image add"`;
  const unsupported = members.filter(({ step }) => step === "unsupported");
  return [
    ...leftOut.map(({ mac, name, reason }) => ({ mac, name, reason })),
    ...unsupported.map(({ mac, name, family }) => ({ mac, name, reason: reason(family) })),
  ];
}

function planOf(state: PlanState, group: GroupRecord | null, release: ReleaseName, open: boolean, aps: readonly KnownAp[]): RunPlan {
  const sharing = new Map<string, { readonly image: RunImage | null; readonly aps: KnownAp[] }>();
  for (const ap of aps) {
    const { family, image } = state.catalogue.familyFor(release, ap.record.model);
    const same = sharing.get(family);
    if (same) same.aps.push(ap);
    else sharing.set(family, { image: image && runImage(family, image), aps: [ap] });
  }
  const families: PlannedFamily[] = [];
  const steps = new Map<KnownAp, Pick<PlannedMember, "family" | "step">>();
  for (const [family, { image, aps: members }] of sharing) {
    const choice = group && image ? choose(state, group, release, image, open, members) : nobody;
    const warnings = [
      ...choice.passedOver,
      ...addressWarning(state, group, choice),
      ...(image ? members.flatMap((ap) => flashWarning(ap, image, choice)) : []),
    ];
    const planned = { family, image, choice, warnings: choice.warning === null ? warnings : [choice.warning, ...warnings] };
    families.push(planned);
    for (const ap of members) steps.set(ap, { family, step: firstStep(group, ap, planned) });
  }
  const members = aps.map((ap): PlannedMember => {
    const { mac, name, model } = ap.record;
    return { mac, name, model, ...(steps.get(ap) as Pick<PlannedMember, "family" | "step">) };
  });
  const refusal = imageRefusal(state, release, families);
  return { refusal, group: group?.name ?? null, release, open, families, members, leftOut: [] };
}

function imageRefusal({ catalogue }: PlanState, release: ReleaseName, families: readonly PlannedFamily[]): Failure | null {
  const images = families.flatMap(({ image }) => image ?? []);
  if (images.length === 0) {
    const names = families.map(({ family }) => family).sort();
    return refuse.noImage(release, names.join(", ")).failure;
  }
  for (const { family, version, sha256 } of images) {
    const fault = catalogue.faultOf(sha256);
    if (fault !== undefined) return refuse.imageDamaged(version, family, sha256, fault).failure;
  }
  return null;
}

/** It is ordered all the same: what is free there may have changed since it was reported. */
function flashWarning(ap: KnownAp, image: RunImage, { mac }: PrimaryChoice): string[] {
  const { record, session } = ap;
  if (record.mac === mac || !session?.capable) return [];
  if (session.freeBytes >= image.sizeBytes || holdsImage(ap, image.sha256)) return [];
  return [`${record.name} has too little free flash: ${session.freeBytes} bytes, the image has ${image.sizeBytes}.`];
}

/** An AP behind a NAT of its own is reached only where it advertises to be. */
function addressWarning({ inventory }: PlanState, group: GroupRecord | null, { mac }: PrimaryChoice): string[] {
  const primary = mac === null ? undefined : inventory.get(mac);
  const address = group && primary?.session ? unusedAddress(primary.session, group) : undefined;
  if (!group || !primary?.session || address === undefined) return [];
  const { name } = primary.record;
  const why = primary.session.proven
    ? `"config flexconnect group ${group.name} predownload tftp-address advertised" allows it`
    : "its session has neither DTLS nor the session token";
  return [`${name} advertises ${address} for TFTP, but its subordinates use ${primary.session.peer.address}: ${why}.`];
}

/** @param aps of the family */
const choose = (
  { inventory, catalogue }: PlanState,
  group: GroupRecord,
  release: ReleaseName,
  image: RunImage,
  open: boolean,
  aps: readonly KnownAp[],
): PrimaryChoice =>
  choosePrimary(aps, group, inventory, {
    isInFamily: ({ record }) => catalogue.imageForModel(release, record.model)?.sha256 === image.sha256,
    sizeBytes: image.sizeBytes,
    holds: (ap) => holdsImage(ap, image.sha256),
    steppedDown: new Set(),
    isFirst: open,
  });

function firstStep(group: GroupRecord | null, ap: KnownAp, { image, choice }: PlannedFamily): FirstStep {
  if (!image) return "unsupported";
  if (choice.mac === ap.record.mac) return choice.holds && !choice.refetch ? "serve" : "fetch-wan";
  if (!ap.session?.capable) return "plain-wan";
  if (holdsImage(ap, image.sha256)) return "holds";
  if (group === null) return "fetch-wan";
  return choice.mac === null ? "no-primary" : "fetch-lan";
}

/** An AP of the group that has the image and may serve it to `ap`. */
function holderFor(state: PlanState, group: GroupRecord, ap: KnownAp, release: ReleaseName): KnownAp | undefined {
  const { catalogue, inventory, runs } = state;
  const { family, image } = catalogue.familyFor(release, ap.record.model);
  if (!image) return undefined;
  const holders = group.aps.flatMap((mac) => {
    const other = inventory.get(mac);
    const isFree = other?.session && mac !== ap.record.mac && !otherRunOf(runs, mac, undefined);
    const isSame = isFree && catalogue.imageForModel(release, other.record.model) === image;
    return isSame && holdsImage(other, image.sha256) ? [other] : [];
  });
  const { mac } = choose(state, group, release, runImage(family, image), false, holders);
  return holders.find((holder) => holder.record.mac === mac);
}

/** The run other than `own` that the AP still takes part in. */
export function otherRunOf(runs: RunTable, mac: MacAddress, own: Run | undefined): Run | undefined {
  const member = runs.runningOfAp(mac);
  return member && member.run !== own && isTakingPart(member) ? member.run : undefined;
}
