/** A branch whose APs hold an image that they do not run yet, and what happens to them while they are activated. */
import { branch, type ControllerLab, mac, start } from "./controller-lab.js";

/** APs 1 to `count` hold image 9.0 and run 8.0; AP 1 was the run's primary. */
export function readyBranch(count: number): ControllerLab {
  const lab = branch(count);
  lab.do(start);
  lab.report(1, "complete", { path: "wan", wanBytes: 1000 });
  for (let number = 2; number <= count; number++) lab.report(number, "complete", { path: "lan", lanBytes: 1000 });
  for (let number = 1; number <= count; number++) lab.domain.apInventory(lab.now, mac(number), lab.inventory({ number }));
  lab.drain();
  lab.takeTold();
  return lab;
}

/** The AP swaps, resets, and leaves. */
export function goesDown(lab: ControllerLab, number: number): void {
  while (lab.told.some((told) => told.mac === mac(number))) lab.answer(number);
  lab.leave(number);
}

export function comesBack(lab: ControllerLab, ...numbers: number[]): void {
  for (const number of numbers) lab.join({ number, booted: true });
}

/** It came back on the image that it ran before. */
export function fallsBack(lab: ControllerLab, number: number): void {
  lab.join({ number, rolledBack: { version: "9.0", detail: "it joined no controller within 300 s" } });
}

/** Every AP that was ordered does as it is told and stays. */
export function goesWell(lab: ControllerLab, ...numbers: number[]): void {
  for (const number of numbers) goesDown(lab, number);
  comesBack(lab, ...numbers);
  lab.pass(2_000);
}

/** APs that were told something, each once, in order. */
export const ordered = (lab: ControllerLab): number[] => [...new Set(lab.told.map((told) => Number.parseInt(told.mac.slice(-2), 16)))];

/** `in batch 2`, `stopped: …`: of the last event. */
export const phases = (lab: ControllerLab): string[] =>
  lab.events.flatMap((event) => {
    if (event.type !== "activation") return [];
    const { state } = event;
    return [state.phase === "ended" ? state.outcome : "batch" in state ? `${state.phase} ${state.batch}` : state.phase];
  });
