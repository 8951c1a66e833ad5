/** The election of a run: the candidates, and what the outcome means for the WAN. */
import { compareMac, type MacAddress } from "../../../base/mac-address.js";
import type { Instant } from "../../../base/time.js";
import { type Candidate, type Election, elect, ineligibility } from "../../upgrade/election.js";
import { apLabel, type Inventory, isOverIPv6, type KnownAp } from "../inventory.js";
import type { GroupRecord } from "../records.js";

export interface PrimaryChoice {
  readonly mac: MacAddress | null;
  readonly manual: boolean;
  /** `holder`: it had the verified image, so nothing crosses the WAN. */
  readonly because: "start" | "holder" | "next-eligible";
  /** It has the verified image already. */
  readonly holds: boolean;
  /** It fetches the image over the WAN although it has it (the source document's Wave 2 rule). */
  readonly refetch: boolean;
  /** What the operator should know: why the manual primary was passed over, or why no AP can be primary. */
  readonly warning: string | null;
  /** APs that would have come before the chosen one, and why they do not, as lines for people. */
  readonly passedOver: readonly string[];
}

export const nobody: PrimaryChoice = {
  mac: null,
  manual: false,
  because: "start",
  holds: false,
  refetch: false,
  warning: null,
  passedOver: [],
};

export interface Ballot {
  /** Whether an AP of the group gets the same image: a manual primary counts for its own family alone. */
  readonly isInFamily: (ap: KnownAp) => boolean;
  /** What a primary has to store. */
  readonly sizeBytes: number;
  /** Has the AP the verified image? */
  readonly holds: (ap: KnownAp) => boolean;
  readonly steppedDown: ReadonlySet<MacAddress>;
  /** The source document's election, at the start of a run. In a later one an AP with the image comes first: it saves a WAN copy. */
  readonly isFirst: boolean;
}

export function choosePrimary(
  aps: readonly KnownAp[],
  group: Pick<GroupRecord, "manualPrimaries" | "forcedSubordinates" | "wave2Refetch">,
  inventory: Inventory,
  { isInFamily, sizeBytes, holds, steppedDown, isFirst }: Ballot,
): PrimaryChoice {
  const manual =
    group.manualPrimaries.find((mac) => {
      const ap = inventory.get(mac);
      return ap !== undefined && isInFamily(ap);
    }) ?? null;
  const candidate = (ap: KnownAp): Candidate => ({
    mac: ap.record.mac,
    joined: ap.session !== null,
    overIPv6: isOverIPv6(ap),
    forcedSubordinate: group.forcedSubordinates.includes(ap.record.mac),
    capable: ap.session?.capable === true && ap.session.proven,
    freeBytes: ap.session?.freeBytes ?? 0,
    holdsImage: holds(ap),
    steppedDown: steppedDown.has(ap.record.mac),
  });
  const candidates = aps.map(candidate);
  const among = (some: readonly Candidate[]): Election => elect(some, manual, sizeBytes);
  const holders = isFirst ? null : among(candidates.filter((ap) => ap.holdsImage));
  const election = holders?.primary ? holders : among(candidates);
  const chosen = election.primary === null ? undefined : inventory.get(election.primary);
  const isHolder = chosen !== undefined && holds(chosen);
  return {
    mac: election.primary,
    manual: election.manual,
    because: isFirst ? "start" : isHolder ? "holder" : "next-eligible",
    holds: isHolder,
    refetch: isFirst && isHolder && chosen.generation === "wave-2" && group.wave2Refetch,
    warning: election.primary === null ? noneWarning(candidates, inventory, sizeBytes) : manualWarning(election, manual, inventory),
    passedOver: election.manual ? [] : candidates.flatMap((ap) => passedOver(ap, election.primary, inventory, sizeBytes)),
  };
}

/** Null where no AP is joined: there is nothing to warn of. */
function noneWarning(candidates: readonly Candidate[], inventory: Inventory, sizeBytes: number): string | null {
  const reasons = candidates.flatMap((ap) => {
    const known = ap.joined ? inventory.get(ap.mac) : undefined;
    return known ? [`${known.record.name}: ${ineligibility(ap, sizeBytes)?.words}`] : [];
  });
  if (reasons.length === 0) return null;
  const more = reasons.length > namedMax ? `; and ${reasons.length - namedMax} more` : "";
  return `No AP can be primary (${reasons.slice(0, namedMax).join("; ")}${more}).`;
}

/** How many APs a warning names. */
const namedMax = 3;

function passedOver(ap: Candidate, primary: MacAddress | null, inventory: Inventory, sizeBytes: number): string[] {
  if (primary === null || ap.forcedSubordinate || compareMac(ap.mac, primary) >= 0) return [];
  const known = inventory.get(ap.mac);
  const refused = ineligibility(ap, sizeBytes);
  return known && refused ? [`${known.record.name} is passed over as primary: ${refused.words}.`] : [];
}

function manualWarning({ manual: isManual, manualRefused }: Election, manual: MacAddress | null, inventory: Inventory): string | null {
  if (manual === null || isManual) return null;
  const ap = inventory.get(manual);
  const name = ap ? apLabel(ap) : manual;
  return `Manual primary ${name} is not used: ${manualRefused?.words ?? (ap?.session ? "another AP has the image already" : "it is not joined")}.`;
}

/**
 * Whether an AP is a safe successor of a primary that was lost: a branch that lost its WAN link is lost one AP
 * after the other, and comes back in any order. One that was joined all along must have been heard since; one that
 * joined later must have been there for the rejoin grace, so that the primary had its chance to come back, too.
 */
export const isSteady = (ap: KnownAp, heardAt: Instant, lostAt: Instant, settledBefore: Instant): boolean =>
  ap.record.joinedAt < lostAt ? heardAt > lostAt : ap.record.joinedAt <= settledBefore;
