/** What its subordinates have found of the primary that serves them. */
import type { MacAddress } from "../../../base/mac-address.js";
import type { Instant } from "../../../base/time.js";
import type { ApReport } from "../ap-port.js";

export type Complaint = "wrong bytes" | "unreachable";

export interface Testimony {
  /** When it began to serve. */
  readonly since: Instant;
  /** The last of each AP. */
  readonly complaints: Map<MacAddress, Complaint>;
  /** APs that got the whole, verified image from it. */
  readonly served: Set<MacAddress>;
}

/** One AP that cannot fetch may be at fault itself, or its own way to the primary. */
const complaintsMin = 2;
/** Primaries of a family in one run that give way: after those the fault is more likely in the LAN, and each costs another WAN copy. */
const stepsDownMax = 2;

export const newTestimony = (since: Instant): Testimony => ({ since, complaints: new Map(), served: new Set() });

/**
 * What a try at the primary says about it; undefined for a try that fails for another reason.
 * @param lanMovedAt when bytes last came to the AP over the LAN
 */
export function complaintOf(lanMovedAt: Instant | null, { state, reason }: ApReport, since: Instant): Complaint | undefined {
  if (state !== "waiting" && state !== "needs-wan") return undefined;
  if (reason === "checksum-mismatch" || reason === "size-mismatch") return "wrong bytes";
  const hasAnswered = lanMovedAt !== null && lanMovedAt >= since;
  return reason === "primary-unreachable" && !hasAnswered ? "unreachable" : undefined;
}

/** Whether more APs failed at the primary than it served. @param stepsDown primaries of the family that have stepped down */
export const isDiscredited = ({ complaints, served }: Testimony, stepsDown: number): boolean =>
  complaints.size >= complaintsMin && complaints.size > served.size && stepsDown < stepsDownMax;
