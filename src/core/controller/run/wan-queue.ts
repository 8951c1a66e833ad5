/**
 * Who may use the WAN now. Bounded over all and per lane (a group); lanes take turns; within a lane those
 * that many others wait for (`urgent`: primaries) go first, else first come, first served.
 */
import type { MacAddress } from "../../../base/mac-address.js";

interface Lane {
  readonly urgent: Set<MacAddress>;
  readonly ordinary: Set<MacAddress>;
  running: number;
}

export class WanQueue {
  readonly #lanes = new Map<string, Lane>();
  readonly #laneOf = new Map<MacAddress, string>();
  readonly #running = new Set<MacAddress>();
  /** Lanes with someone waiting, the one whose turn is next in front. */
  readonly #turns = new Set<string>();
  readonly #transfersMax: number;
  readonly #laneMax: (lane: string) => number;

  constructor(transfersMax: number, laneMax: (lane: string) => number) {
    this.#transfersMax = transfersMax;
    this.#laneMax = laneMax;
  }

  get running(): number {
    return this.#running.size;
  }

  get waiting(): number {
    return this.#laneOf.size - this.#running.size;
  }

  /** Queues an AP. One that waits or runs already keeps its place. */
  ask(mac: MacAddress, laneName: string, urgent: boolean): void {
    if (this.#laneOf.has(mac)) return;
    this.#laneOf.set(mac, laneName);
    let lane = this.#lanes.get(laneName);
    if (!lane) {
      lane = { urgent: new Set(), ordinary: new Set(), running: 0 };
      this.#lanes.set(laneName, lane);
    }
    (urgent ? lane.urgent : lane.ordinary).add(mac);
    this.#turns.add(laneName);
  }

  /** The AP's transfer is over, or it no longer wants one. */
  leave(mac: MacAddress): void {
    const laneName = this.#laneOf.get(mac);
    if (laneName === undefined) return;
    this.#laneOf.delete(mac);
    const lane = this.#lanes.get(laneName) as Lane;
    lane.urgent.delete(mac);
    lane.ordinary.delete(mac);
    if (this.#running.delete(mac)) lane.running--;
    if (lane.urgent.size + lane.ordinary.size === 0) this.#turns.delete(laneName);
    if (lane.running === 0 && !this.#turns.has(laneName)) this.#lanes.delete(laneName);
  }

  /** Lets the next AP in, or returns undefined when the bounds are reached or nobody waits. */
  next(): MacAddress | undefined {
    if (this.#running.size >= this.#transfersMax) return undefined;
    for (const laneName of this.#turns) {
      const lane = this.#lanes.get(laneName) as Lane;
      if (lane.running >= this.#laneMax(laneName)) continue;
      const queue = lane.urgent.size > 0 ? lane.urgent : lane.ordinary;
      const [mac] = queue;
      if (mac === undefined) continue;
      queue.delete(mac);
      this.#running.add(mac);
      lane.running++;
      this.#turns.delete(laneName);
      if (lane.urgent.size + lane.ordinary.size > 0) this.#turns.add(laneName);
      return mac;
    }
    return undefined;
  }
}
