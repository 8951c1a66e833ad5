import type { GroupRecord } from "../records.js";

type SetRate = (name: string, bytesPerSecond: number) => void;

const allAps = "controller";
const nameOf = (group: GroupRecord): string => `group ${group.name}`;

/** The rates that WAN transfers share: one for the controller, one for each group that has its own. */
export class WanRates {
  readonly #setRate: SetRate;
  readonly #common: readonly string[];

  /** @param bytesPerSecondMax null for no cap */
  constructor(bytesPerSecondMax: number | null, setRate: SetRate) {
    this.#setRate = setRate;
    this.#common = bytesPerSecondMax === null ? [] : [allAps];
    if (bytesPerSecondMax !== null) setRate(allAps, bytesPerSecondMax);
  }

  /** Names of the rates that a transfer to an AP of this group keeps to. */
  namesFor(group: GroupRecord | undefined): readonly string[] {
    if (group === undefined) return this.#common;
    this.groupChanged(group);
    return [...this.#common, nameOf(group)];
  }

  /** A changed rate holds for the group's running transfers, too. */
  groupChanged(group: GroupRecord): void {
    this.#setRate(nameOf(group), group.wan.bytesPerSecondMax ?? Number.POSITIVE_INFINITY);
  }
}
