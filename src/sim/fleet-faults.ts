import type { Prng } from "../base/prng.js";
import type { ApNode } from "./ap-node.js";
import { after, at, type Moment, partition, powerLoss } from "./faults.js";
import type { Fleet } from "./fleet.js";

/** When a fault strikes: milliseconds after the start of the run, or at a turning point of it. */
export type RunMoment = number | "primary-fetching" | "primary-serving" | "first-complete";

/** An AP by its index in the fleet, or the one that serves or fetches for the others at that moment. */
export type Victim = number | "primary";

export type FleetFault =
  /** Without `downMs` power never returns. */
  | { readonly type: "ap-power-loss"; readonly at: RunMoment; readonly ap: Victim; readonly downMs?: number }
  | { readonly type: "controller-power-loss"; readonly at: RunMoment; readonly downMs: number }
  /** The whole branch loses the controller. */
  | { readonly type: "wan-outage"; readonly at: RunMoment; readonly forMs: number }
  /** One AP loses everything. */
  | { readonly type: "ap-cut-off"; readonly at: RunMoment; readonly ap: Victim; readonly forMs: number }
  | { readonly type: "flash-full"; readonly at: RunMoment; readonly ap: Victim }
  | { readonly type: "flash-worn"; readonly at: RunMoment; readonly ap: Victim; readonly writes: number }
  /** The AP's key is void: its link ends. Without `forMs` it gets no other; 0 only ends the link. */
  | { readonly type: "credential-revoked"; readonly at: RunMoment; readonly ap: Victim; readonly forMs?: number }
  | { readonly type: "abort"; readonly at: RunMoment }
  /** APs that were left out join the group. */
  | { readonly type: "late-aps"; readonly at: RunMoment };

/** Schedules `faults` for a fleet whose run has just been started. */
export function planFaults(fleet: Fleet, faults: readonly FleetFault[]): void {
  for (const fault of faults) strikes[fault.type](fleet, fault as never);
}

type FaultOf<Type extends FleetFault["type"]> = Extract<FleetFault, { readonly type: Type }>;

const strikes: { readonly [Type in FleetFault["type"]]: (fleet: Fleet, fault: FaultOf<Type>) => void } = {
  "ap-power-loss": (fleet, { at: moment, ap, downMs }) =>
    at(fleet.world, momentOf(fleet, moment), () => powerLoss(fleet.world, { afterMs: 0 }, victim(fleet, ap).node, downMs)),
  "controller-power-loss": (fleet, { at: moment, downMs }) =>
    powerLoss(fleet.world, momentOf(fleet, moment), fleet.controller.node, downMs),
  "wan-outage": (fleet, { at: moment, forMs }) =>
    partition(fleet.world, momentOf(fleet, moment), fleet.network, isController(fleet), (address) => !isController(fleet)(address), forMs),
  "ap-cut-off": (fleet, { at: moment, ap, forMs }) =>
    at(fleet.world, momentOf(fleet, moment), () => {
      const { address } = victim(fleet, ap).facts;
      partition(
        fleet.world,
        { afterMs: 0 },
        fleet.network,
        (end) => end === address,
        (end) => end !== address,
        forMs,
      );
    }),
  "flash-full": (fleet, { at: moment, ap }) =>
    at(fleet.world, momentOf(fleet, moment), () => {
      const { store } = victim(fleet, ap);
      store.capacityBytes -= store.freeBytes;
    }),
  "flash-worn": (fleet, { at: moment, ap, writes }) =>
    at(fleet.world, momentOf(fleet, moment), () => {
      victim(fleet, ap).store.writesToFail += writes;
    }),
  "credential-revoked": (fleet, { at: moment, ap, forMs }) =>
    at(fleet.world, momentOf(fleet, moment), () => {
      const restore = fleet.revoke(victim(fleet, ap));
      if (forMs !== undefined) after(fleet.world, forMs, restore);
    }),
  abort: (fleet, { at: moment }) =>
    at(fleet.world, momentOf(fleet, moment), () => fleet.orderLater({ type: "group-abort", group: fleet.groupName })),
  "late-aps": (fleet, { at: moment }) =>
    at(fleet.world, momentOf(fleet, moment), () => {
      for (const index of fleet.options.lateAps) {
        const ap = fleet.aps[index];
        if (ap !== undefined) fleet.orderLater({ type: "group-ap-add", group: fleet.groupName, mac: ap.facts.mac });
      }
    }),
};

