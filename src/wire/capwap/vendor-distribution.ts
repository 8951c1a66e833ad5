/** What an upgrade order says about the distribution over the LAN, in elements beside it. */
import { record, u64, type ValueOf } from "../../base/field-table.js";

/** Controller → AP: what this AP gives its LAN. */
export const servingLimits = record({
  /** Image bytes a second over all of its TFTP sessions; 0 for no limit. */
  bytesPerSecondMax: u64,
});

/** Element IDs under our enterprise number. */
export const vendorDistributionElements = {
  servingLimits: { id: 24, value: servingLimits },
} as const;

export type ServingLimits = ValueOf<typeof servingLimits>;
