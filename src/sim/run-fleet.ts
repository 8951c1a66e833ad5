import { Prng } from "../base/prng.js";
import type { ApImageRow } from "../core/controller/operator/views.js";
import type { RunState } from "../core/controller/run/run.js";
import { familyOfName } from "../core/upgrade/models.js";
import { CheckFailed } from "./checkers.js";
import type { Fleet } from "./fleet.js";
import { checkedFleet, finalFaults } from "./fleet-checks.js";
import { drawFaults, drawLinkFaults, type FleetFault, planFaults } from "./fleet-faults.js";
import type { FleetOptions } from "./fleet-options.js";

/** The outcome of one group upgrade in virtual time. */
export interface FleetOutcome {
  readonly seed: number;
  /** Same seed, same options and same code give the same hash. */
  readonly traceHash: string;
  /** How the run ended; null if it did not within its time. */
  readonly runState: RunState | null;
  /** Virtual milliseconds from the order to the end of the run. */
  readonly virtualMs: number;
  readonly events: number;
  readonly models: readonly { readonly family: string; readonly wanCopies: number; readonly wanBytes: number; readonly lanBytes: number }[];
  /** APs by their state in the controller's views at the end. */
  readonly complete: number;
  readonly overWan: number;
  readonly failed: readonly { readonly ap: string; readonly reason: string }[];
  readonly sessionsMost: number;
  readonly triesMost: number;
  readonly datagrams: { readonly sent: number; readonly lost: number; readonly duplicated: number; readonly reordered: number };
  /** Broken rules; empty for a good run. */
  readonly faults: readonly string[];
}

export interface FleetRun extends Partial<FleetOptions> {
  readonly seed: number;
  readonly faults?: readonly FleetFault[];
  /** Virtual time that the run may take. */
  readonly withinMs?: number;
}

const dayMs = 86_400_000;
/** Time after the run's end for reports, retransmissions and returning nodes. */
const settleMs = 900_000;

/** Sets up a fleet, starts its upgrade, injects the faults and checks the outcome once everything has settled. */
export function runFleet({ faults = [], withinMs = dayMs, ...options }: FleetRun): FleetOutcome {
  const fleet = checkedFleet(options);
  const wrong: string[] = [];
  let startedAt = fleet.world.now;
  let endedAt = startedAt;
  try {
    fleet.setUp();
    startedAt = fleet.world.now;
    fleet.start();
    planFaults(fleet, faults);
    if (!fleet.finish(withinMs)) wrong.push(`the run has not ended after ${withinMs / 1000} s`);
    endedAt = fleet.world.now;
    fleet.world.runFor(settleMs);
    // A late power loss may have taken down the controller; then there is no one to ask.
    fleet.world.runUntil(() => fleet.controller.node.alive, fleet.world.now + settleMs);
    fleet.world.runFor(settleMs);
    wrong.push(...finalFaults(fleet), ...brokenPromises(fleet, faults));
  } catch (error) {
    if (!(error instanceof CheckFailed)) throw error;
    wrong.push(error.message);
  }
  return outcome(fleet, endedAt - startedAt, wrong);
}

/** Absence that the controller waits for (its `absentMs`), plus the time until it notices. */
const briefMs = 600_000;

/** Whether a fault may legitimately leave an AP without the image. */
function mayCostAnImage(fault: FleetFault): boolean {
  const lastsMs =
    fault.type === "credential-revoked"
      ? (fault.forMs ?? Number.POSITIVE_INFINITY)
      : "forMs" in fault
        ? fault.forMs
        : fault.type === "ap-power-loss"
          ? (fault.downMs ?? Number.POSITIVE_INFINITY)
          : "downMs" in fault
            ? fault.downMs
            : 0;
  return lastsMs > briefMs || fault.type === "abort" || fault.type === "flash-full" || fault.type === "flash-worn";
}

/** What the product promises beyond the rules: in the end every AP has the image, over one WAN copy per model if nothing fails. */
function brokenPromises(fleet: Fleet, faults: readonly FleetFault[]): string[] {
  if (faults.some(mayCostAnImage)) return [];
  // An AP that joined the group after the run took no part in it.
  const without = fleet.rows().filter((row) => row.status !== "Complete" && row.version !== null && !isLeftWithout(fleet, row));
  const wrong = without.map(({ name, status, failureReason }) => `${name} is without the image: ${status} ${failureReason ?? ""}`);
  const { wan, lan, retryCount, aps } = fleet.options;
  const aGoodDay = faults.length === 0 && wan.loss + lan.loss === 0 && retryCount >= aps;
  if (!aGoodDay) return wrong;
  for (const { family, wanCopies } of fleet.group().models) {
    const arrived = arrivedOverWan(fleet, family);
    if (wanCopies > 1 || arrived > fleet.options.imageBytes) wrong.push(`${family} crossed the WAN ${wanCopies} times, ${arrived} bytes`);
  }
  return wrong;
}

