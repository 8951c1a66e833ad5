import { type Machine, type Wake, wake } from "../base/machine.js";
import type { Instant } from "../base/time.js";
import type { Clock } from "./clock.js";

/**
 * Carries out one effect.
 *
 * Return nothing for an effect that is done or merely started (what comes of it is delivered later as an input).
 * Return a promise for a **barrier**: no later effect is performed before it resolves, those of later steps included.
 * The machine itself continues to take inputs meanwhile. A throw or a rejection is our own bug or a dead disk: it ends in `onFatal`.
 */
export type Perform<Effect> = (effect: Effect) => void | Promise<void>;

export interface HostOptions<Input, Effect> {
  readonly machine: Machine<Input, Effect>;
  readonly clock: Clock;
  readonly perform: Perform<Effect>;
  /** Called at most once; the host has stopped. */
  readonly onFatal: (error: unknown) => void;
}

/** `setTimeout` takes no more; a later deadline is armed again when this one fires. */
const longestTimeoutMs = 2 ** 31 - 1;

/**
 * Drives one machine in the real world: inputs one at a time, effects strictly in order, one timer at `nextWakeAt()`.
 * `sim/node-host.ts` is its twin.
 */
export class Host<Input, Effect> {
  readonly #machine: Machine<Input | Wake, Effect>;
  readonly #clock: Clock;
  readonly #perform: Perform<Effect>;
  readonly #onFatal: (error: unknown) => void;
  #inputs: (Input | Wake)[] = [];
  #effects: Effect[] = [];
  #nextEffect = 0;
  #running = false;
  #behindBarrier = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAt: Instant = Number.POSITIVE_INFINITY;

  constructor(options: HostOptions<Input | Wake, Effect>) {
    this.#machine = options.machine;
    this.#clock = options.clock;
    this.#perform = options.perform;
    this.#onFatal = options.onFatal;
  }

  /** Steps the machine with `input` now, or, when called from within `perform`, as soon as the current step is through. */
  deliver(input: Input): void {
    if (this.#stopped) return;
    this.#inputs.push(input);
    this.#run();
  }

  /** No input is taken and no effect performed any more. Idempotent. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#inputs = [];
    this.#effects = [];
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  #run(): void {
    if (this.#running) return;
    this.#running = true;
    try {
      this.#performEffects();
      for (let next = 0; next < this.#inputs.length; next++) {
        this.#machine.step(this.#clock.now(), this.#inputs[next] as Input | Wake, this.#effects);
        this.#performEffects();
      }
      this.#inputs.length = 0;
      if (!this.#stopped) this.#arm();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#running = false;
    }
  }

  #performEffects(): void {
    while (!this.#behindBarrier && this.#nextEffect < this.#effects.length) {
      const barrier = this.#perform(this.#effects[this.#nextEffect++] as Effect);
      if (barrier !== undefined) this.#waitFor(barrier);
    }
    if (this.#nextEffect < this.#effects.length) return;
    this.#effects.length = 0;
    this.#nextEffect = 0;
  }

  #waitFor(barrier: Promise<void>): void {
    this.#behindBarrier = true;
    barrier.then(
      () => {
        this.#behindBarrier = false;
        if (!this.#stopped) this.#run();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /**
   * Leaves a timer that fires too early in place, since deadlines mostly move away: a datagram then costs no timer call,
   * and the early firing only rearms it.
   */
  #arm(): void {
    const at = this.#machine.nextWakeAt();
    if (at === undefined || at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    const delayMs = Math.min(longestTimeoutMs, Math.max(0, Math.ceil(at - this.#clock.now())));
    this.#timer = setTimeout(() => this.#onTimer(), delayMs);
  }

  #onTimer(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    const at = this.#machine.nextWakeAt();
    if (at !== undefined && at <= this.#clock.now()) this.#inputs.push(wake);
    this.#run();
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.stop();
    this.#onFatal(error);
  }
}
