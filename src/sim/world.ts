import { invariant } from "../base/invariant.js";
import { Prng } from "../base/prng.js";
import type { Instant } from "../base/time.js";
import { EventHeap, type Scheduled } from "./event-heap.js";
import { TraceHash } from "./trace-hash.js";

/** Anything that takes inputs: a hosted machine, the network, a fault plan. */
export interface Actor<Input> {
  /** Node and part, e.g. `ap-03/agent`. */
  readonly name: string;
  /** An event for an actor that has died is dropped. */
  readonly alive: boolean;
  take(input: Input): void;
}

interface WorldEvent extends Scheduled {
  readonly actor: Actor<unknown>;
  readonly input: unknown;
}

/** Called after every event; an exception ends the run. */
export type Observer = () => void;

/** 2026-01-01T00:00:00Z. Any epoch would do; a fixed one makes transcripts comparable. */
export const worldEpoch: Instant = 1_767_225_600_000;

/** Events at one instant before the run counts as stuck: some machine asks for wakes and does nothing with them. */
const eventsPerInstantMax = 200_000;

/**
 * Virtual time: one heap of (instant, sequence, actor, input). Nothing here reads a clock, and all
 * randomness comes from the seed, so the same seed and the same code give the same run and trace hash.
 */
export class World {
  readonly seed: number;
  readonly prng: Prng;
  readonly trace = new TraceHash();
  readonly #events = new EventHeap<WorldEvent>();
  readonly #observers: Observer[] = [];
  #now: Instant = worldEpoch;
  #sequence = 0;
  #taken = 0;
  #takenAtNow = 0;

  constructor(seed: number) {
    this.seed = seed;
    this.prng = new Prng(seed);
  }

  get now(): Instant {
    return this.#now;
  }

  /** Milliseconds of virtual time since the world began. */
  get elapsedMs(): number {
    return this.#now - worldEpoch;
  }

  /** Events that reached a living actor. */
  get eventsTaken(): number {
    return this.#taken;
  }

  /** Gives `input` to `actor` at `at`, or now where that has passed. */
  schedule<Input>(at: Instant, actor: Actor<Input>, input: Input): void {
    this.#events.push({ at: Math.max(at, this.#now), sequence: this.#sequence++, actor: actor as Actor<unknown>, input });
  }

  /** Gives `input` to `actor` at this instant, after the events already due. */
  post<Input>(actor: Actor<Input>, input: Input): void {
    this.schedule(this.#now, actor, input);
  }

  observe(observer: Observer): void {
    this.#observers.push(observer);
  }

  /** Handles the next event; false when none is left. */
  step(): boolean {
    const event = this.#events.pop();
    if (event === undefined) return false;
    if (!event.actor.alive) return true;
    if (event.at > this.#now) this.#takenAtNow = 0;
    this.#now = event.at;
    this.#taken++;
    this.#takenAtNow++;
    invariant(this.#takenAtNow <= eventsPerInstantMax, `time stands still at ${event.actor.name}`);
    this.trace.number(event.at);
    this.trace.text(event.actor.name);
    event.actor.take(event.input);
    for (const observer of this.#observers) observer();
    return true;
  }

  /**
   * Runs until `done` holds, no event is left or virtual time reaches `deadline`.
   * @returns whether `done` held
   */
  runUntil(done: () => boolean, deadline: Instant): boolean {
    while (!done()) {
      const next = this.#events.peek();
      if (next === undefined || next.at > deadline) return false;
      this.step();
    }
    return true;
  }

  /** Lets `durationMs` of virtual time pass. */
  runFor(durationMs: number): void {
    const deadline = this.#now + durationMs;
    this.runUntil(() => false, deadline);
    this.#now = deadline;
  }
}
