/** How this AP describes itself to a controller. */
import type { Endpoint } from "../../base/endpoint.js";
import { sha256Octets } from "../../base/sha256.js";
import { type ApInventory, extensions as wireExtensions } from "../../wire/capwap/vendor.js";
import type { WtpSelf } from "../capwap/wtp/wtp-contract.js";
import { emptyVersion } from "../upgrade/limits.js";
import type { SlotId, SlotImage } from "./contract.js";
import { type ImageSlots, otherSlot } from "./image-slots.js";

/** What stays of an AP whatever it boots. */
export interface AgentFacts extends Omit<WtpSelf, "activeVersion" | "otherVersions" | "reboots" | "inventory" | "rolledBack"> {
  /** Where this AP serves TFTP; address "" for its local one. */
  readonly tftp: Endpoint;
  /** Codes of `extensions` that the session speaks. */
  readonly extensions: readonly number[];
}

/** The AP trusts a root: it takes signed images alone. */
export const isSignedOnly = ({ extensions }: Pick<AgentFacts, "extensions">): boolean => extensions.includes(wireExtensions.signedImages);

export const versionOf = (image: SlotImage | null): string => image?.version ?? emptyVersion;

/** RFC 5415 §4.6.47: a count that this AP does not keep. */
const notCounted = 0xffff;

export function selfOf(facts: AgentFacts, slots: ImageSlots, freeBytes: number): WtpSelf {
  const other = slots.image(otherSlot(slots.running));
  const { controllerResets } = slots.record;
  const resetCount = Math.min(controllerResets, notCounted - 1);
  return {
    ...facts,
    activeVersion: versionOf(slots.image(slots.running)),
    otherVersions: other === null ? [] : [other.version],
    reboots: {
      rebootCount: resetCount,
      acInitiatedCount: resetCount,
      linkFailureCount: notCounted,
      softwareFailureCount: notCounted,
      hardwareFailureCount: notCounted,
      otherFailureCount: notCounted,
      unknownFailureCount: notCounted,
      lastFailureType: controllerResets > 0 ? 1 : 0,
    },
    inventory: inventoryOf(facts, slots, freeBytes),
    ...(slots.record.rolledBack && { rolledBack: slots.record.rolledBack }),
  };
}

const noDigest = new Uint8Array(32);

export function inventoryOf({ tftp, extensions }: AgentFacts, slots: ImageSlots, freeBytes: number): ApInventory {
  const { bootSlot } = slots.record;
  const described = (slot: SlotId) => {
    const image = slots.image(slot);
    return image === null ? { version: "", sha256: noDigest } : { version: image.version, sha256: sha256Octets(image.sha256) };
  };
  return {
    primary: described(bootSlot),
    backup: described(slots.backup),
    running: slots.running === bootSlot ? "primary" : "backup",
    freeBytes,
    tftp,
    extensions: [...extensions, wireExtensions.stream],
  };
}