/** By the APs' own count. The controller counts blocks twice that a full queue or a late answer made it send again, even without faults. */
function arrivedOverWan({ aps, watch }: Fleet, family: string): number {
  return aps
    .filter(({ facts }) => familyOfName(facts.model) === family)
    .reduce((sum, { facts }) => sum + (watch.progress.get(facts.name)?.progress.wanBytes ?? 0), 0);
}

/** The operator allows no fallback, and this AP has used up its tries. */
function isLeftWithout({ options }: Fleet, { status, retryCount }: ApImageRow): boolean {
  return options.wanPolicy.fallback === "fail" && status === "Failed" && (retryCount ?? 0) >= options.retryCount;
}

function outcome(fleet: Fleet, virtualMs: number, faults: readonly string[]): FleetOutcome {
  const { world, watch, controller } = fleet;
  const rows = controller.node.alive && faults.length === 0 ? fleet.rows() : [];
  const models = controller.node.alive && faults.length === 0 ? fleet.group().models : [];
  const links = [fleet.wanDown, fleet.wanUp, ...fleet.uplinks.values()].map(({ counters }) => counters);
  const total = (count: keyof (typeof links)[number]): number => links.reduce((sum, counters) => sum + counters[count], 0);
  return {
    seed: world.seed,
    traceHash: world.trace.digest(),
    runState: watch.runState,
    virtualMs,
    events: world.eventsTaken,
    models: models.map(({ family, wanCopies, wanBytes, lanBytes }) => ({ family, wanCopies, wanBytes, lanBytes })),
    complete: rows.filter(({ status }) => status === "Complete").length,
    overWan: rows.filter(({ status, source }) => status === "Complete" && source === "wan").length,
    failed: rows.filter(({ status }) => status === "Failed").map(({ name, failureReason }) => ({ ap: name, reason: failureReason ?? "" })),
    sessionsMost: watch.sessionsMost,
    triesMost: watch.triesMost,
    datagrams: { sent: total("sent"), lost: total("lost"), duplicated: total("duplicated"), reordered: total("reordered") },
    faults,
  };
}

/** A run that only its seed describes: size, line quality and faults are drawn from it. */
export function drawRun(seed: number): FleetRun {
  const prng = new Prng(seed).split("run");
  const aps = 2 + prng.below(11);
  const rate = (most: number): number => (prng.fraction() < 0.4 ? 0 : prng.fraction() * most);
  const line = { loss: rate(0.05), duplication: rate(0.03), reordering: rate(0.1), reorderMsMax: 20, jitterMs: rate(5) };
  const lateAps = prng.fraction() < 0.2 ? [aps - 1] : [];
  const links = new Prng(seed).split("links");
  const link = links.fraction() < 0.5 ? "clear" : "dtls";
  return {
    seed,
    aps,
    models: ["AIR-AP2802I", "AIR-AP1832I", "AIR-CAP3702I"].slice(0, 1 + prng.below(3)),
    imageBytes: 20_000 + prng.below(prng.fraction() < 0.3 ? 800_000 : 200_000),
    wan: { latencyMs: 1 + prng.below(150), bitsPerSecond: 10 ** (5.5 + 2 * prng.fraction()), queueBytes: 100_000, ...line },
    lan: { latencyMs: 0.5, bitsPerSecond: 1e8, queueBytes: 500_000, ...line, reorderMsMax: 2 },
    retryCount: prng.fraction() < 0.5 ? 1 + prng.below(4) : 44,
    sessionsMax: prng.fraction() < 0.7 ? 3 : 1 + prng.below(3),
    wave2Refetch: prng.fraction() < 0.5,
    lateAps,
    fastTransfer: prng.fraction() < 0.5,
    link,
    faults: [...drawFaults(prng, aps, 600_000), ...(link === "dtls" ? drawLinkFaults(links, aps, 600_000) : [])],
    ...drawWan(new Prng(seed).split("wan"), aps),
  };
}

/** Often the defaults; else limits, a policy and a budget in any combination. */
function drawWan(prng: Prng, aps: number): Pick<FleetOptions, "wanPolicy" | "wanBytesPerSecond"> {
  const rate = (): number | null => (prng.fraction() < 0.5 ? null : Math.round(10 ** (4 + 2 * prng.fraction())));
  if (prng.fraction() < 0.4) return { wanPolicy: {}, wanBytesPerSecond: null };
  return {
    wanPolicy: {
      fallback: (["fallback", "fallback", "wait", "fail"] as const)[prng.below(4)] ?? "fallback",
      transfersMax: prng.fraction() < 0.5 ? 8 : 1 + prng.below(3),
      bytesPerSecondMax: rate(),
      fallbackApsMax: prng.fraction() < 0.5 ? null : prng.below(aps),
      fallbackBytesMax: prng.fraction() < 0.7 ? null : prng.below(1_000_000),
    },
    wanBytesPerSecond: rate(),
  };
}
