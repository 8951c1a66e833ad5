import type { World } from "./world.js";

/** Something that must hold after every event. */
export interface Check {
  readonly name: string;
  /** What is wrong, or undefined. Must be cheap: it runs hundreds of thousands of times. */
  readonly broken: () => string | undefined;
}

/** A rule was broken. The seed in the message reproduces the run. */
export class CheckFailed extends Error {
  override readonly name = "CheckFailed";
  readonly check: string;

  constructor(check: string, what: string, world: World) {
    super(`${check}: ${what} (seed ${world.seed}, event ${world.eventsTaken}, after ${(world.elapsedMs / 1000).toFixed(3)} s)`);
    this.check = check;
  }
}

/** Runs all `checks` after every event of `world`. */
export function enforce(world: World, checks: readonly Check[]): void {
  world.observe(() => {
    for (const { name, broken } of checks) {
      const what = broken();
      if (what !== undefined) throw new CheckFailed(name, what, world);
    }
  });
}
