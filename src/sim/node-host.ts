import type { Endpoint } from "../base/endpoint.js";
import { invariant } from "../base/invariant.js";
import { type Machine, type Wake, wake } from "../base/machine.js";
import type { Instant } from "../base/time.js";
import type { Network, Receiver, Socket } from "./network.js";
import type { Actor, World } from "./world.js";

interface Typed {
  readonly type: string;
}

/**
 * What each effect of a machine does in this world. An entry that returns an instant is a barrier: the
 * effects behind it wait until then, as they would for an fsync in the daemon.
 */
export type EffectTable<Effect extends Typed> = {
  readonly [Type in Effect["type"]]: (effect: Extract<Effect, { readonly type: Type }>) => Instant | undefined;
};

/** Hosts one machine: gives it inputs, performs its effects in order, arms its single timer. */
export class MachineHost<Input extends Typed, Effect extends Typed> implements Actor<Input> {
  readonly name: string;
  alive = true;
  readonly #world: World;
  readonly #machine: Machine<Input | Wake, Effect>;
  readonly #effects: EffectTable<Effect>;
  #waiting: Effect[] = [];
  #held = false;
  #armedAt: Instant | undefined;
  readonly #timer: Actor<Instant>;
  readonly #barrier: Actor<undefined>;

  constructor(world: World, name: string, machine: Machine<Input | Wake, Effect>, effects: EffectTable<Effect>) {
    this.#world = world;
    this.name = name;
    this.#machine = machine;
    this.#effects = effects;
    const part = <Value>(part: string, take: (value: Value) => void): Actor<Value> => {
      const host = this;
      return {
        name: `${name}.${part}`,
        get alive() {
          return host.alive;
        },
        take,
      };
    };
    this.#timer = part("timer", (at) => this.#wake(at));
    this.#barrier = part("barrier", () => this.#release());
    this.#arm();
  }

  take(input: Input): void {
    this.#step(input);
  }

  #step(input: Input | Wake): void {
    this.#world.trace.text(input.type);
    this.#machine.step(this.#world.now, input, this.#waiting);
    if (!this.#held) this.#perform();
    this.#arm();
  }

  /** Performs pending effects up to the next barrier. Adapters post inputs and never step a machine themselves. */
  #perform(): void {
    const effects = this.#waiting;
    for (let index = 0; index < effects.length; index++) {
      const effect = effects[index] as Effect;
      this.#world.trace.text(effect.type);
      const perform = this.#effects[effect.type as Effect["type"]] as (effect: Effect) => Instant | undefined;
      const heldUntil = perform(effect);
      // An effect may end this host: after a reboot nothing is left to perform.
      if (!this.alive) return;
      if (heldUntil !== undefined) {
        this.#waiting = effects.slice(index + 1);
        this.#held = true;
        this.#world.schedule(heldUntil, this.#barrier, undefined);
        return;
      }
    }
    effects.length = 0;
  }

  #release(): void {
    this.#held = false;
    this.#perform();
  }

  #wake(at: Instant): void {
    if (at !== this.#armedAt) return;
    this.#armedAt = undefined;
    const due = this.#machine.nextWakeAt();
    if (due !== undefined && due <= this.#world.now) this.#step(wake);
    else this.#arm();
  }

  /** A deadline that moved later needs no new event: the earlier one arms again when it comes. */
  #arm(): void {
    const due = this.#machine.nextWakeAt();
    if (due === undefined || (this.#armedAt !== undefined && this.#armedAt <= due)) return;
    this.#armedAt = Math.max(due, this.#world.now);
    this.#world.schedule(this.#armedAt, this.#timer, this.#armedAt);
  }
}

/** One boot of a node: its machines and sockets, which end together. */
export class Life {
  readonly node: SimNode;
  readonly #hosts = new Set<{ alive: boolean }>();
  readonly #closers = new Set<() => void>();

  constructor(node: SimNode) {
    this.node = node;
  }

  host<Input extends Typed, Effect extends Typed>(
    part: string,
    machine: Machine<Input | Wake, Effect>,
    effects: EffectTable<Effect>,
  ): MachineHost<Input, Effect> {
    const host = new MachineHost<Input, Effect>(this.node.world, `${this.node.name}/${part}`, machine, effects);
    this.#hosts.add(host);
    return host;
  }

  /** Ends an actor with this boot. */
  adopt<Part extends { alive: boolean }>(part: Part): Part {
    this.#hosts.add(part);
    return part;
  }

  /** @returns the endpoint taken, and how to release it before the boot ends */
  bind(network: Network, wanted: Endpoint, receiver: Receiver): Socket {
    const { local, close } = network.bind(wanted, receiver);
    this.#closers.add(close);
    return {
      local,
      close: () => {
        close();
        this.#closers.delete(close);
      },
    };
  }

  /** Ends one machine before the others. */
  drop(host: { alive: boolean }): void {
    host.alive = false;
    this.#hosts.delete(host);
  }

  end(): void {
    for (const host of this.#hosts) host.alive = false;
    for (const close of this.#closers) close();
  }
}

/** A node that can lose power and come back. Only what its creator keeps outside of `boot` survives: the disk. */
export class SimNode {
  readonly world: World;
  readonly name: string;
  readonly #boot: (life: Life) => void;
  readonly #crash: () => void;
  #life: Life | undefined;
  boots = 0;

  /**
   * @param boot builds the machines of one boot
   * @param crash does to the disk what a power cut does
   */
  constructor(world: World, name: string, boot: (life: Life) => void, crash: () => void = () => {}) {
    this.world = world;
    this.name = name;
    this.#boot = boot;
    this.#crash = crash;
  }

  get alive(): boolean {
    return this.#life !== undefined;
  }

  start(): void {
    invariant(this.#life === undefined, `${this.name} is already running`);
    this.boots++;
    this.#life = new Life(this);
    this.#boot(this.#life);
  }

  /** Ends the machines in order: pending writes reach the disk. */
  stop(): void {
    this.#life?.end();
    this.#life = undefined;
  }

  /** Ends the machines abruptly and cuts the disk's power. */
  crash(): void {
    if (this.#life === undefined) return;
    this.stop();
    this.#crash();
  }
}
