/** What an upgrade order says about the distribution over the LAN, in elements beside it, and what an AP says about its parent. */
import { list, octets, prefixed, record, u8, u16, u32, u64, type ValueOf } from "../../base/field-table.js";
import { addressText, endpoint, wireRunId } from "./vendor-fields.js";

/** Controller → AP: what this AP gives its LAN. */
export const servingLimits = record({
  /** Image bytes a second over all of its TFTP sessions; 0 for no limit. */
  bytesPerSecondMax: u64,
});

/** Controller → AP: fetch the image in chunks, each served by TFTP under the hex text of its SHA-256, and serve each once it is verified. */
export const streamOrder = record({
  /** Another AP that has the chunks, or will: for when the order's server fails. An empty address for none. */
  spare: endpoint,
  /** Size of each chunk but the last. */
  chunkBytes: u32,
  sha256s: prefixed(u16, list(octets(32))),
});

/** AP → controller, beside an upgrade report: this server has sent a chunk with another digest than ordered. */
export const chunkFault = record({
  runId: wireRunId,
  server: endpoint,
  chunk: u8,
});

/** Octets of addresses in one element, at most. */
export const keptSlotsOctetsMax = 2_000;

/**
 * Controller → primary, in a Configuration Update Request of its own: the addresses of the APs that its TFTP slots are for. The last list
 * holds, until the AP offers nothing more.
 */
export const keptSlots = record({ addresses: list(addressText) });

/** Element IDs under our enterprise number. */
export const vendorDistributionElements = {
  servingLimits: { id: 24, value: servingLimits },
  streamOrder: { id: 25, value: streamOrder },
  chunkFault: { id: 26, value: chunkFault },
  keptSlots: { id: 27, value: keptSlots },
} as const;

export type KeptSlots = ValueOf<typeof keptSlots>;
export type ServingLimits = ValueOf<typeof servingLimits>;
export type StreamOrder = ValueOf<typeof streamOrder>;
export type ChunkFault = ValueOf<typeof chunkFault>;
