/** The highest of the values of the last `rounds` rounds; O(1) on average. */
export class RoundMaxFilter {
  readonly #rounds: number;
  /** Values that may yet become the highest: falling, with rising rounds. */
  #candidates: { readonly round: number; readonly value: number }[] = [];

  constructor(rounds: number) {
    this.#rounds = rounds;
  }

  get value(): number {
    return this.#candidates[0]?.value ?? 0;
  }

  add(round: number, value: number): void {
    while (this.#candidates.length > 0 && (this.#candidates.at(-1)?.value ?? 0) <= value) this.#candidates.pop();
    this.#candidates.push({ round, value });
    // What is too old goes; the last value stays until another comes.
    while (this.#candidates.length > 1 && (this.#candidates[0]?.round ?? 0) <= round - this.#rounds) this.#candidates.shift();
  }
}
