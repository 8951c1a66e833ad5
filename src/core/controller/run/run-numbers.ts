/**
 * Numbers of runs on the wire. Operators count a controller's runs from 1, but an AP that fails over carries the run of one controller to
 * another, so towards APs each controller counts from a start of its own, drawn once and stored.
 */
import { Prng } from "../../../base/prng.js";

/** Half of the 32 bits, so that no count of runs reaches the end. */
const startsMax = 2 ** 31 - 1;

export const drawRunNumberStart = (seed: number): number => new Prng(seed).split("run numbers").below(startsMax);

export class RunNumbers {
  readonly #start: number;

  constructor(start: number) {
    this.#start = start;
  }

  onWire(runId: number): number {
    return this.#start + runId;
  }

  /** 0 or less for a number that can be none of ours; one that is larger than ours have come to may be another controller's too. */
  ofWire(number: number): number {
    return number - this.#start;
  }
}