const isController =
  (fleet: Fleet): ((address: string) => boolean) =>
  (address) =>
    fleet.controller.endpoints.some((endpoint) => endpoint.address === address);

const momentOf = (fleet: Fleet, moment: RunMoment): Moment =>
  typeof moment === "number" ? { afterMs: moment } : { when: () => turns[moment](fleet) };

const stateOf = (fleet: Fleet, ap: ApNode) => fleet.watch.progress.get(ap.facts.name)?.progress;

const turns: { readonly [Turn in Exclude<RunMoment, number>]: (fleet: Fleet) => boolean } = {
  "primary-fetching": (fleet) => fleet.wanDown.counters.bytes > fleet.options.imageBytes / 2,
  "primary-serving": (fleet) => fleet.aps.some(({ openSessions }) => openSessions > 0),
  "first-complete": (fleet) => fleet.aps.some((ap) => stateOf(fleet, ap)?.path === "lan" && stateOf(fleet, ap)?.state === "complete"),
};

/** The AP with the most sessions, else the one that fetches over the WAN, else the first. */
function victim(fleet: Fleet, ap: Victim): ApNode {
  const chosen =
    ap === "primary"
      ? (fleet.aps.filter(({ openSessions }) => openSessions > 0).sort((a, b) => b.openSessions - a.openSessions)[0] ??
        fleet.aps.find((ap) => stateOf(fleet, ap)?.path === "wan" && stateOf(fleet, ap)?.state === "fetching") ??
        fleet.aps[0])
      : fleet.aps[ap % fleet.aps.length];
  if (chosen === undefined) throw new RangeError("a fleet without APs");
  return chosen;
}

/** Faults of the links alone, for a run that comes by DTLS. */
export function drawLinkFaults(prng: Prng, aps: number, spanMs: number): FleetFault[] {
  return Array.from({ length: prng.below(4) }, () => {
    const fault = { type: "credential-revoked", at: prng.below(spanMs), ap: prng.fraction() < 0.4 ? "primary" : prng.below(aps) } as const;
    return prng.fraction() < 0.1 ? fault : { ...fault, forMs: prng.fraction() < 0.5 ? 0 : Math.round(10 ** (2 + prng.fraction() * 4)) };
  });
}

/** A plan of up to four faults for a run of about `spanMs`, drawn from `prng`. */
export function drawFaults(prng: Prng, aps: number, spanMs: number): FleetFault[] {
  const some = <Item>(items: readonly Item[]): Item => items[prng.below(items.length)] as Item;
  const moment = (): RunMoment =>
    prng.fraction() < 0.5 ? some(["primary-fetching", "primary-serving", "first-complete"] as const) : prng.below(spanMs);
  const ap = (): Victim => (prng.fraction() < 0.4 ? "primary" : prng.below(aps));
  const duration = (): number => Math.round(10 ** (2 + prng.fraction() * 4));
  const draws: readonly (() => FleetFault)[] = [
    () => ({ type: "ap-power-loss", at: moment(), ap: ap(), downMs: duration() }),
    () => ({ type: "ap-power-loss", at: moment(), ap: ap() }),
    () => ({ type: "controller-power-loss", at: moment(), downMs: duration() }),
    () => ({ type: "wan-outage", at: moment(), forMs: duration() }),
    () => ({ type: "ap-cut-off", at: moment(), ap: ap(), forMs: duration() }),
    () => ({ type: "flash-full", at: moment(), ap: ap() }),
    () => ({ type: "flash-worn", at: moment(), ap: ap(), writes: 1 + prng.below(3) }),
    () => ({ type: "abort", at: moment() }),
    () => ({ type: "late-aps", at: moment() }),
  ];
  return Array.from({ length: prng.below(5) }, () => some(draws)());
}
