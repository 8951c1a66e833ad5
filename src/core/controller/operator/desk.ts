import type { Failure, Result } from "../../../base/failure.js";
import type { Instant } from "../../../base/time.js";
import type { WanConfig } from "../contract.js";
import type { KnownAp } from "../inventory.js";
import type { Outbox } from "../outbox.js";
import type { PeerParity } from "../peer-parity.js";
import type { GroupRecord } from "../records.js";
import type { GroupUpgrade } from "../run/group-upgrade.js";
import { isTakingPart } from "../run/run.js";
import type { SystemState } from "../system-state.js";
import type { ControllerTimings } from "../timings.js";
import type { ResultOf } from "./order-results.js";
import type { MachineOrder, MachineOrderType } from "./orders.js";
import { refuse } from "./refusals.js";
import type { ViewParts } from "./view-parts.js";

/** What the orders work with. */
export interface Desk extends ViewParts {
  readonly outbox: Outbox;
  readonly peer: PeerParity;
  readonly upgrade: GroupUpgrade;
  readonly system: SystemState;
  readonly wan: WanConfig;
  readonly timings: ControllerTimings;
}

/** Answered through the outbox once the APs have answered. */
export const later = Symbol("later");

/** Refuses before it changes anything. */
export type Handler<T extends MachineOrderType> = (
  desk: Desk,
  order: MachineOrder & { readonly type: T },
  now: Instant,
  requestId: number,
) => Result<ResultOf<T>> | typeof later;

export type Handlers<T extends MachineOrderType = MachineOrderType> = { readonly [Type in T]: Handler<Type> };

type Answer<T> = Result<T> | typeof later;

export function withGroup<T>({ groups }: Desk, name: string, then: (group: GroupRecord) => Answer<T>): Answer<T> {
  const group = groups.find(name);
  return group.ok ? then(group.value) : group;
}

export const withIdleGroup = <T>(desk: Desk, name: string, then: (group: GroupRecord) => Answer<T>): Answer<T> =>
  withGroup(desk, name, (group) => (desk.runs.runningOfGroup(name) ? refuse.groupBusy(name) : then(group)));

export function isInRun({ runs }: Pick<Desk, "runs">, { record }: KnownAp): boolean {
  const member = runs.runningOfAp(record.mac);
  return member !== undefined && isTakingPart(member);
}

/** Why no upgrade of the group may start: its APs are booting another image. A scheduled activation waits for what the run brings. */
export function activationObjection(
  { activationTable }: Desk,
  group: string,
): { readonly ok: false; readonly failure: Failure } | undefined {
  const activation = activationTable.unfinishedOf(group);
  return activation && activation.record.state.phase !== "scheduled" ? refuse.groupActivating(group) : undefined;
}

/** Why no upgrade may start: the peer controller holds other images, and the order does not override that. */
export const peerObjection = ({ peer }: Desk, force: boolean | undefined): { readonly ok: false; readonly failure: Failure } | undefined =>
  force ? undefined : peer.objection();
