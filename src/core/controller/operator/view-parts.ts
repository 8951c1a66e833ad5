import type { MacAddress } from "../../../base/mac-address.js";
import type { Sha256Hex } from "../../../base/sha256.js";
import type { ActivationTable } from "../activation/activation-table.js";
import type { Activations } from "../activation/activations.js";
import type { Groups } from "../groups.js";
import type { ImageCatalogue } from "../image-catalogue.js";
import type { Inventory } from "../inventory.js";
import type { RunTable } from "../run/run-table.js";
import type { SwapAndReset } from "../swap-and-reset.js";

/** What the views (`views.ts`) are made from; they change none of it. */
export interface ViewParts {
  readonly inventory: Inventory;
  readonly groups: Groups;
  readonly catalogue: ImageCatalogue;
  readonly runs: RunTable;
  readonly acts: SwapAndReset;
  /** APs that get an image before they serve (RFC 5415 §9.1.1): "Downloading" in the counts. */
  readonly downloadsAtJoin: ReadonlyMap<MacAddress, Sha256Hex>;
  /** APs that hold the image of their last run no more. */
  readonly lostImages: ReadonlySet<MacAddress>;
  readonly sessionsMax: number;
  readonly activations: Activations;
  readonly activationTable: ActivationTable;
}
