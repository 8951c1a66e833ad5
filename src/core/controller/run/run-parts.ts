/** What the parts of a run share: the state that they read, the outbox that they write to, how long they wait. */

import type { Groups } from "../groups.js";
import { newGroup } from "../groups.js";
import type { ImageCatalogue } from "../image-catalogue.js";
import type { Inventory } from "../inventory.js";
import type { Outbox } from "../outbox.js";
import type { GroupRecord } from "../records.js";
import type { ControllerTimings } from "../timings.js";
import type { Member } from "./run.js";
import type { RunTable } from "./run-table.js";

export interface RunParts {
  readonly inventory: Inventory;
  readonly groups: Groups;
  readonly catalogue: ImageCatalogue;
  readonly runs: RunTable;
  readonly outbox: Outbox;
  readonly timings: ControllerTimings;
  readonly sessionsMax: number;
  readonly wanTransfersMax: number;
  /** Draws sixteen octets that nobody can guess. */
  readonly unguessable: () => Uint8Array;
}

/** What the operator set for a group; the defaults for a run without one. */
export function policyOf({ groups }: RunParts, name: string | null): GroupRecord {
  const group = groups.find(name ?? "");
  return group.ok ? group.value : newGroup(name ?? "");
}

/** Whether an AP speaks our upgrade elements. */
export const isCapable = ({ inventory }: RunParts, { mac }: Pick<Member, "mac">): boolean => inventory.get(mac)?.session?.capable ?? false;
