/**
 * Who fetches over the WAN for a group and image family: the manual primary if it is eligible, else the
 * eligible AP with the numerically lowest MAC.
 */
import { compareMac, type MacAddress } from "../../base/mac-address.js";

export interface Candidate {
  readonly mac: MacAddress;
  /** Its CAPWAP session is in Run. */
  readonly joined: boolean;
  readonly overIPv6: boolean;
  readonly forcedSubordinate: boolean;
  /** Speaks our upgrade elements, so that it can serve others. */
  readonly capable: boolean;
  readonly freeBytes: number;
  /** Holds the verified image in a slot. */
  readonly holdsImage: boolean;
  /** Was primary in this run and lost it, or failed to fetch. */
  readonly steppedDown: boolean;
}

/** The first rule that a candidate breaks, with words that complete "X cannot be primary: …". */
const rules = [
  { code: "not-joined", words: "it is not joined", breaks: (ap: Candidate) => !ap.joined },
  { code: "joined-over-ipv6", words: "it is joined over IPv6", breaks: (ap: Candidate) => ap.overIPv6 },
  { code: "forced-subordinate", words: "it is set as a subordinate", breaks: (ap: Candidate) => ap.forcedSubordinate },
  { code: "not-capable", words: "it does not speak the upgrade protocol", breaks: (ap: Candidate) => !ap.capable },
  { code: "stepped-down", words: "it was primary in this run and was lost or failed", breaks: (ap: Candidate) => ap.steppedDown },
  {
    code: "not-enough-flash",
    words: "it has not enough free flash",
    breaks: (ap: Candidate, sizeBytes: number) => !ap.holdsImage && ap.freeBytes < sizeBytes,
  },
] as const;

export type IneligibleCode = (typeof rules)[number]["code"];
export interface Ineligible {
  readonly code: IneligibleCode;
  readonly words: string;
}

/** @param sizeBytes of the image that a primary has to store */
export const ineligibility = (candidate: Candidate, sizeBytes: number): Ineligible | undefined =>
  rules.find((rule) => rule.breaks(candidate, sizeBytes));

export interface Election {
  readonly primary: MacAddress | null;
  readonly manual: boolean;
  /** Why the manual primary was passed over, null when it was not. */
  readonly manualRefused: Ineligible | null;
}

export function elect(candidates: Iterable<Candidate>, manual: MacAddress | null, sizeBytes: number): Election {
  let lowest: MacAddress | null = null;
  // A manual primary that is not a candidate has never joined: its model is unknown, so it is not here.
  let manualRefused: Ineligible | null = null;
  for (const candidate of candidates) {
    const refused = ineligibility(candidate, sizeBytes);
    if (candidate.mac === manual) {
      if (refused === undefined) return { primary: manual, manual: true, manualRefused: null };
      manualRefused = { code: refused.code, words: refused.words };
    }
    if (refused === undefined && (lowest === null || compareMac(candidate.mac, lowest) < 0)) lowest = candidate.mac;
  }
  return { primary: lowest, manual: false, manualRefused };
}
