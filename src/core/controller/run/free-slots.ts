/** The `assigned` distribution: how many more subordinates a primary has slots for. */
import type { MacAddress } from "../../../base/mac-address.js";
import type { Inventory } from "../inventory.js";
import { isWorking } from "./member-state.js";
import type { Family, Member } from "./run.js";

/**
 * Whether the AP is expected to have a session at this primary, now or in a moment. One that waits for another try has none, nor has one
 * that has every byte and is storing them. For one that is away, the primary's own report decides.
 */
export function isAtServer({ state, heard, family }: Member, server: MacAddress): boolean {
  if (!isWorking(state) || state.task.role !== "subordinate" || state.task.server !== server || state.contact === "away") return false;
  return heard.state !== "waiting" && heard.bytesDone < (family.image?.sizeBytes ?? 0);
}

/** Slots of the primary that neither an assigned AP nor anyone else uses. */
export function freeSlots({ members, served }: Family, server: MacAddress, inventory: Inventory, sessionsMax: number): number {
  let used = 0;
  const present = new Set<string>();
  for (const member of members.values()) {
    if (isAtServer(member, server)) used++;
    const session = inventory.get(member.mac)?.session;
    if (session) present.add(session.peer.address).add(session.localAddress ?? session.peer.address);
  }
  const others = (served?.sessions ?? []).filter(({ peer }) => !present.has(peer.address));
  return sessionsMax - used - others.length;
}
