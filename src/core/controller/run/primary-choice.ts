/** The election as a run asks for it: who may stand, and what the outcome means for the WAN. */
import type { MacAddress } from "../../../base/mac-address.js";
import type { Instant } from "../../../base/time.js";
import { type Candidate, elect } from "../../upgrade/election.js";
import { apLabel, type Inventory, isOverIPv6, type KnownAp } from "../inventory.js";
import type { GroupRecord } from "../records.js";

export interface PrimaryChoice {
  readonly mac: MacAddress | null;
  readonly manual: boolean;
  /** It has the verified image already. */
  readonly holds: boolean;
  readonly wave2: boolean;
  /** Why the manual primary was passed over. */
  readonly warning: string | null;
}

export interface Ballot {
  readonly family: string;
  /** What a primary has to store. */
  readonly sizeBytes: number;
  /** Has the AP the verified image? */
  readonly holds: (ap: KnownAp) => boolean;
  readonly steppedDown: ReadonlySet<MacAddress>;
  /** An AP with the image goes before any other: it saves a WAN copy. */
  readonly preferHolders: boolean;
}

export function choosePrimary(
  aps: readonly KnownAp[],
  group: Pick<GroupRecord, "manualPrimaries" | "forcedSubordinates">,
  inventory: Inventory,
  { family, sizeBytes, holds, steppedDown, preferHolders }: Ballot,
): PrimaryChoice {
  const manual = group.manualPrimaries.find((mac) => inventory.get(mac)?.family === family) ?? null;
  const candidate = (ap: KnownAp): Candidate => ({
    mac: ap.record.mac,
    joined: ap.session !== null,
    overIPv6: isOverIPv6(ap),
    forcedSubordinate: group.forcedSubordinates.includes(ap.record.mac),
    capable: ap.session?.capable ?? false,
    freeBytes: ap.session?.freeBytes ?? 0,
    holdsImage: holds(ap),
    steppedDown: steppedDown.has(ap.record.mac),
  });
  const candidates = aps.map(candidate);
  const holders = preferHolders
    ? elect(
        candidates.filter((ap) => ap.holdsImage),
        manual,
        sizeBytes,
      )
    : null;
  const election = holders?.primary ? holders : elect(candidates, manual, sizeBytes);
  const chosen = election.primary === null ? undefined : inventory.get(election.primary);
  return {
    mac: election.primary,
    manual: election.manual,
    holds: chosen !== undefined && holds(chosen),
    wave2: chosen?.generation === "wave-2",
    warning: manual === null || election.manual ? null : manualWarning(manual, election.manualRefused?.words, inventory),
  };
}

function manualWarning(manual: MacAddress, words: string | undefined, inventory: Inventory): string {
  const ap = inventory.get(manual);
  const name = ap ? apLabel(ap) : manual;
  return `Manual primary ${name} is not used: ${words ?? (ap?.session ? "another AP has the image already" : "it is not joined")}.`;
}

/**
 * Whether an AP is a safe successor of a primary that was lost: a branch that lost its WAN link is lost one AP
 * after the other, and comes back in any order. One that was joined all along must have been heard since; one that
 * joined later must have been there for the rejoin grace, so that the primary had its chance to come back, too.
 */
export const isSteady = (ap: KnownAp, heardAt: Instant, lostAt: Instant, settledBefore: Instant): boolean =>
  ap.record.joinedAt < lostAt ? heardAt > lostAt : ap.record.joinedAt <= settledBefore;
