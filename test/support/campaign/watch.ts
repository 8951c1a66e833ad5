/** TFTP sessions at each AP while a run goes on, by the UDP ports that the kernel lists: nobody's own account. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ApNode } from "./branch.js";
import { udpPortsAt } from "./udp-ports.js";

const lookMs = 50;
/** The port of a session that has just ended may be listed beside that of the next. */
const looksInARow = 6;

export class SessionWatch {
  readonly #aps: readonly ApNode[];
  readonly #allowed: number;
  readonly #excess = new Map<string, number>();
  readonly #violations = new Set<string>();
  #over = false;
  readonly #done: Promise<void>;

  /** Begins while no AP serves or fetches. */
  constructor(aps: readonly ApNode[], sessionsMax: number) {
    this.#aps = aps;
    const idle = Math.max(...aps.map(({ address }) => udpPortsAt(address)));
    // One more: an AP that serves may be fetching itself.
    this.#allowed = idle + sessionsMax + 1;
    this.#done = this.#watch();
  }

  /** @returns what was seen against the rule */
  async stop(): Promise<readonly string[]> {
    this.#over = true;
    await this.#done;
    return [...this.#violations];
  }

  async #watch(): Promise<void> {
    while (!this.#over) {
      for (const { name, address } of this.#aps) {
        const ports = udpPortsAt(address);
        const looks = ports > this.#allowed ? (this.#excess.get(name) ?? 0) + 1 : 0;
        this.#excess.set(name, looks);
        if (looks === looksInARow) this.#violations.add(`${name} has ${ports} UDP ports, ${this.#allowed} are allowed`);
      }
      await sleep(lookMs);
    }
  }
}
