import type { SlotId } from "../core/ap/contract.js";
import { newGroup } from "../core/controller/groups.js";
import type { ApImageRow } from "../core/controller/operator/views.js";
import { countsStoredEveryMs } from "../core/controller/run/wan-counts.js";
import { ports } from "../wire/capwap/defaults.js";
import type { ApNode } from "./ap-node.js";
import { type Check, enforce } from "./checkers.js";
import { Fleet } from "./fleet.js";
import type { FleetOptions } from "./fleet-options.js";
import { watchRequests } from "./request-watch.js";
import { watchFallbacks, watchWanRate } from "./wan-watch.js";

/** A fleet that stops with a CheckFailed at the first event that breaks a rule. */
export function checkedFleet(options?: Partial<FleetOptions>): Fleet {
  const fleet = new Fleet(options);
  enforce(fleet.world, fleetChecks(fleet));
  return fleet;
}

/** What must hold in a branch after every event, no matter what is lost, cut off or killed. */
function fleetChecks(fleet: Fleet): readonly Check[] {
  const { watch } = fleet;
  const { sessionsMax, retryCount, aps, imageBytes, wanPolicy, wanBytesPerSecond } = fleet.options;
  const policy = { ...newGroup("").wan, ...wanPolicy };
  const someAp = (what: (ap: ApNode) => string | undefined): (() => string | undefined) => {
    return () => {
      for (const ap of fleet.aps) {
        const wrong = what(ap);
        if (wrong !== undefined) return `${ap.facts.name}: ${wrong}`;
      }
      return undefined;
    };
  };
  return [
    {
      name: "sessions at a server",
      broken: someAp(({ openSessions }) => {
        watch.sessionsMost = Math.max(watch.sessionsMost, openSessions);
        return openSessions > sessionsMax ? `${openSessions} sessions, ${sessionsMax} are allowed` : undefined;
      }),
    },
    {
      name: "the running slot is never written",
      broken: someAp(({ store }) => (store.runningSlotWrites > 0 ? `slot ${store.running} runs and was written` : undefined)),
    },
    {
      name: "only verified chunks are served",
      broken: someAp(({ unsoundOffers }) => (unsoundOffers > 0 ? `${unsoundOffers} chunks are not what their names say` : undefined)),
    },
    { name: "what can be booted is whole", broken: someAp(onChange((ap) => spoiledSlot(fleet, ap))) },
    {
      name: "tries within the limit",
      broken: () => (watch.triesMost > retryCount ? `${watch.triesMost} tries, ${retryCount} are allowed` : undefined),
    },
    watchWanRate(
      fleet.world,
      [wanBytesPerSecond, policy.bytesPerSecondMax],
      Math.min(policy.transfersMax, aps),
      () => fleet.controller.imageBytesSent,
    ),
    watchFallbacks(policy, imageBytes, watch.fallbacks),
    watchRequests(fleet.network, ports.control),
  ];
}

/** Checks again only when the AP's disk has changed. */
function onChange(what: (ap: ApNode) => string | undefined): (ap: ApNode) => string | undefined {
  const seen = new Map<ApNode, number>();
  return (ap) => {
    if (seen.get(ap) === ap.store.revision) return undefined;
    seen.set(ap, ap.store.revision);
    return what(ap);
  };
}

/** A slot that the boot record lists must hold exactly the image of that version for this AP's family. */
function spoiledSlot(fleet: Fleet, { facts, store }: ApNode): string | undefined {
  for (const slot of ["a", "b"] as const satisfies readonly SlotId[]) {
    const listed = store.record.slots[slot];
    if (listed === null) continue;
    const due = fleet.imageOf(facts.model, listed.version);
    const found = store.slotImage(slot);
    if (due === undefined || found !== due)
      return `slot ${slot} is listed as ${listed.version} and holds ${found?.name ?? "no whole image"}`;
    if (listed.sha256 !== due.sha256 || listed.sizeBytes !== due.sizeBytes) return `slot ${slot} is listed with facts of another image`;
  }
  if (store.record.slots[store.record.bootSlot] === null) return "the slot that boots next is empty";
  return undefined;
}

/** What must hold once a run has ended and its last reports have arrived. @returns all violations */
export function finalFaults(fleet: Fleet): string[] {
  const wrong: string[] = [];
  const rows = new Map(fleet.rows().map((row) => [row.mac, row]));
  for (const ap of fleet.aps) {
    const row = rows.get(ap.facts.mac);
    if (row === undefined) wrong.push(`${ap.facts.name}: the controller does not know it`);
    else wrong.push(...apFaults(fleet, ap, row).map((fault) => `${ap.facts.name}: ${fault}`));
  }
  return wrong;
}

function apFaults(fleet: Fleet, ap: ApNode, row: ApImageRow): string[] {
  const wrong: string[] = [];
  const aborted = fleet.watch.runState === "aborted";
  const ended = row.status === "Complete" || row.status === "NotSupported" || (row.status === "None" && (aborted || row.version === null));
  const failed = row.status === "Failed" && row.failureReason !== null && row.failureReason !== "none";
  if (!ended && !failed) wrong.push(`ended as ${row.status} (${row.failureReason ?? "no reason"})`);
  if (ap.openSessions > 0) wrong.push(`${ap.openSessions} sessions are open after the end`);
  const holds = (["a", "b"] as const).some((slot) => ap.store.slotImage(slot) === fleet.imageOf(ap.facts.model, row.version ?? ""));
  if (row.status === "Complete" && !holds) wrong.push(`is counted as complete and does not hold ${row.version}`);
  const own = fleet.watch.progress.get(ap.facts.name)?.progress;
  if (own === undefined || !ap.node.alive || failed) return wrong;
  // A power cut loses what an AP counted since its last change of state, while the controller remembers its reports. And
  // over the WAN it counts what it sent, which is more than arrives where blocks are lost; its own power cut loses what it had not stored.
  const mayExceed = { wanBytes: Number.POSITIVE_INFINITY, lanBytes: ap.powerCuts > 0 ? Number.POSITIVE_INFINITY : 0 };
  const mayLack = { wanBytes: forgottenBytesMax(fleet), lanBytes: 0 };
  for (const count of ["wanBytes", "lanBytes"] as const) {
    const excess = row[count] - own[count];
    if (excess > mayExceed[count] || -excess > mayLack[count])
      wrong.push(`the controller counts ${row[count]} ${count}, the AP ${own[count]}`);
  }
  if (own.state === "complete" && row.retryCount !== null && row.retryCount !== own.tries)
    wrong.push(`the controller counts ${row.retryCount} tries, the AP ${own.tries}`);
  return wrong;
}

/** What the line carries between two savings of the counts, for each power cut of the controller. */
const forgottenBytesMax = ({ controller, options: { wan, syncMs } }: Fleet): number =>
  (controller.powerCuts * (countsStoredEveryMs + syncMs) * wan.bitsPerSecond) / 8_000;
