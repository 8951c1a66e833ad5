import type { Network } from "./network.js";
import type { SimNode } from "./node-host.js";
import type { Actor, World } from "./world.js";

/** When a fault strikes: at a time of the run, or at the first event after which a condition holds. */
export type Moment = { readonly afterMs: number } | { readonly when: () => boolean };

/** Runs `strike` once, at its moment. */
export function at(world: World, moment: Moment, strike: () => void): void {
  if ("afterMs" in moment) {
    after(world, moment.afterMs, strike);
    return;
  }
  let struck = false;
  world.observe(() => {
    if (struck || !moment.when()) return;
    struck = true;
    after(world, 0, strike);
  });
}

export function after(world: World, delayMs: number, act: () => void): void {
  const actor: Actor<undefined> = { name: "fault", alive: true, take: act };
  world.schedule(world.now + delayMs, actor, undefined);
}

/** Power loss; with `downMs`, power returns. The disk survives. */
export function powerLoss(world: World, moment: Moment, node: SimNode, downMs?: number): void {
  at(world, moment, () => {
    node.crash();
    if (downMs !== undefined) after(world, downMs, () => node.alive || node.start());
  });
}

/** No datagram passes between the addresses of `one` and of `other` for `durationMs`, in either direction. */
export function partition(
  world: World,
  moment: Moment,
  network: Network,
  one: (address: string) => boolean,
  other: (address: string) => boolean,
  durationMs: number,
): void {
  at(world, moment, () => {
    const heal = network.cut((from, to) => (one(from) && other(to)) || (other(from) && one(to)));
    after(world, durationMs, heal);
  });
}
