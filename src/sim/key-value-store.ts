import type { Prng } from "../base/prng.js";
import type { Instant } from "../base/time.js";
import type { StoredRecord } from "../core/controller/records.js";
import type { World } from "./world.js";

/**
 * The controller's data folder. A batch of records is applied whole at the end of its fsync; a power cut before that
 * keeps some of the pending batches, in order, and never half of one.
 */
export class KeyValueStore {
  readonly #world: World;
  readonly #prng: Prng;
  readonly #syncMs: number;
  readonly #stored = new Map<string, string>();
  #coming: (readonly StoredRecord[])[] = [];
  #freeAt: Instant = 0;
  readonly #name: string;

  constructor(world: World, name: string, syncMs: number) {
    this.#world = world;
    this.#name = `${name}/store`;
    this.#prng = world.prng.split(this.#name);
    this.#syncMs = syncMs;
  }

  /** @returns the instant at which the records are durable */
  persist(records: readonly StoredRecord[]): Instant {
    this.#freeAt = Math.max(this.#world.now, this.#freeAt) + this.#syncMs;
    this.#coming.push(records);
    const queue = this.#coming;
    this.#world.schedule(this.#freeAt, { name: this.#name, alive: true, take: () => this.#apply(queue.shift() ?? []) }, undefined);
    return this.#freeAt;
  }

  records(): StoredRecord[] {
    return [...this.#stored].map(([key, value]) => ({ key, value: JSON.parse(value) }));
  }

  crash(): void {
    const coming = this.#coming.splice(0);
    for (const batch of coming.slice(0, this.#prng.below(coming.length + 1))) this.#apply(batch);
    this.#coming = [];
    this.#freeAt = 0;
  }

  #apply(records: readonly StoredRecord[]): void {
    for (const { key, value } of records) {
      if (value === null) this.#stored.delete(key);
      else this.#stored.set(key, JSON.stringify(value));
    }
  }
}
