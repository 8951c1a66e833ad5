import type { MacAddress } from "../../../base/mac-address.js";
import type { RunId } from "./run-numbers.js";

/** What a start answers. */
export interface StartedRun {
  readonly runId: RunId;
  /** APs of the group that take no part, and why. `name` null for one that never joined. */
  readonly leftOut: readonly { readonly mac: MacAddress; readonly name: string | null; readonly reason: string }[];
}
