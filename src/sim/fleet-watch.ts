import type { MacAddress } from "../base/mac-address.js";
import type { ApEvent, RunProgress } from "../core/ap/contract.js";
import type { ControllerEvent } from "../core/controller/events.js";
import type { RunState } from "../core/controller/run/run.js";
import type { ApNode } from "./ap-node.js";

/** What a fleet's events have reported so far. */
export interface FleetWatch {
  readonly joined: Set<MacAddress>;
  running: boolean;
  /** The state in which the last run ended; null before any has. */
  runState: RunState | null;
  /** Each AP's last report on its run, and the most tries it ever reported. */
  readonly progress: Map<string, { readonly runId: number; readonly progress: RunProgress }>;
  triesMost: number;
  /** APs that were ordered to use the WAN for lack of a primary, by run. */
  readonly fallbacks: Map<number, Set<string>>;
  /** The most simultaneous sessions at any one server. */
  sessionsMost: number;
}

export const newWatch = (): FleetWatch => ({
  joined: new Set(),
  running: false,
  runState: null,
  progress: new Map(),
  triesMost: 0,
  fallbacks: new Map(),
  sessionsMost: 0,
});

export function noteControllerEvent(watch: FleetWatch, event: ControllerEvent): void {
  if (event.type === "ap-joined") watch.joined.add(event.mac);
  else if (event.type === "ap-left") watch.joined.delete(event.mac);
  else if (event.type === "run-started") {
    watch.running = true;
    watch.runState = null;
  } else if (event.type === "run-finished") {
    watch.running = false;
    watch.runState = event.state;
  }
}

export function noteApEvent(watch: FleetWatch, ap: ApNode, event: ApEvent): void {
  if (event.name === "order" && event.order.role === "fallback") {
    const { runId } = event.order;
    watch.fallbacks.set(runId, (watch.fallbacks.get(runId) ?? new Set()).add(ap.facts.name));
  }
  if (event.name !== "run") return;
  watch.progress.set(ap.facts.name, { runId: event.runId, progress: event.progress });
  watch.triesMost = Math.max(watch.triesMost, event.progress.tries);
}
