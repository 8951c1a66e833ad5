/**
 * Numbers of runs on the wire. Operators count a controller's runs from 1, but an AP that fails over carries the run of one controller to
 * another, so towards APs each controller counts from a start of its own, drawn once and stored.
 */
import type { Flavor } from "../../../base/flavor.js";
import { Prng } from "../../../base/prng.js";
import type { WireRunId } from "../../../wire/capwap/vendor.js";

/** A run as this controller and its operators count it, from 1. */
export type RunId = Flavor<number, "RunId">;

/** A message of an AP with the controller's own number of the run. */
export type WithRunId<Message extends { readonly runId: WireRunId }> = Omit<Message, "runId"> & { readonly runId: RunId };

/** Half of the 32 bits, so that no count of runs reaches the end. */
const startsMax = 2 ** 31 - 1;

export const drawRunNumberStart = (seed: number): number => new Prng(seed).split("run numbers").below(startsMax);

export class RunNumbers {
  readonly #start: number;

  constructor(start: number) {
    this.#start = start;
  }

  onWire(runId: RunId): WireRunId {
    return this.#start + runId;
  }

  /** 0 or less for a number that can be none of ours; one that is larger than ours have come to may be another controller's too. */
  ofWire(number: WireRunId): RunId {
    return number - this.#start;
  }
}
